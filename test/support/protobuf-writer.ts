/** Writes the wire format of Protocol Buffers, also in ways that no serializer would. */

/** A field: its number, and its value as the wire type wants it. */
export type Field =
  | readonly [number: number, type: 'varint', value: bigint | number]
  | readonly [number: number, type: 'fixed64', value: bigint | number]
  | readonly [number: number, type: 'double', value: number]
  | readonly [number: number, type: 'fixed32', value: number]
  | readonly [number: number, type: 'bytes', value: Uint8Array | string];

export function varint(value: bigint | number): Buffer {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (left >= 0x80n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

const WIRE_TYPES = { varint: 0, fixed64: 1, double: 1, bytes: 2, fixed32: 5 } as const;

export function field([number, type, value]: Field): Buffer {
  const tag = varint((BigInt(number) << 3n) | BigInt(WIRE_TYPES[type]));
  switch (type) {
    case 'varint':
      return Buffer.concat([tag, varint(value)]);
    case 'fixed64': {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      return Buffer.concat([tag, bytes]);
    }
    case 'double': {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      return Buffer.concat([tag, bytes]);
    }
    case 'fixed32': {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value >>> 0);
      return Buffer.concat([tag, bytes]);
    }
    case 'bytes': {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return Buffer.concat([tag, varint(bytes.length), bytes]);
    }
  }
}

export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(field));
}
