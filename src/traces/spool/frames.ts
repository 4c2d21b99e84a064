/** CRC-32C (Castagnoli) of the bytes, optionally going on from `seed`. */
export type Crc32c = (bytes: Uint8Array, seed?: number) => number;

/*
 * A frame is a self-checksummed piece of a file. All numbers are little-endian.
 *   0  u32  mark 0x464c504d ("MPLF")
 *   4  u32  length of the payload
 *   8  u32  CRC-32C of the payload
 *  12  u32  CRC-32C of bytes 0..11
 *  16       payload
 * The header has its own checksum so that a flipped length cannot pass for a file that ends too early.
 */
const MARK = 0x464c504d;
const MARK_BYTES = Buffer.from([0x4d, 0x50, 0x4c, 0x46]);
export const FRAME_HEADER_BYTES = 16;

/** Writes the header for a payload that already stands at `offset + 16` of `into`. */
export function sealFrame(into: Buffer, offset: number, payloadBytes: number, crc32c: Crc32c): void {
  const payloadStart = offset + FRAME_HEADER_BYTES;
  into.writeUInt32LE(MARK, offset);
  into.writeUInt32LE(payloadBytes, offset + 4);
  into.writeUInt32LE(crc32c(into.subarray(payloadStart, payloadStart + payloadBytes)), offset + 8);
  into.writeUInt32LE(crc32c(into.subarray(offset, offset + 12)), offset + 12);
}

export function encodeFrame(payload: Uint8Array, crc32c: Crc32c): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.byteLength);
  frame.set(payload, FRAME_HEADER_BYTES);
  sealFrame(frame, 0, payload.byteLength, crc32c);
  return frame;
}

export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface FrameScan {
  readonly frames: readonly { readonly start: number; readonly payload: Buffer }[];
  /** Stretches that hold no valid frame although they should, each followed by a valid one or at the end. */
  readonly damage: readonly Stretch[];
  /** End of the last valid frame. */
  readonly goodEnd: number;
  /**
   * What follows it: nothing, zeros (room that was set aside), the beginning of a frame that was never
   * finished, or bytes that cannot be explained by an unfinished write (then they are in `damage` too).
   */
  readonly tail: 'clean' | 'zeros' | 'torn' | 'damaged';
}

/** Reads every valid frame of `bytes`, stepping over damage by searching for the next valid one. */
export function scanFrames(bytes: Buffer, crc32c: Crc32c): FrameScan {
  const frames: { start: number; payload: Buffer }[] = [];
  const damage: Stretch[] = [];
  let goodEnd = 0;
  let at = 0;
  while (at < bytes.length) {
    const frame = frameAt(bytes, at, crc32c);
    if (typeof frame === 'object') {
      if (at > goodEnd) damage.push({ start: goodEnd, end: at });
      frames.push({ start: at, payload: frame });
      at += FRAME_HEADER_BYTES + frame.length;
      goodEnd = at;
      continue;
    }
    // Not a frame: look for the next one that is. Only a whole, checksummed frame counts.
    let next = bytes.indexOf(MARK_BYTES, at + 1);
    while (next !== -1 && typeof frameAt(bytes, next, crc32c) !== 'object') {
      next = bytes.indexOf(MARK_BYTES, next + 1);
    }
    if (next !== -1) {
      at = next;
      continue;
    }
    const tail = isZero(bytes, goodEnd) ? 'zeros' : frame;
    if (tail === 'damaged') damage.push({ start: goodEnd, end: bytes.length });
    return { frames, damage, goodEnd, tail };
  }
  return { frames, damage, goodEnd, tail: 'clean' };
}

function frameAt(bytes: Buffer, at: number, crc32c: Crc32c): Buffer | 'torn' | 'damaged' {
  if (bytes.length - at < FRAME_HEADER_BYTES) return 'torn';
  if (bytes.readUInt32LE(at) !== MARK) return 'damaged';
  if (bytes.readUInt32LE(at + 12) !== crc32c(bytes.subarray(at, at + 12))) return 'damaged';
  const end = at + FRAME_HEADER_BYTES + bytes.readUInt32LE(at + 4);
  if (end > bytes.length) return 'torn';
  const payload = bytes.subarray(at + FRAME_HEADER_BYTES, end);
  return crc32c(payload) === bytes.readUInt32LE(at + 8) ? payload : 'damaged';
}

export function isZero(bytes: Buffer, from = 0): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
