import { unixNanoToDateTime } from './date-time.js';
import { createFaultList, quote, toPointer, Unreadable, type FaultList } from './faults.js';
import { decodeUtf8, MAX_DEPTH, type StrictDocument } from './strict-json.js';

/** Where a 16-byte binary stands for a UUID. */
const ID_POINTERS = new Set([
  '/id',
  '/trace_id',
  '/span_id',
  '/parent_span_id',
  '/context_id',
  '/agent_id',
  '/metadata/correlation_id',
]);
/** Where the timestamp extension stands for an RFC 3339 text. */
const TIME_POINTERS = new Set(['/timestamp/start', '/timestamp/end']);

const TIMESTAMP_TYPE = -1;
const NANOS_PER_SECOND = 1_000_000_000n;

/**
 * Reads one MessagePack item as the JSON value it stands for, with the rules of `readStrictJson`: string keys
 * only, none repeated, none `__proto__`, valid UTF-8, finite numbers, `MAX_DEPTH`. Binary and extension values are
 * refused except for ids (16 bytes) and times (timestamp extension), which come back as text. Own code because
 * the rules need what a general decoder hides: repeated keys, invalid UTF-8, and where a binary stood.
 */
export function readMessagePackSpan(bytes: Uint8Array, maxFaults: number): StrictDocument {
  const faults = createFaultList(maxFaults);
  const reader = new Reader(bytes, faults);
  try {
    return { value: reader.readItem(), faults: faults.faults };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { value: undefined, faults: faults.faults };
  }
}

class Reader {
  private at = 0;
  private readonly view: DataView;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly bytes: Uint8Array,
    private readonly faults: FaultList,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  readItem(): unknown {
    if (this.bytes.length === 0) this.fail('is empty');
    const value = this.readValue();
    if (this.at < this.bytes.length) this.fail('has more bytes after its end');
    return value;
  }

  private readValue(): unknown {
    const format = this.view.getUint8(this.take(1));
    if (format <= 0x7f) return format;
    if (format <= 0x8f) return this.readMap(format & 0x0f);
    if (format <= 0x9f) return this.readArray(format & 0x0f);
    if (format <= 0xbf) return this.readString(format & 0x1f);
    if (format >= 0xe0) return format - 0x100;
    switch (format) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.readBinary(this.readLength(format - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.readExtension(this.readLength(format - 0xc7));
      case 0xca:
        return this.finite(this.view.getFloat32(this.take(4)));
      case 0xcb:
        return this.finite(this.view.getFloat64(this.take(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.readLength(format - 0xcc);
      case 0xcf:
        return Number(this.view.getBigUint64(this.take(8)));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return Number(this.view.getBigInt64(this.take(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.readExtension(1 << (format - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.readString(this.readLength(format - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.readArray(this.readLength(format - 0xdb));
      case 0xde:
      case 0xdf:
        return this.readMap(this.readLength(format - 0xdd));
      default:
        this.at -= 1;
        return this.fail('has the reserved byte 0xc1');
    }
  }

  private readMap(count: number): Record<string, unknown> {
    this.enter(count * 2);
    const object = Object.create(null) as Record<string, unknown>;
    for (let index = 0; index < count; index += 1) {
      const key = this.readKey();
      this.path.push(key);
      if (key === '__proto__') this.note('protoKey', 'the key __proto__ is not allowed');
      else if (key in object) this.note('duplicateKey', 'the key is in this map more than once');
      object[key] = this.readValue();
      this.path.pop();
    }
    return object;
  }

  private readArray(count: number): unknown[] {
    this.enter(count);
    const array: unknown[] = [];
    for (let index = 0; index < count; index += 1) {
      this.path.push(index);
      array.push(this.readValue());
      this.path.pop();
    }
    return array;
  }

  /** The path is as long as the number of containers around this one. Every item in it takes a byte or more. */
  private enter(leastBytes: number): void {
    if (this.path.length >= MAX_DEPTH) {
      this.faults.add(this.path, 'depth', `is nested deeper than ${MAX_DEPTH} levels`);
      throw new Unreadable();
    }
    if (leastBytes > this.bytes.length - this.at) this.fail('is cut off');
  }

  private readKey(): string {
    const format = this.view.getUint8(this.take(1));
    if (format >= 0xa0 && format <= 0xbf) return this.readString(format & 0x1f);
    if (format >= 0xd9 && format <= 0xdb) return this.readString(this.readLength(format - 0xd9));
    this.faults.add(this.path, 'keyType', 'has a key that is not a string');
    throw new Unreadable();
  }

  private readString(length: number): string {
    const start = this.take(length);
    const text = decodeUtf8(this.bytes.subarray(start, start + length));
    if (text !== undefined) return text;
    this.note('utf8', `has a string at byte ${start} that is not valid UTF-8`);
    return '';
  }

  private readBinary(length: number): string {
    const start = this.take(length);
    if (!ID_POINTERS.has(toPointer(this.path))) {
      this.note('binary', 'binary values are allowed for ids only');
      return '';
    }
    if (length !== 16) {
      this.note('binary', `an id as binary has 16 bytes, not ${length}`);
      return '';
    }
    const hex = Buffer.from(this.bytes.subarray(start, start + 16)).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  private readExtension(length: number): string {
    const type = this.view.getInt8(this.take(1));
    const start = this.take(length);
    if (type !== TIMESTAMP_TYPE || !TIME_POINTERS.has(toPointer(this.path))) {
      const where = 'only the timestamp extension is allowed, and only for timestamp.start and timestamp.end';
      this.note('extension', `${where}; this is extension type ${type}`);
      return '';
    }
    const unixNano = this.readTimestamp(start, length);
    if (unixNano === undefined) {
      this.note('extension', 'is not a well-formed timestamp extension');
      return '';
    }
    const text = unixNanoToDateTime(unixNano);
    if (text !== undefined) return text;
    this.note('timeWindow', `the time ${quote(`${unixNano} ns`)} is outside the years 0000 to 9999`);
    return '';
  }

  /** Timestamp 32, 64 or 96 by its length; `undefined` for another length or a second of more than 10^9 ns. */
  private readTimestamp(start: number, length: number): bigint | undefined {
    if (length === 4) return BigInt(this.view.getUint32(start)) * NANOS_PER_SECOND;
    if (length !== 8 && length !== 12) return undefined;
    const packed = this.view.getBigUint64(start);
    const nanos = length === 8 ? packed >> 34n : BigInt(this.view.getUint32(start));
    const seconds = length === 8 ? packed & 0x3_ffff_ffffn : this.view.getBigInt64(start + 4);
    return nanos < NANOS_PER_SECOND ? seconds * NANOS_PER_SECOND + nanos : undefined;
  }

  private finite(value: number): number {
    if (!Number.isFinite(value)) this.note('number', `${value} is not a number that JSON has`);
    return value;
  }

  /** An unsigned integer of 1, 2 or 4 bytes. */
  private readLength(widthLog2: number): number {
    if (widthLog2 === 0) return this.view.getUint8(this.take(1));
    if (widthLog2 === 1) return this.view.getUint16(this.take(2));
    return this.view.getUint32(this.take(4));
  }

  private take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) this.fail('is cut off');
    this.at = start + length;
    return start;
  }

  /** Lists a fault. When the list is full, the rest of the input can change nothing and is not read. */
  private note(keyword: string, message: string): void {
    this.faults.add(this.path, keyword, message);
    if (this.faults.isFull) throw new Unreadable();
  }

  private fail(what: string): never {
    this.faults.add(this.path, 'syntax', `is not a valid MessagePack item at byte ${this.at}: ${what}`);
    throw new Unreadable();
  }
}
