import type { FieldError } from '../../errors/index.js';

/** Rejected spans that are described one by one; the count of all is exact. */
export const MAX_REPORTED_SPANS = 100;

/** The faults of one rejected span. `index` is its place in the body. */
export interface SpanFault {
  readonly index: number;
  readonly errors: readonly FieldError[];
}

/** The answer to a batch of spans. */
export interface Receipt {
  readonly receipt: string;
  readonly status: 'spooled' | 'stored';
  readonly accepted: number;
  readonly rejected: number;
  /** Spans of a batch that was taken in before under the same receipt. */
  readonly duplicates: number;
  readonly errors: readonly SpanFault[];
  readonly errors_truncated: boolean;
}
