/*
 * Clients that decode Native say with `client_protocol_version` how they want it. ClickHouse then puts some facts in front of
 * each block, and (since 54454) a byte in front of each column's data that tells how it is serialized. libchdb writes Native for
 * version 0, without them; they are put in here. For that the columns have to be measured, as they carry no sizes.
 *
 * A block is `varint columns, varint rows`, and for each column `name, type, data`.
 */
const CUSTOM_SERIALIZATION_VERSION = 54454;
/** Field 1: no overflow row; field 2: no bucket (-1); 0: the end. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
const ORDINARY_SERIALIZATION = Buffer.from([0]);

/** A type whose data cannot be measured here. */
export class UnmeasurableType extends Error {}

class Incomplete extends Error {}

/** Rewrites a stream of Native blocks for a client of the given protocol version. */
export function createNativeRewriter(version: number): {
  /** What can be rewritten so far; the beginning of a block waits for its rest. @throws UnmeasurableType */
  push(bytes: Buffer): Buffer;
} {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(bytes) {
      const reader = new BlockReader(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
      const out: Buffer[] = [];
      let done = 0;
      try {
        while (reader.position < reader.bytes.length) {
          const block = rewriteBlock(reader, version);
          out.push(...block);
          done = reader.position;
        }
      } catch (error) {
        if (!(error instanceof Incomplete)) throw error;
      }
      rest = reader.bytes.subarray(done);
      return Buffer.concat(out);
    },
  };
}

function rewriteBlock(reader: BlockReader, version: number): Buffer[] {
  const start = reader.position;
  const columns = reader.varint();
  const rows = reader.varint();
  const out = [BLOCK_INFO, reader.since(start)];
  for (let column = 0; column < columns; column++) {
    const head = reader.position;
    reader.text();
    const type = reader.text();
    out.push(reader.since(head));
    if (version >= CUSTOM_SERIALIZATION_VERSION) out.push(ORDINARY_SERIALIZATION);
    const data = reader.position;
    if (rows > 0) {
      const measured = parseType(type);
      measured.prefix(reader);
      measured.data(reader, rows);
    }
    out.push(reader.since(data));
  }
  return out;
}

class BlockReader {
  position = 0;
  constructor(readonly bytes: Buffer) {}

  skip(count: number): void {
    if (this.position + count > this.bytes.length) throw new Incomplete();
    this.position += count;
  }
  since(start: number): Buffer {
    return this.bytes.subarray(start, this.position);
  }
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      this.skip(1);
      const byte = this.bytes[this.position - 1] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
  uint64(): number {
    this.skip(8);
    return Number(this.bytes.readBigUInt64LE(this.position - 8));
  }
  text(): string {
    const size = this.varint();
    this.skip(size);
    return this.bytes.toString('utf8', this.position - size, this.position);
  }
}

/** Steps over the parts of a column. Prefixes of all nested types come before all data. */
interface Measured {
  prefix(reader: BlockReader): void;
  data(reader: BlockReader, rows: number): void;
}

const nothing = (): void => {};
const fixed = (bytes: number): Measured => ({
  prefix: nothing,
  data: (reader, rows) => reader.skip(bytes * rows),
});

const text: Measured = {
  prefix: nothing,
  data(reader, rows) {
    for (let row = 0; row < rows; row++) reader.skip(reader.varint());
  },
};

const array = (element: Measured): Measured => ({
  prefix: (reader) => element.prefix(reader),
  data(reader, rows) {
    if (rows > 0) reader.skip(8 * (rows - 1));
    const total = rows > 0 ? reader.uint64() : 0;
    element.data(reader, total);
  },
});

const tuple = (elements: readonly Measured[]): Measured => ({
  prefix(reader) {
    for (const element of elements) element.prefix(reader);
  },
  data(reader, rows) {
    for (const element of elements) element.data(reader, rows);
  },
});

const nullable = (inner: Measured): Measured => ({
  prefix: (reader) => inner.prefix(reader),
  data(reader, rows) {
    reader.skip(rows);
    inner.data(reader, rows);
  },
});

/** A dictionary and, for each row, a number in it. */
const lowCardinality = (key: Measured): Measured => ({
  prefix: (reader) => reader.skip(8),
  data(reader, rows) {
    if (rows === 0) return;
    const flags = reader.uint64();
    const hasSharedKeys = (flags & 0x100) !== 0;
    const hasOwnKeys = (flags & 0x200) !== 0;
    for (const isThere of [hasSharedKeys, hasOwnKeys]) if (isThere) key.data(reader, reader.uint64());
    reader.skip(reader.uint64() * 2 ** (flags & 0xff));
  },
});

const sizes: Readonly<Record<string, number>> = {
  UInt8: 1,
  Int8: 1,
  Bool: 1,
  Enum8: 1,
  Nothing: 1,
  UInt16: 2,
  Int16: 2,
  Enum16: 2,
  Date: 2,
  BFloat16: 2,
  UInt32: 4,
  Int32: 4,
  Float32: 4,
  Date32: 4,
  DateTime: 4,
  IPv4: 4,
  Decimal32: 4,
  Time: 4,
  UInt64: 8,
  Int64: 8,
  Float64: 8,
  DateTime64: 8,
  Decimal64: 8,
  Time64: 8,
  UInt128: 16,
  Int128: 16,
  UUID: 16,
  IPv6: 16,
  Decimal128: 16,
  UInt256: 32,
  Int256: 32,
  Decimal256: 32,
};

const point = tuple([fixed(8), fixed(8)]);
const geometries: Readonly<Record<string, Measured>> = {
  Point: point,
  Ring: array(point),
  LineString: array(point),
  Polygon: array(array(point)),
  MultiLineString: array(array(point)),
  MultiPolygon: array(array(array(point))),
};

const known = new Map<string, Measured>();

function parseType(type: string): Measured {
  let measured = known.get(type);
  if (measured === undefined) {
    measured = makeType(type);
    if (known.size > 1000) known.clear();
    known.set(type, measured);
  }
  return measured;
}

function makeType(type: string): Measured {
  const open = type.indexOf('(');
  const name = open < 0 ? type : type.slice(0, open);
  const size = sizes[name];
  if (size !== undefined) return fixed(size);
  if (name === 'String') return text;
  if (/^Interval/.test(name)) return fixed(8);
  const geometry = geometries[name];
  if (geometry !== undefined) return geometry;
  const args = open < 0 ? [] : splitArguments(type.slice(open + 1, -1));
  const [first = '', second = ''] = args;
  switch (name) {
    case 'FixedString':
      return fixed(Number(first));
    case 'Decimal':
      return fixed(decimalSize(Number(first)));
    case 'Nullable':
      return nullable(parseType(first));
    case 'LowCardinality':
      return lowCardinality(parseType(/^Nullable\((.*)\)$/s.exec(first)?.[1] ?? first));
    case 'Array':
      return array(parseType(first));
    case 'Map':
      return array(tuple([parseType(first), parseType(second)]));
    case 'Tuple':
      return tuple(args.map((argument) => parseType(withoutName(argument))));
    case 'Nested':
      return array(tuple(args.map((argument) => parseType(withoutName(argument)))));
    case 'SimpleAggregateFunction':
      return parseType(second);
    default:
      throw new UnmeasurableType(type);
  }
}

function decimalSize(precision: number): number {
  if (precision <= 9) return 4;
  if (precision <= 18) return 8;
  return precision <= 38 ? 16 : 32;
}

/** An element of a tuple may have a name in front of its type. */
function withoutName(element: string): string {
  return element.replace(/^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+(?=\S)/, '');
}

/** Splits at the commas that stand in no brackets and no quotes. */
function splitArguments(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < list.length; at++) {
    const character = list[at] as string;
    if (character === "'" || character === '`') {
      while (++at < list.length && list[at] !== character) if (list[at] === '\\') at++;
    } else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === ',' && depth === 0) {
      parts.push(list.slice(start, at).trim());
      start = at + 1;
    }
  }
  const last = list.slice(start).trim();
  if (last !== '') parts.push(last);
  return parts;
}
