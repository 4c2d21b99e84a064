import { createHash } from 'node:crypto';
import type { BodyType } from '../../client/index.js';
import {
  BrokenFile,
  initialState,
  type ItemScanner,
  type ScannerState,
  type SpanForm,
} from './item-scanner.js';
import { createJsonScanner } from './json-scanner.js';
import { createMsgpackScanner } from './msgpack-scanner.js';
import { createNdjsonScanner } from './ndjson-scanner.js';

/** Spans that are sent together. The same file is always cut in the same places, so a batch that is sent again is recognised. */
export interface Batch {
  readonly items: readonly Buffer[];
  /** Line of each item in the file; for MessagePack its number. */
  readonly lines: readonly number[];
  /** First byte and byte behind the last, counted in the decompressed file. */
  readonly start: number;
  readonly end: number;
  /** SHA-256 of the file's bytes from `start` to `end`. */
  readonly hash: string;
  /** How to go on behind this batch. */
  readonly next: ScannerState;
}

export interface BatchLimits {
  readonly maxSpans: number;
  readonly maxBytes: number;
}

const scanners: Readonly<Record<SpanForm, (state: ScannerState) => ItemScanner>> = {
  json: createJsonScanner,
  ndjson: createNdjsonScanner,
  msgpack: createMsgpackScanner,
};

export const bodyTypes: Readonly<Record<SpanForm, BodyType>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  msgpack: 'application/msgpack',
};

/** Cuts a stream of bytes that starts at `offset` of the file into batches. Throws a `BrokenFile` with an absolute offset. */
export async function* readBatches(
  source: AsyncIterable<Buffer>,
  form: SpanForm,
  limits: BatchLimits,
  offset = 0,
  state: ScannerState = initialState,
): AsyncGenerator<Batch> {
  const scanner = scanners[form]({ ...state });
  let bytes: Buffer = Buffer.alloc(0);
  /** Place of `bytes[0]` in the file. */
  let base = offset;
  let from = 0;
  let batchStart = 0;
  let items: Buffer[] = [];
  let lines: number[] = [];
  let size = 0;

  const cut = (end: number): Batch => {
    const hash = createHash('sha256').update(bytes.subarray(batchStart, end)).digest('hex');
    const batch = {
      items,
      lines,
      start: base + batchStart,
      end: base + end,
      hash,
      next: { ...scanner.state },
    };
    items = [];
    lines = [];
    size = 0;
    batchStart = end;
    return batch;
  };

  function* drain(isLast: boolean): Generator<Batch> {
    for (;;) {
      let found;
      try {
        found = scanner.find(bytes, from, isLast);
      } catch (error) {
        if (items.length > 0) yield cut(from);
        if (error instanceof BrokenFile) throw new BrokenFile(error.message, base + error.offset);
        throw error;
      }
      if (found === undefined) return;
      items.push(bytes.subarray(found.start, found.end));
      lines.push(found.line);
      size += found.end - found.start;
      from = found.next;
      if (items.length >= limits.maxSpans || size >= limits.maxBytes) yield cut(from);
    }
  }

  for await (const chunk of source) {
    const kept = bytes.subarray(batchStart);
    base += batchStart;
    from -= batchStart;
    batchStart = 0;
    // The items of the open batch are views of `bytes`: they stay valid, for the old buffer is left as it is.
    bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    yield* drain(false);
  }
  yield* drain(true);
  if (items.length > 0) yield cut(from);
}

/** The body of a request with these spans, byte for byte as they stand in the file. */
export function encodeBody(items: readonly Buffer[], form: SpanForm): Buffer {
  if (form === 'msgpack') return Buffer.concat(items);
  const [open, between, close] = form === 'ndjson' ? ['', '\n', '\n'] : ['[', ',', ']'];
  const parts: Buffer[] = [Buffer.from(open)];
  items.forEach((item, i) => parts.push(...(i === 0 ? [item] : [Buffer.from(between), item])));
  return Buffer.concat([...parts, Buffer.from(close)]);
}
