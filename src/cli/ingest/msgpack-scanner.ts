import { BrokenFile, type ItemScanner, type ScannerState } from './item-scanner.js';

/** Maps one after another, or arrays of maps. Sizes are read, values are not. */
export function createMsgpackScanner(state: ScannerState): ItemScanner {
  return {
    state,
    find(bytes, from, isLast) {
      let start = from;
      while (state.remaining === 0) {
        const array = findArrayHeader(bytes, start);
        if (array === undefined) break;
        start = array.next;
        state.remaining = array.count;
      }
      const end = endOfValue(bytes, start);
      if (end === undefined) {
        if (isLast && start < bytes.length) throw new BrokenFile('the last span has no end', start);
        if (isLast && state.remaining > 0) throw new BrokenFile('the array has no end', start);
        // The array header is read again with the span behind it, so nothing of it may be remembered yet.
        if (start !== from) state.remaining = 0;
        return undefined;
      }
      if (state.remaining > 0) state.remaining -= 1;
      const line = state.line;
      state.line += 1;
      return { start, end, next: end, line };
    },
  };
}

function findArrayHeader(bytes: Buffer, at: number): { count: number; next: number } | undefined {
  const head = bytes[at];
  if (head === undefined) return undefined;
  if (head >= 0x90 && head <= 0x9f) return { count: head & 0x0f, next: at + 1 };
  if (head === 0xdc && at + 3 <= bytes.length) return { count: bytes.readUInt16BE(at + 1), next: at + 3 };
  if (head === 0xdd && at + 5 <= bytes.length) return { count: bytes.readUInt32BE(at + 1), next: at + 5 };
  return undefined;
}

/** End of the value at `start`, whatever it holds; `undefined` when it is not all there. */
function endOfValue(bytes: Buffer, start: number): number | undefined {
  let at = start;
  /** Values still to be skipped; containers add theirs. */
  let pending = 1;
  while (pending > 0) {
    if (at >= bytes.length) return undefined;
    const size = measure(bytes, at);
    if (size === undefined) return undefined;
    pending += size.children - 1;
    at += size.bytes;
  }
  return at <= bytes.length ? at : undefined;
}

/** Bytes behind the head of each type that has a fixed size (MessagePack specification, "Formats"). */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
  0xd4: 2,
  0xd5: 3,
  0xd6: 5,
  0xd7: 9,
  0xd8: 17,
};

/** Types that start with a length: bytes of the length, bytes of each item, values of each item, bytes behind the length. */
const SIZED: Readonly<
  Record<number, { length: 1 | 2 | 4; bytesPerItem: number; valuesPerItem: number; extra: number }>
> = {
  0xc4: { length: 1, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xc5: { length: 2, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xc6: { length: 4, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xc7: { length: 1, bytesPerItem: 1, valuesPerItem: 0, extra: 1 },
  0xc8: { length: 2, bytesPerItem: 1, valuesPerItem: 0, extra: 1 },
  0xc9: { length: 4, bytesPerItem: 1, valuesPerItem: 0, extra: 1 },
  0xd9: { length: 1, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xda: { length: 2, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xdb: { length: 4, bytesPerItem: 1, valuesPerItem: 0, extra: 0 },
  0xdc: { length: 2, bytesPerItem: 0, valuesPerItem: 1, extra: 0 },
  0xdd: { length: 4, bytesPerItem: 0, valuesPerItem: 1, extra: 0 },
  0xde: { length: 2, bytesPerItem: 0, valuesPerItem: 2, extra: 0 },
  0xdf: { length: 4, bytesPerItem: 0, valuesPerItem: 2, extra: 0 },
};

function measure(bytes: Buffer, at: number): { bytes: number; children: number } | undefined {
  const head = bytes[at] ?? 0;
  if (head <= 0x7f || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3)
    return { bytes: 1, children: 0 };
  if (head <= 0x8f) return { bytes: 1, children: (head & 0x0f) * 2 };
  if (head <= 0x9f) return { bytes: 1, children: head & 0x0f };
  if (head <= 0xbf) return { bytes: 1 + (head & 0x1f), children: 0 };
  const fixed = FIXED_BYTES[head];
  if (fixed !== undefined) return { bytes: 1 + fixed, children: 0 };
  const sized = SIZED[head];
  if (sized === undefined) throw new BrokenFile('the byte 0xc1 has no meaning in MessagePack', at);
  if (at + 1 + sized.length > bytes.length) return undefined;
  const count = bytes.readUIntBE(at + 1, sized.length);
  return {
    bytes: 1 + sized.length + sized.extra + count * sized.bytesPerItem,
    children: count * sized.valuesPerItem,
  };
}
