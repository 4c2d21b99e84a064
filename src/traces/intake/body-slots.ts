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
  /** Memory that a thread writes a block to. */
  takeBlock(): SharedArrayBuffer;
  releaseBlock(block: SharedArrayBuffer): void;
}

/** The decoder reads up to this many bytes behind a body. */
export const BODY_SLACK_BYTES = 128;
const KiB = 1024;
/** Thousands of requests with one span each are under way at a time: their slots are small. */
const SMALL_SLOT_BYTES = 32 * KiB + BODY_SLACK_BYTES;
const MAX_SMALL_KEPT = 1024;
/** A batch of 1,000 common spans fits. Larger slots are given back to the system after use. */
const SLOT_BYTES = 1024 * KiB;
const MAX_KEPT = 48;
const MAX_KEPT_BLOCK_BYTES = 2 * SLOT_BYTES;

export function createBodySlots(): BodySlots {
  const small: BodySlot[] = [];
  const large: BodySlot[] = [];
  const blocks: SharedArrayBuffer[] = [];
  const make = (bytes: number): BodySlot => {
    const body = new SharedArrayBuffer(bytes);
    return { body, bytes: new Uint8Array(body) };
  };
  const take = (needed: number): BodySlot => {
    if (needed <= SMALL_SLOT_BYTES) return small.pop() ?? make(SMALL_SLOT_BYTES);
    if (needed <= SLOT_BYTES) return large.pop() ?? make(SLOT_BYTES);
    return make(needed);
  };
  const release = (slot: BodySlot): void => {
    const size = slot.body.byteLength;
    if (size === SMALL_SLOT_BYTES && small.length < MAX_SMALL_KEPT) small.push(slot);
    else if (size === SLOT_BYTES && large.length < MAX_KEPT) large.push(slot);
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
    takeBlock: () => blocks.pop() ?? new SharedArrayBuffer(SLOT_BYTES),
    releaseBlock(block) {
      if (block.byteLength <= MAX_KEPT_BLOCK_BYTES && blocks.length < MAX_KEPT) blocks.push(block);
    },
  };
}
