import type { ErrorCode, FieldError } from '../../errors/index.js';
import type { BodyForm, TailFilter } from '../../native/index.js';
import type { BodyEncoding } from './body-type.js';
import type { SpanFault } from './receipt.js';
import type { SpanLimits } from './span-decoding.js';

/** What a decoder thread is told once, when it starts. */
export interface WorkerSetup {
  readonly limits: SpanLimits;
  readonly maxBodyBytes: number;
  readonly tick: SharedArrayBuffer;
  readonly nodeId: number;
}

/** One body for a decoder thread. The bytes are shared, not copied. */
export interface DecodeTask {
  readonly body: SharedArrayBuffer;
  readonly length: number;
  readonly form: BodyForm;
  readonly encoding: BodyEncoding;
  readonly projectId: string;
  /** Where the block goes; when it is too small the thread makes a larger one and hands it back. */
  readonly block: SharedArrayBuffer;
  readonly tail: { readonly version: number; readonly filters: readonly TailFilter[] };
}

/** Accepted spans that somebody watches, copied out of the body. */
export interface TailSlice {
  readonly version: number;
  readonly body: Uint8Array;
  readonly matches: Uint32Array;
  readonly matchesDropped: Uint32Array;
}

export type DecodeReply =
  | {
      readonly fault: {
        readonly code: ErrorCode;
        readonly detail: string;
        readonly errors?: readonly FieldError[];
      };
    }
  | {
      readonly fault?: undefined;
      readonly hash: string;
      readonly total: number;
      readonly accepted: number;
      readonly faults: readonly SpanFault[];
      readonly malformed: FieldError | undefined;
      readonly disagreements: number;
      readonly seqBase: bigint;
      readonly block: SharedArrayBuffer;
      readonly blockBytes: number;
      readonly crc32c: number;
      readonly tail: TailSlice | undefined;
    };
