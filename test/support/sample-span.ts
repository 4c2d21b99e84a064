import { randomUUID } from 'node:crypto';

export interface SampleSpan {
  id: string;
  trace_id: string;
  span_id: string;
  context_id: string;
  agent_id: string;
  action: { name: string; type: string; parameters: Record<string, unknown>; duration: string };
  timestamp: { start: string; end?: string };
  result?: Record<string, unknown>;
  [name: string]: unknown;
}

/** A span like the design document's sample, with ids of its own. */
export function sampleSpan(changes: Partial<SampleSpan> = {}): SampleSpan {
  return {
    id: randomUUID(),
    trace_id: randomUUID(),
    span_id: randomUUID(),
    context_id: randomUUID(),
    agent_id: randomUUID(),
    action: { name: 'execute_task', type: 'execute', parameters: { task_id: 'task-123' }, duration: '150ms' },
    timestamp: { start: '2025-01-27T18:40:32.123Z', end: '2025-01-27T18:40:32.273Z' },
    result: {
      status: 'success',
      output: { result: 'task_completed' },
      metrics: { cpu_usage: 0.15, memory_usage: '64MB' },
    },
    ...changes,
  };
}

export function ndjson(spans: readonly object[]): string {
  return spans.map((span) => JSON.stringify(span)).join('\n') + '\n';
}
