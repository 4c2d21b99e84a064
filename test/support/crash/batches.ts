import { createHash } from 'node:crypto';
import { createRandom } from '../random.js';

export interface BatchSpan {
  readonly spanId: string;
  readonly traceId: string;
  readonly agentId: string;
  readonly action: string;
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  /** The exact text of `action.parameters`. */
  readonly parameters: string;
}

export interface Batch {
  readonly number: number;
  /** NDJSON. */
  readonly body: string;
  readonly spans: readonly BatchSpan[];
}

export interface BatchPlan {
  readonly seed: number;
  readonly spansPerBatch: number;
  /** Start of the first span. */
  readonly baseMs: number;
  /** Put into the parameters of every span of the batch. */
  readonly mark?: (batch: number) => string;
}

const ACTIONS = ['plan', 'search', 'answer', 'review'];
const STATUSES = ['success', 'failure', 'timeout', 'cancelled'];

/** The same plan and number give the same bytes, so a journal needs to keep only numbers. */
export function makeBatch(plan: BatchPlan, number: number): Batch {
  const random = createRandom(plan.seed ^ Math.imul(number + 1, 0x9e3779b1));
  const uuid = (name: string): string => {
    const hex = createHash('sha256').update(`${plan.seed}/${name}`).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  };
  const spans: BatchSpan[] = [];
  const lines: string[] = [];
  for (let index = 0; index < plan.spansPerBatch; index++) {
    const padding = Array.from({ length: 20 + random.below(120) }, () =>
      random.pick('abcdefghijklmnopqrstuvwxyz'.split('')),
    ).join('');
    const parameters = { batch: number, index, padding, mark: plan.mark?.(number) ?? '' };
    const span: BatchSpan = {
      spanId: uuid(`${number}/${index}`),
      traceId: uuid(`${number}`),
      agentId: uuid(`agent ${random.below(5)}`),
      action: random.pick(ACTIONS),
      status: random.pick(STATUSES),
      startMs: plan.baseMs + number * 1000 + index,
      parameters: JSON.stringify(parameters),
    };
    spans.push(span);
    lines.push(
      JSON.stringify({
        trace_id: span.traceId,
        span_id: span.spanId,
        ...(index === 0 ? {} : { parent_span_id: spans[0]!.spanId }),
        context_id: uuid(`context ${number % 3}`),
        agent_id: span.agentId,
        action: { name: span.action, type: 'execute', parameters },
        timestamp: {
          start: new Date(span.startMs).toISOString(),
          end: new Date(span.startMs + 25).toISOString(),
        },
        result: { status: span.status },
      }),
    );
  }
  return { number, body: `${lines.join('\n')}\n`, spans };
}
