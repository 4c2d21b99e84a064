/** Writes protobuf messages of a few fields. Fields with default values are left out by the caller, as proto3 does. */
export interface ProtobufWriter {
  /** An int32, int64 or enum that is not negative. */
  integer(field: number, value: number): ProtobufWriter;
  text(field: number, value: string): ProtobufWriter;
  /** A message or bytes. */
  bytes(field: number, value: Uint8Array): ProtobufWriter;
  finish(): Buffer;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;

export function createProtobufWriter(): ProtobufWriter {
  const parts: Uint8Array[] = [];
  const writer: ProtobufWriter = {
    integer(field, value) {
      parts.push(varint(field * 8 + VARINT), varint(value));
      return writer;
    },
    text: (field, value) => writer.bytes(field, Buffer.from(value, 'utf8')),
    bytes(field, value) {
      parts.push(varint(field * 8 + LENGTH_DELIMITED), varint(value.length), value);
      return writer;
    },
    finish: () => Buffer.concat(parts),
  };
  return writer;
}

/** Seven bits a byte, the lowest first. Divides, since a count of spans may have more than 32 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
