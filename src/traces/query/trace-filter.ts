import { ParameterReader } from './request-values.js';
import { quoteString } from './sql-text.js';

const NAMES = ['agent_id', 'context_id', 'action', 'type', 'status', 'from', 'to', 'min_duration_ms', 'q'];
const TYPES = ['execute', 'invoke', 'validate', 'complete'] as const;
const STATUSES = ['unset', 'success', 'failure', 'timeout', 'cancelled'] as const;
const TAG = 'tag.';
const MAX_TEXT_CHARACTERS = 256;
const MAX_DURATION_MS = 1e12;

export const DEFAULT_TRACE_LIMIT = 50;
export const MAX_TRACE_LIMIT = 1000;

/** What a trace list asks for. A trace is listed when one of its spans fits all filters on spans together. */
export interface TraceFilter {
  readonly agentId: string | undefined;
  readonly contextId: string | undefined;
  readonly action: string | undefined;
  readonly type: string | undefined;
  readonly status: string | undefined;
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Text that occurs, in any case, in an action name, an error or a payload. */
  readonly text: string | undefined;
  /** The trace starts at or after this time, in nanoseconds since the epoch. */
  readonly fromNano: bigint | undefined;
  /** The trace starts before this time. */
  readonly toNano: bigint | undefined;
  readonly minDurationMs: number | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Reads the query string of `GET /traces`. Throws `MPLP_ERR_HTTP_BAD_REQUEST` naming every parameter at fault. */
export function parseTraceFilter(query: URLSearchParams): TraceFilter {
  const reader = new ParameterReader(
    query,
    (name) =>
      NAMES.includes(name) ||
      name === 'limit' ||
      name === 'cursor' ||
      (name.startsWith(TAG) && name.length > TAG.length),
    `${NAMES.join(', ')}, tag.<key>, limit and cursor`,
  );
  const tags = [...query]
    .filter(([name]) => name.startsWith(TAG))
    .map(([name, value]) => [name.slice(4), value] as const);
  const filter: TraceFilter = {
    agentId: reader.uuid('agent_id'),
    contextId: reader.uuid('context_id'),
    action: reader.text('action'),
    type: reader.oneOf('type', TYPES),
    status: reader.oneOf('status', STATUSES),
    tags,
    text: reader.text('q', MAX_TEXT_CHARACTERS),
    fromNano: reader.time('from'),
    toNano: reader.time('to'),
    minDurationMs: reader.integer('min_duration_ms', 0, MAX_DURATION_MS),
    limit: reader.integer('limit', 1, MAX_TRACE_LIMIT) ?? DEFAULT_TRACE_LIMIT,
    cursor: reader.text('cursor'),
  };
  reader.finish();
  return filter;
}

/** Conditions on one row `s` of `spans`, all but the text. Empty when any span fits. */
export function spanConditions(filter: TraceFilter): string[] {
  const conditions: string[] = [];
  if (filter.agentId !== undefined) conditions.push(`s.agent_id = '${filter.agentId}'`);
  if (filter.contextId !== undefined) conditions.push(`s.context_id = '${filter.contextId}'`);
  if (filter.action !== undefined) conditions.push(`s.action_name = ${quoteString(filter.action)}`);
  if (filter.type !== undefined) conditions.push(`s.action_type = '${filter.type}'`);
  if (filter.status !== undefined) conditions.push(`s.status = '${filter.status}'`);
  for (const [key, value] of filter.tags)
    conditions.push(
      `(mapContains(s.tags, ${quoteString(key)}) AND s.tags[${quoteString(key)}] = ${quoteString(value)})`,
    );
  return conditions;
}

/** Conditions on the whole trace, over rows `s` grouped by trace. */
export function traceConditions(filter: TraceFilter, endNano: string): string[] {
  const start = 'toUnixTimestamp64Nano(min(s.start_time))';
  const conditions: string[] = [];
  if (filter.fromNano !== undefined) conditions.push(`${start} >= ${clampNano(filter.fromNano)}`);
  if (filter.toNano !== undefined) conditions.push(`${start} < ${clampNano(filter.toNano)}`);
  if (filter.minDurationMs !== undefined)
    conditions.push(`max(${endNano}) - ${start} >= ${BigInt(filter.minDurationMs) * 1_000_000n}`);
  return conditions;
}

const INT64_MAX = 2n ** 63n - 1n;

/** Nanoseconds as ClickHouse's Int64 can hold them; times beyond compare the same. */
export function clampNano(unixNano: bigint): bigint {
  if (unixNano > INT64_MAX) return INT64_MAX;
  return unixNano < -INT64_MAX ? -INT64_MAX : unixNano;
}
