import type { Node } from './document-node.js';
import type { Random } from './random.js';

/**
 * MessagePack bytes of a node. Each length and integer takes a format at random among those that hold it, so that
 * every format comes up, also longer ones than needed.
 */
export function writeMessagePack(node: Node, random: Random, spread: number): Uint8Array {
  const out: number[] = [];
  const bytes = (data: Uint8Array): void => {
    for (const byte of data) out.push(byte);
  };
  const integer = (value: bigint, width: number): void => {
    for (let shift = width * 8 - 8; shift >= 0; shift -= 8)
      out.push(Number((value >> BigInt(shift)) & 0xffn));
  };
  /** `formats` are [first byte, bytes of length, greatest length], shortest first. */
  const header = (length: number, formats: readonly (readonly [number, number, number])[]): void => {
    const fitting = formats.filter(([, , most]) => length <= most);
    const [first, width] = random.chance(spread) ? random.pick(fitting) : fitting[0]!;
    out.push(width === 0 ? first + length : first);
    integer(BigInt(length), width);
  };
  const write = (value: Node): void => {
    switch (value.type) {
      case 'object':
        header(value.members.length, [
          [0x80, 0, 15],
          [0xde, 2, 0xffff],
          [0xdf, 4, 0xffffffff],
        ]);
        for (const [key, member] of value.members) {
          if (typeof key === 'string') writeString(key);
          else write(key);
          write(member);
        }
        return;
      case 'array':
        header(value.items.length, [
          [0x90, 0, 15],
          [0xdc, 2, 0xffff],
          [0xdd, 4, 0xffffffff],
        ]);
        value.items.forEach(write);
        return;
      case 'string':
        return writeString(value.text);
      case 'number':
        return writeNumber(Number(value.spelling), value.spelling);
      case 'word':
        out.push(value.word === 'true' ? 0xc3 : value.word === 'false' ? 0xc2 : 0xc0);
        return;
      case 'binary':
        header(value.bytes.length, [
          [0xc4, 1, 0xff],
          [0xc5, 2, 0xffff],
          [0xc6, 4, 0xffffffff],
        ]);
        return bytes(value.bytes);
      case 'extension':
        return writeExtension(value.code, value.bytes);
    }
  };
  const writeString = (text: string): void => {
    const data = wtf8(text);
    header(data.length, [
      [0xa0, 0, 31],
      [0xd9, 1, 0xff],
      [0xda, 2, 0xffff],
      [0xdb, 4, 0xffffffff],
    ]);
    bytes(data);
  };
  const writeExtension = (code: number, data: Uint8Array): void => {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0 && random.chance(0.7)) out.push(0xd4 + fixed);
    else
      header(data.length, [
        [0xc7, 1, 0xff],
        [0xc8, 2, 0xffff],
        [0xc9, 4, 0xffffffff],
      ]);
    out.push(code & 0xff);
    bytes(data);
  };
  const writeNumber = (value: number, spelling: string): void => {
    const exact = /^-?\d+$/.test(spelling) ? BigInt(spelling) : undefined;
    const widths = exact === undefined ? [] : integerFormats(exact);
    if (exact !== undefined && widths.length > 0) {
      const [first, width] = random.chance(spread) ? random.pick(widths) : widths[0]!;
      out.push(first);
      return integer(exact, width);
    }
    const isFloat32 = Math.fround(value) === value || Number.isNaN(value);
    const view = new DataView(new ArrayBuffer(8));
    if (isFloat32 && random.chance(0.5)) {
      view.setFloat32(0, value);
      out.push(0xca);
      return bytes(new Uint8Array(view.buffer, 0, 4));
    }
    view.setFloat64(0, value);
    out.push(0xcb);
    bytes(new Uint8Array(view.buffer));
  };
  write(node);
  return Uint8Array.from(out);
}

/** Formats that hold an integer, as [first byte, bytes after it], shortest first. */
function integerFormats(value: bigint): [number, number][] {
  const formats: [number, number][] = [];
  if (value >= -32n && value <= 127n) formats.push([Number(value & 0xffn), 0]);
  [1, 2, 4, 8].forEach((width, index) => {
    const bits = BigInt(width * 8);
    if (value >= 0n && value < 1n << bits) formats.push([0xcc + index, width]);
    if (value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n)) formats.push([0xd0 + index, width]);
  });
  return formats;
}

/** UTF-8, except that a lone surrogate becomes the three bytes that UTF-8 forbids. */
function wtf8(text: string): Uint8Array {
  if (!/\p{Surrogate}/u.test(text)) return Buffer.from(text);
  const parts = Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const isLone = code >= 0xd800 && code <= 0xdfff;
    return isLone
      ? Buffer.from([0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
      : Buffer.from(character);
  });
  return Buffer.concat(parts);
}
