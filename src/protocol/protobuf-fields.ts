/** A field of a message: its tag (number and wire type), its number, or where its bytes lie. */
export interface ProtobufField {
  readonly tag: number;
  /** Of a varint or fixed number, unsigned. */
  readonly value: bigint;
  /** Of the content of a length-delimited field. */
  readonly start: number;
  readonly end: number;
}

/** The bytes are no message from `offset` on. */
export class BrokenProtobuf extends Error {
  constructor(
    readonly offset: number,
    reason: string,
  ) {
    super(reason);
  }
}

/**
 * Calls `visit` for each field of the message in [start, end). Groups, which OTLP has none of, are refused, as is the
 * field number 0. Throws `BrokenProtobuf`.
 */
export function eachProtobufField(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (field: ProtobufField) => void,
): void {
  let at = start;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      if (at >= end) throw new BrokenProtobuf(at, 'it is cut off');
      const byte = bytes[at++] as number;
      if (shift === 63n && byte > 1) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new BrokenProtobuf(at - 1, 'a number has more than 64 bits');
  };
  const fixed = (size: number): bigint => {
    if (end - at < size) throw new BrokenProtobuf(at, 'it is cut off');
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] as number);
    at += size;
    return value;
  };
  while (at < end) {
    const begin = at;
    const tag = varint();
    if (tag < 8n || tag > 0xffff_ffffn) throw new BrokenProtobuf(begin, 'a field has no valid number');
    switch (Number(tag & 7n)) {
      case 0:
        visit({ tag: Number(tag), value: varint(), start: at, end: at });
        break;
      case 1:
        visit({ tag: Number(tag), value: fixed(8), start: at, end: at });
        break;
      case 2: {
        const size = varint();
        if (size > BigInt(end - at))
          throw new BrokenProtobuf(begin, `a length of ${size} bytes goes beyond the end`);
        const from = at;
        at += Number(size);
        visit({ tag: Number(tag), value: 0n, start: from, end: at });
        break;
      }
      case 5:
        visit({ tag: Number(tag), value: fixed(4), start: at, end: at });
        break;
      case 3:
      case 4:
        throw new BrokenProtobuf(begin, 'it has a group');
      default:
        throw new BrokenProtobuf(begin, 'it has an unknown wire type');
    }
  }
}
