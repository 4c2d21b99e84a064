/**
 * Memory for bodies on their way through a decoder thread: shared with the threads, used again and again, so
 * that a body costs one copy (out of the socket) and no allocation.
 */
export interface BodySlot {
  body: SharedArrayBuffer;
  /** View over the whole of `body`. */
  bytes: Uint8Array;
  block: SharedArrayBuffer;
}

export interface BodySlots {
  /** A slot for a body of at least `bytes`, with slack behind it for the decoder. */
  take(bytes: number): BodySlot;
  /** Makes room for `bytes`, keeping the first `used` ones. */
  grow(slot: BodySlot, bytes: number, used: number): void;
  release(slot: BodySlot): void;
}

/** The decoder reads up to this many bytes behind a body. */
export const BODY_SLACK_BYTES = 128;
/** A batch of 1,000 common spans fits. Larger slots are given back to the system after use. */
const SLOT_BYTES = 1024 * 1024;

export function createBodySlots(maxKept: number): BodySlots {
  const free: BodySlot[] = [];
  const make = (bytes: number): BodySlot => {
    const body = new SharedArrayBuffer(Math.max(SLOT_BYTES, bytes + BODY_SLACK_BYTES));
    return { body, bytes: new Uint8Array(body), block: new SharedArrayBuffer(SLOT_BYTES) };
  };
  return {
    take(bytes) {
      if (bytes + BODY_SLACK_BYTES <= SLOT_BYTES) return free.pop() ?? make(0);
      return make(bytes);
    },
    grow(slot, bytes, used) {
      if (bytes + BODY_SLACK_BYTES <= slot.body.byteLength) return;
      const body = new SharedArrayBuffer(Math.max(bytes, slot.body.byteLength * 2) + BODY_SLACK_BYTES);
      const view = new Uint8Array(body);
      view.set(slot.bytes.subarray(0, used));
      slot.body = body;
      slot.bytes = view;
    },
    release(slot) {
      if (
        slot.body.byteLength === SLOT_BYTES &&
        slot.block.byteLength <= 2 * SLOT_BYTES &&
        free.length < maxKept
      ) {
        free.push(slot);
      }
    },
  };
}
