// Generated from schemas/trace.json by `npm run generate`. Do not edit: change the source and generate again.
export interface Trace {
  id: string;
  trace_id: string;
  span_id: string;
  parent_span_id?: string;
  context_id: string;
  agent_id: string;
  action: {
    name: string;
    type: 'execute' | 'invoke' | 'validate' | 'complete';
    parameters?: {
      [k: string]: unknown;
    };
    duration?: string;
    [k: string]: unknown;
  };
  timestamp: {
    start: string;
    end?: string;
    [k: string]: unknown;
  };
  result?: {
    status?: 'success' | 'failure' | 'timeout' | 'cancelled';
    output?: {
      [k: string]: unknown;
    };
    error?: {
      [k: string]: unknown;
    };
    metrics?: {
      [k: string]: unknown;
    };
    [k: string]: unknown;
  };
  metadata?: {
    tags?: {
      [k: string]: unknown;
    };
    annotations?: unknown[];
    correlation_id?: string;
    [k: string]: unknown;
  };
  [k: string]: unknown;
}
