// Generated from schemas/context.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Context {
  id: string;
  version: string;
  status: 'active' | 'suspended' | 'completed' | 'failed';
  lifecycle_stage: 'planning' | 'execution' | 'validation' | 'completion';
  shared_state: {
    variables?: {
      [k: string]: unknown;
    };
    resources?: {
      [k: string]: unknown;
    };
    dependencies?: string[];
    [k: string]: unknown;
  };
  access_control?: {
    permissions?: unknown[];
    roles?: unknown[];
    policies?: unknown[];
    [k: string]: unknown;
  };
  metadata?: {
    created_at?: string;
    updated_at?: string;
    created_by?: string;
    tags?: string[];
    [k: string]: unknown;
  };
  global_state?: {
    project_id?: string;
    session_id?: string;
    environment?: 'development' | 'staging' | 'production';
    [k: string]: unknown;
  };
  shared_data?: {
    variables?: {
      [k: string]: unknown;
    };
    artifacts?: unknown[];
    knowledge_base?: unknown[];
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
