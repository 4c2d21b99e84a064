import type { BodyForm } from '../../native/contract.js';

/** Start of the sequence clock: 2024-01-01T00:00:00Z, in milliseconds since the epoch. */
const EPOCH_MS = Date.UTC(2024, 0, 1);
const TICKS_PER_MS = 62.5; // a tick is 16 microseconds
const NODE_SHIFT = 8n;
const TICK_SHIFT = 18n;
const ROWS_PER_TICK = 256;
/** No valid span is encoded in fewer bytes: its ids and times alone take more. */
const LEAST_SPAN_BYTES: Readonly<Record<BodyForm, number>> = {
  json: 128,
  ndjson: 128,
  msgpack: 128,
  'otlp-protobuf': 36,
  'otlp-json': 90,
};

/** Hands out ranges of sequence numbers that only ever go up, from any thread of the process. */
export interface SequenceClock {
  /** First sequence number for a body of so many bytes. */
  reserve(bodyBytes: number, form: BodyForm): bigint;
}

/**
 * A sequence number is tick (46 bits) · node (10 bits) · row (8 bits). Ticks follow the wall clock, so that
 * nodes agree on what came later, and never go back when it does. `shared` holds the last tick given out:
 * 8 bytes that all threads share.
 */
export function createSequenceClock(shared: SharedArrayBuffer, nodeId: number): SequenceClock {
  const last = new BigInt64Array(shared);
  const node = BigInt(nodeId) << NODE_SHIFT;
  return {
    reserve(bodyBytes, form) {
      const rows = Math.max(1, Math.ceil(bodyBytes / LEAST_SPAN_BYTES[form]));
      const ticks = BigInt(Math.ceil(rows / ROWS_PER_TICK));
      for (;;) {
        const now = BigInt(Math.floor((Date.now() - EPOCH_MS) * TICKS_PER_MS));
        const seen = Atomics.load(last, 0);
        const first = now > seen ? now : seen;
        if (Atomics.compareExchange(last, 0, seen, first + ticks) === seen)
          return (first << TICK_SHIFT) | node;
      }
    },
  };
}

export function createSharedTick(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** Sequence number of row `row` of a body whose first one is `base`. */
export function sequenceOf(base: bigint, row: number): bigint {
  return base + (BigInt(Math.floor(row / ROWS_PER_TICK)) << TICK_SHIFT) + BigInt(row % ROWS_PER_TICK);
}
