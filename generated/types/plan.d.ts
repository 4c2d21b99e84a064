// Generated from schemas/plan.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Plan {
  id: string;
  name: string;
  description?: string;
  tasks: {
    id: string;
    name: string;
    type: 'atomic' | 'composite';
    priority?: 'high' | 'medium' | 'low';
    estimated_duration?: string;
    resources_required?: unknown[];
    description?: string;
    category?: 'development' | 'testing' | 'documentation' | 'review';
    assigned_agent?: string;
    resources?: {
      cpu?: string;
      memory?: string;
      tools?: string[];
      [k: string]: unknown;
    };
    ai_ide_config?: {
      workspace?: string;
      environment?: string;
      required_plugins?: string[];
      [k: string]: unknown;
    };
    [k: string]: unknown;
  }[];
  dependencies?: {
    from_task: string;
    to_task: string;
    type: 'finish_to_start' | 'start_to_start' | 'finish_to_finish';
    [k: string]: unknown;
  }[];
  workflow?: {
    execution_strategy?: 'sequential' | 'parallel' | 'conditional';
    error_handling?: {
      [k: string]: unknown;
    };
    rollback_strategy?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  };
  validation?: {
    constraints?: unknown[];
    success_criteria?: unknown[];
    quality_gates?: unknown[];
    [k: string]: unknown;
  };
  objectives?: unknown[];
  timeline?: {
    [k: string]: unknown;
  };
  resources?: {
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
