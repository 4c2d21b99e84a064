/**
 * The typed contract of the native addon (`native/`). Names and order are the same on both sides.
 * Native code returns numbers, byte ranges and codes; TypeScript owns errors, defaults and policy.
 */

/** The two OTLP forms hold one `ExportTraceServiceRequest`; its spans count in document order over all resources and scopes. */
export type BodyForm = 'json' | 'ndjson' | 'msgpack' | 'otlp-protobuf' | 'otlp-json';

/** Everything the decoder must know that the body does not say. All fields are required: defaults live in `config`. */
export interface DecodeOptions {
  readonly projectId: string;
  /** First sequence number reserved for this body; see `sequenceOf` for the layout. */
  readonly seqBase: bigint;
  /** Seconds since the epoch, written into every row. */
  readonly receivedAtSeconds: number;
  /** Spans that start or end outside [min, max] are refused (`timeWindow`). Nanoseconds since the epoch. */
  readonly minTimeUnixNano: bigint;
  readonly maxTimeUnixNano: bigint;
  /** A span whose encoded form is larger is refused (`maxBytes`). */
  readonly maxSpanBytes: number;
}

export interface DecodeResult {
  /** Spans seen, valid or not. */
  readonly total: number;
  /** Valid spans, appended to the open block. */
  readonly accepted: number;
  /**
   * Spans the native check refused, as triples [index in the body, byte start, byte end). The first 65,536 of a body
   * are listed; `total - accepted` counts them all.
   */
  readonly refused: Uint32Array;
  /** Set when the body as a whole cannot be read; then nothing of it was appended. */
  readonly malformed: { readonly offset: number; readonly reason: string } | undefined;
  /** Accepted spans that match a tail filter, as triples [bit mask of filters, byte start, byte end). */
  readonly matches: Uint32Array;
  /** Matching spans beyond `maxMatchesPerBody`, by filter index. */
  readonly matchesDropped: Uint32Array;
}

/** What a live-tail subscriber wants to see; absent means any. At most 32 filters at a time. */
export interface TailFilter {
  readonly projectId: string;
  readonly agentId?: string;
  readonly contextId?: string;
  /** Exact action name. */
  readonly action?: string;
  readonly status?: string;
}

export interface Block {
  readonly rows: number;
  /** Length in bytes of the ClickHouse Native block that was written. */
  readonly bytes: number;
  /** CRC-32C of those bytes. */
  readonly crc32c: number;
}

/** Decodes span bodies into one open Native block. One a thread; not thread-safe. */
export interface SpanDecoder {
  /** `body` may carry slack behind `length`; 64 readable bytes of it save a copy. */
  decode(body: Uint8Array, length: number, form: BodyForm, options: DecodeOptions): DecodeResult;
  /** Rows in the open block. */
  readonly rows: number;
  /** Upper bound of the bytes `take` would write. */
  readonly maxBlockBytes: number;
  /** Writes the open block to `into` and opens a new one. Throws a RangeError when `into` is too small. */
  take(into: Uint8Array): Block;
  /** Forgets the open block. */
  discard(): void;
  setTailFilters(filters: readonly TailFilter[], maxMatchesPerBody: number): void;
}

export interface NativeAddon {
  createSpanDecoder(): SpanDecoder;
  /** 128-bit content hash of a body, 32 hex digits. Fast, not cryptographic. */
  contentHash(body: Uint8Array, length: number): string;
  crc32c(bytes: Uint8Array, seed?: number): number;
  /** Copies `source` to `target[offset…]`, at full speed also into shared memory. Throws a RangeError when it does not fit. */
  copyBytes(target: Uint8Array, offset: number, source: Uint8Array): void;
  /** Instruction set chosen at load: `icelake`, `haswell`, `westmere`, `arm64` or `fallback`. */
  readonly instructionSet: string;
  /** Name and ClickHouse type of each column of the Native block, in order. */
  readonly columns: readonly (readonly [name: string, type: string])[];
}
