import type { Random } from './random.js';

/** Sequences that are not UTF-8: lone continuation, cut, overlong, surrogate, beyond U+10FFFF, bytes never used. */
// prettier-ignore
const NOT_UTF8 = [
  '80', 'bf', 'c3', 'e282', 'f09f98', 'c080', 'c1bf', 'e08080', 'e09fbf', 'f0808080', 'f08fbfbf', 'eda080',
  'edbfbf', 'f4908080', 'f7bfbfbf', 'f8888080', 'fc84808080', 'fe', 'ff', 'c328', 'e228a1', 'e28228',
  'f028a1a1', 'eda0bdedb880',
];
// prettier-ignore
const JSON_SCRAPS = [
  '{', '}', '[', ']', ',', ':', '"', '\\', '\\u', '\\u12', '\\x41', '\\ud800', '\\"', '\n', '\r', '\t',
  '\v', '\f', '\u0000', '\u001f', '\u007f', '\u00a0', '\u2028', '\ufeff', '//', '/**/', "'", '1', '-', '.',
  'e', 'null', '{}', ',,', '"":',
];
// prettier-ignore
const MSGPACK_SCRAPS = [
  'c1', 'c0', '80', '90', 'a0', 'a1ff', 'c400', 'd4ff00', 'cb7ff0000000000000', 'ca7fc00000', 'dfffffffff',
  'ddffffffff', 'dbffffffff', 'c6ffffffff', 'ce', '93', '8f', 'd6ff5f000000',
];

/** Damages the bytes of a document; now and then what comes out is a valid document again. */
export function breakBytes(bytes: Uint8Array, random: Random, form: 'json' | 'msgpack'): Uint8Array {
  const at = random.below(bytes.length + 1);
  const scrap =
    form === 'json' ? Buffer.from(random.pick(JSON_SCRAPS)) : Buffer.from(random.pick(MSGPACK_SCRAPS), 'hex');
  const insert = (what: Uint8Array, where: number, replaced = 0): Uint8Array =>
    Buffer.concat([bytes.subarray(0, where), what, bytes.subarray(where + replaced)]);
  switch (random.below(12)) {
    case 0:
      // Most of all where something is due: a reader that goes on finds it in the neighbour.
      return bytes.slice(0, form === 'json' && random.chance(0.6) ? afterPunctuation(bytes, at) : at);
    case 1:
      return bytes.slice(at);
    case 2:
      return insert(Uint8Array.of(random.below(256)), at);
    case 3:
      return insert(Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.below(8))), at, 1);
    case 4:
      return insert(new Uint8Array(), at, 1 + random.below(3));
    case 5:
      return insert(bytes.slice(at, at + 1 + random.below(20)), at);
    case 6:
      return insert(Uint8Array.of(bytes[at + 1] ?? 0, bytes[at] ?? 0), at, 2);
    case 7:
      return insert(Buffer.from(random.pick(NOT_UTF8), 'hex'), insideString(bytes, at));
    case 8:
      return insert(scrap, at);
    case 9:
      return insert(scrap, bytes.length);
    case 10:
      return insert(scrap, 0);
    default:
      return insert(scrap, at, scrap.length);
  }
}

/** The offset behind the first colon, comma or opening bracket from `at` on. */
function afterPunctuation(bytes: Uint8Array, at: number): number {
  for (let offset = at; offset < bytes.length; offset += 1) {
    if (':,{['.includes(String.fromCharCode(bytes[offset] ?? 0))) return offset + 1;
  }
  return at;
}

/** An offset near `at` that follows a letter, so most likely inside a string. */
function insideString(bytes: Uint8Array, at: number): number {
  for (let offset = at; offset < bytes.length; offset += 1) {
    const byte = bytes[offset] ?? 0;
    if (byte >= 0x61 && byte <= 0x7a) return offset + 1;
  }
  return at;
}
