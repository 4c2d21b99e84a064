import { decode, decodeTimestampToTimeSpec, EXT_TIMESTAMP, ExtensionCodec } from '@msgpack/msgpack';

/** A timestamp extension, as the RFC 3339 text with the fewest of 0, 3, 6 or 9 fraction digits that lose nothing. */
class TimeText {
  constructor(readonly text: string) {}
}

const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: EXT_TIMESTAMP,
  encode: () => null,
  decode: (data) => {
    const { sec, nsec } = decodeTimestampToTimeSpec(data);
    return new TimeText(timeText(sec, nsec));
  },
});

function timeText(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, -5);
  if (nanoseconds === 0) return `${whole}Z`;
  const digits = String(nanoseconds).padStart(9, '0');
  const kept = digits.endsWith('000000') ? 3 : digits.endsWith('000') ? 6 : 9;
  return `${whole}.${digits.slice(0, kept)}Z`;
}

/** JSON text of an accepted MessagePack span: 64-bit integers exact, binary ids and timestamps as their text. */
export function msgpackToJson(span: Uint8Array): string {
  return write(decode(span, { useBigInt64: true, extensionCodec }));
}

function write(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    default:
      break;
  }
  if (value === null || value === undefined) return 'null';
  if (value instanceof TimeText) return `"${value.text}"`;
  if (value instanceof Uint8Array) return `"${uuidText(value)}"`;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${write(member)}`);
  return `{${members.join(',')}}`;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
