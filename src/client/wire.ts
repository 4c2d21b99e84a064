import type { Trace } from '../../generated/types/trace.js';

/** A span as it is sent: like the trace schema, but `id` may be left to the engine. */
export type Span = {
  [K in keyof Trace as string extends K ? never : K extends 'id' ? never : K]: Trace[K];
} & {
  id?: string;
  [unknownProperty: string]: unknown;
};

/** One fault of a span: where, which rule, what to do. */
export interface SpanFault {
  readonly pointer: string;
  readonly keyword: string;
  readonly message: string;
}

export interface RejectedSpan {
  /** Place of the span in what was sent, from 0. */
  readonly index: number;
  readonly errors: readonly SpanFault[];
}

export interface Receipt {
  readonly receipt: string;
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly errors: readonly RejectedSpan[];
  readonly errors_truncated: boolean;
  readonly status?: 'spooled' | 'stored';
}

/** `application/problem+json` (RFC 9457) as the engine sends it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly unknown[];
  readonly [extension: string]: unknown;
}

export interface SpanPage {
  readonly trace_id: string;
  readonly total_spans: number;
  readonly truncated: boolean;
  readonly next: string | null;
  readonly spans: readonly Span[];
}

export interface TraceSummary {
  readonly trace_id: string;
  readonly start: string;
  readonly end: string | null;
  readonly duration_ms: number | null;
  readonly span_count: number;
  readonly error_count: number;
  readonly root_action: string | null;
  readonly agents: readonly string[];
  readonly contexts: readonly string[];
}

export interface DeadLetter {
  readonly id: string;
  readonly segment: string;
  readonly rows: number;
  readonly bytes: number;
  readonly error: string;
  readonly [more: string]: unknown;
}
