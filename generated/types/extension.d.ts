// Generated from schemas/extension.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Extension {
  id: string;
  name: string;
  version: string;
  type: 'plugin' | 'adapter' | 'hook' | 'capability' | 'policy' | 'audit';
  interface: {
    input_schema?: {
      [k: string]: unknown;
    };
    output_schema?: {
      [k: string]: unknown;
    };
    methods?: string[];
    events?: string[];
    [k: string]: unknown;
  };
  implementation: {
    runtime: 'nodejs' | 'python' | 'go' | 'java';
    entry_point: string;
    configuration?: {
      [k: string]: unknown;
    };
    resources?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  };
  dependencies?: {
    name: string;
    version: string;
    type: 'required' | 'optional';
    [k: string]: unknown;
  }[];
  security?: {
    permissions?: unknown[];
    sandbox_level?: 'none' | 'basic' | 'strict';
    signature?: string;
    [k: string]: unknown;
  };
  metadata?: {
    author?: string;
    description?: string;
    tags?: string[];
    license?: string;
    documentation_url?: string;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
