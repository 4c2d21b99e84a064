/** Bits of the column `fields`: which optional members the client sent. */
export const FIELD = {
  parent: 1 << 1,
  end: 1 << 2,
  result: 1 << 3,
  status: 1 << 4,
  error: 1 << 5,
  metrics: 1 << 6,
  parameters: 1 << 7,
  output: 1 << 8,
  duration: 1 << 9,
  metadata: 1 << 10,
} as const;

const START_SPELLING_SHIFT = 12;
const END_SPELLING_SHIFT = 16;
/** The client's text of a time is in `extra`. */
export const SPELLING_KEPT = 15;

export function startSpelling(fields: number): number {
  return (fields >>> START_SPELLING_SHIFT) & 15;
}

export function endSpelling(fields: number): number {
  return (fields >>> END_SPELLING_SHIFT) & 15;
}

/** A stored span as the queries of this folder select it. Times as ClickHouse writes `DateTime64(9)`. */
export interface SpanRow {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string;
  readonly id: string;
  readonly context_id: string;
  readonly agent_id: string;
  readonly action_name: string;
  readonly action_type: string;
  readonly status: string;
  /** `YYYY-MM-DD hh:mm:ss.nnnnnnnnn`, UTC. */
  readonly start_time: string;
  /** The same form; only meaningful with the bit `end`. */
  readonly end_time: string;
  readonly fields: number;
  /** The next five: the client's JSON text, '' when absent. */
  readonly error: string;
  readonly metrics: string;
  readonly parameters: string;
  readonly output: string;
  readonly metadata: string;
  readonly action_duration: string;
  /** JSON object of what has no column; '' when there is nothing. */
  readonly extra: string;
  /** Of a span that came as OTLP; then `metadata` holds only what these do not. */
  readonly otel: OtelRow | undefined;
}

/** The columns of OpenTelemetry spans that their `metadata` is made of. */
export interface OtelRow {
  readonly shape: string;
  /** JSON texts, '' when there is nothing. */
  readonly resource: string;
  readonly scope: string;
  /** In order; a key can be there twice. */
  readonly tagKeys: readonly string[];
  readonly tagValues: readonly string[];
}
