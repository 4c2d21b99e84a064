/** Faults reported of one span; the rest is left out. */
export const MAX_SPAN_ERRORS = 20;

/** Spans that start or end outside [min, max] are refused. Nanoseconds since the epoch. */
export interface TimeWindow {
  readonly minTimeUnixNano: bigint;
  readonly maxTimeUnixNano: bigint;
}
