import { encode } from '@msgpack/msgpack';

const ARRAY_32 = 0xdd;
const MAP_32 = 0xdf;
const STRING_32 = 0xdb;
const INT_64 = 0xd3;
const UINT_64 = 0xcf;
const FLOAT_64 = 0xcb;
const WORDS: Readonly<Record<string, number>> = { null: 0xc0, false: 0xc2, true: 0xc3 };

const INT_64_MIN = -(2n ** 63n);
const INT_64_MAX = 2n ** 63n - 1n;
const UINT_64_MAX = 2n ** 64n - 1n;

/** Strings, then everything else that is no white space, comma or colon. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}]|[^\s,:[\]{}"]+/gy;
const BETWEEN = /[\s,:]*/y;

interface Container {
  /** Where its count stands. */
  readonly at: number;
  readonly isMap: boolean;
  items: number;
}

/**
 * One JSON text that the engine made, as MessagePack. Integers of 64 bits stay exact and all else that JSON has keeps
 * its value, which a detour through `JSON.parse` would not give. Works without recursion: trees are as deep as traces.
 */
export function jsonToMsgpack(text: string): Uint8Array {
  const out = new Writer(text.length);
  const open: Container[] = [];
  for (TOKEN.lastIndex = skip(text, 0); TOKEN.lastIndex < text.length;) {
    const start = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) throw new Error(`not JSON at ${start}`);
    TOKEN.lastIndex = skip(text, start + token.length);
    const top = open[open.length - 1];
    if (token === ']' || token === '}') {
      if (top === undefined) throw new Error(`not JSON at ${start}`);
      out.setUint32(top.at, top.isMap ? top.items / 2 : top.items);
      open.pop();
      continue;
    }
    if (top !== undefined) top.items += 1;
    if (token === '[' || token === '{') {
      const isMap = token === '{';
      open.push({ at: out.header(isMap ? MAP_32 : ARRAY_32), isMap, items: 0 });
    } else if (token.startsWith('"')) out.string(JSON.parse(token) as string);
    else writeScalar(out, token);
  }
  return out.bytes();
}

function skip(text: string, at: number): number {
  BETWEEN.lastIndex = at;
  BETWEEN.exec(text);
  return BETWEEN.lastIndex;
}

function writeScalar(out: Writer, token: string): void {
  const word = WORDS[token];
  if (word !== undefined) return out.byte(word);
  const value = Number(token);
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return out.append(encode(value));
  if (/^-?\d{1,20}$/.test(token) && !Object.is(value, -0)) {
    const exact = BigInt(token);
    if (exact >= INT_64_MIN && exact <= INT_64_MAX) return out.integer(INT_64, exact);
    if (exact > 0n && exact <= UINT_64_MAX) return out.integer(UINT_64, exact);
  }
  out.float(value);
}

class Writer {
  private buffer: Buffer;
  private length = 0;

  constructor(expectedBytes: number) {
    this.buffer = Buffer.allocUnsafe(expectedBytes + 64);
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): void {
    const at = this.room(1);
    this.buffer[at] = value;
  }

  append(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** A type with a count of 32 bits that is not known yet. Gives its place. */
  header(type: number): number {
    const at = this.room(5);
    this.buffer[at] = type;
    return at + 1;
  }

  setUint32(at: number, value: number): void {
    this.buffer.writeUInt32BE(value, at);
  }

  string(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes < 32) this.byte(0xa0 | bytes);
    else this.setUint32(this.header(STRING_32), bytes);
    const at = this.room(bytes);
    this.buffer.write(text, at);
  }

  integer(type: number, value: bigint): void {
    const at = this.room(9);
    this.buffer[at] = type;
    this.buffer.writeBigUInt64BE(BigInt.asUintN(64, value), at + 1);
  }

  float(value: number): void {
    const at = this.room(9);
    this.buffer[at] = FLOAT_64;
    this.buffer.writeDoubleBE(value, at + 1);
  }

  /** Place of `bytes` more bytes. May replace the buffer, so it comes first. */
  private room(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(this.length * 2);
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
    }
    return at;
  }
}
