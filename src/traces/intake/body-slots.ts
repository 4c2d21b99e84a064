import { createMemoryPool } from './memory-pool.js';

/**
 * Memory for bodies on their way to the decoder: shared with the threads, used again and again, so that a body
 * costs one copy (out of the socket) and no allocation.
 */
export interface BodySlot {
  body: SharedArrayBuffer;
  /** View over the whole of `body`. */
  bytes: Uint8Array;
}

export interface BodySlots {
  /** A slot for a body of at least `bytes` (0: not known yet), with slack behind it for the decoder. */
  take(bytes: number): BodySlot;
  /** Makes room for `bytes`, keeping the first `used` ones. */
  grow(slot: BodySlot, bytes: number, used: number): void;
  release(slot: BodySlot): void;
  /** Memory that a thread writes the block of a body of about `bodyBytes` to. */
  takeBlock(bodyBytes: number): SharedArrayBuffer;
  releaseBlock(block: SharedArrayBuffer): void;
}

/** The decoder reads up to this many bytes behind a body. */
export const BODY_SLACK_BYTES = 128;
const KiB = 1024;
/** Thousands of requests with one span each are under way at a time: their slots are small. */
const SMALL_SLOT_BYTES = 32 * KiB + BODY_SLACK_BYTES;
const MAX_SMALL_KEPT = 1024;
/** A batch of 1,000 common spans fits, and so does its block. */
const LARGE_BYTES = 1024 * KiB;
/** Columns beside the text of the spans; MessagePack grows when it becomes text. */
const BLOCK_SHARE = 1.25;

/** `maxInflightBytes` of bodies are under way at most: that much is worth keeping. */
export function createBodySlots(maxInflightBytes: number): BodySlots {
  const small: BodySlot[] = [];
  const bodies = createMemoryPool(LARGE_BYTES, maxInflightBytes);
  const blocks = createMemoryPool(LARGE_BYTES, maxInflightBytes);
  const make = (body: SharedArrayBuffer): BodySlot => ({ body, bytes: new Uint8Array(body) });
  const take = (needed: number): BodySlot =>
    needed <= SMALL_SLOT_BYTES
      ? (small.pop() ?? make(new SharedArrayBuffer(SMALL_SLOT_BYTES)))
      : make(bodies.take(needed));
  const release = (slot: BodySlot): void => {
    if (slot.body.byteLength > SMALL_SLOT_BYTES) bodies.release(slot.body);
    else if (small.length < MAX_SMALL_KEPT) small.push(slot);
  };
  return {
    take: (bytes) => take(bytes + BODY_SLACK_BYTES),
    grow(slot, bytes, used) {
      const size = slot.body.byteLength;
      if (bytes + BODY_SLACK_BYTES <= size) return;
      const next = take(Math.max(bytes + BODY_SLACK_BYTES, size * 2));
      next.bytes.set(slot.bytes.subarray(0, used));
      release({ body: slot.body, bytes: slot.bytes });
      slot.body = next.body;
      slot.bytes = next.bytes;
    },
    release,
    takeBlock: (bodyBytes) => blocks.take(Math.ceil(bodyBytes * BLOCK_SHARE)),
    releaseBlock: (block) => blocks.release(block),
  };
}
