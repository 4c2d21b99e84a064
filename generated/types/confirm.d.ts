// Generated from schemas/confirm.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Confirm {
  id: string;
  target: {
    type: 'task' | 'plan' | 'resource' | 'decision';
    id: string;
    description?: string;
    [k: string]: unknown;
  };
  type: 'approval' | 'validation' | 'verification' | 'authorization';
  criteria: {
    rules?: unknown[];
    thresholds?: {
      [k: string]: unknown;
    };
    requirements?: unknown[];
    [k: string]: unknown;
  };
  approvers?: {
    id: string;
    type: 'agent' | 'human' | 'system';
    role?: string;
    required?: boolean;
    [k: string]: unknown;
  }[];
  result?: {
    status?: 'pending' | 'approved' | 'rejected' | 'expired';
    decisions?: unknown[];
    comments?: unknown[];
    timestamp?: string;
    signature?: string;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
