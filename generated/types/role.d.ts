// Generated from schemas/role.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Role {
  id: string;
  name: string;
  description?: string;
  version: string;
  capabilities: {
    name: string;
    type: 'skill' | 'permission' | 'resource';
    level: 'basic' | 'intermediate' | 'advanced' | 'expert';
    parameters?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  }[];
  permissions?: {
    resource: string;
    actions: string[];
    conditions?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  }[];
  constraints?: {
    time_limits?: {
      [k: string]: unknown;
    };
    resource_limits?: {
      [k: string]: unknown;
    };
    operational_limits?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  };
  inheritance?: {
    parent_roles?: string[];
    inherited_capabilities?: unknown[];
    overrides?: unknown[];
    [k: string]: unknown;
  };
  metadata?: {
    created_at?: string;
    updated_at?: string;
    certification_level?: string;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
