import type { BodyForm, TailFilter } from '../../native/contract.js';

/** Accepted spans of one body that match a tail filter, as the decoder reported them. */
export interface TailBatch {
  readonly form: BodyForm;
  /** The body that the byte ranges refer to. The hub copies what it keeps before `publish` returns. */
  readonly body: Uint8Array;
  /** Triples [bit mask of filters, byte start, byte end), as `DecodeResult.matches`. */
  readonly matches: Uint32Array;
  /** Matching spans beyond `maxMatchesPerBody`, by filter index, as `DecodeResult.matchesDropped`. */
  readonly matchesDropped: Uint32Array;
  /** `TailSink.version` at the time the decoder got its filters: tells which filter each bit stands for. */
  readonly version: number;
}

/** What the intake feeds. Costs nothing while nobody listens: `filters()` is then empty. */
export interface TailSink {
  /** Goes up whenever `filters()` changes. An intake that sees a new number hands the filters to its decoders. */
  readonly version: number;
  /** At most 32; the place in the list is the bit in the mask. */
  filters(): readonly TailFilter[];
  /** Call it for every accepted body with matches or dropped matches. Never throws, never waits. */
  publish(batch: TailBatch): void;
}
