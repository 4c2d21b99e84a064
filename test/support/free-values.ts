/** Values where a document may hold any value. */
import { array, number, object, string, word, type Member, type Node } from './document-node.js';
import type { Random } from './random.js';

export const ACTION_TYPES = ['execute', 'invoke', 'validate', 'complete'];
export const STATUSES = ['success', 'failure', 'timeout', 'cancelled'];

// prettier-ignore
const UNKNOWN_KEYS = [
  'x', 'vendor', '', 'Id', 'trace-id', 'TRACE_ID', 'ID', 'constructor', 'prototype', 'toString', '__proto',
  '__proto___', 'hasOwnProperty', '0', '1', '00', 'a/b', 'a~b', 'ключ', '鍵', '🔑', '\u0000', 'a"b', 'a\\b',
  ' ', 'trace_id ', 'idx', 'i', 'actions', 'starts',
];

/** Members with keys that occur once; values as deep as three levels. */
export function unknownMembers(random: Random): Member[] {
  const members = new Map<string, Node>();
  for (let left = random.below(4); left > 0; left -= 1) {
    const key = random.chance(0.5) ? random.pick(UNKNOWN_KEYS) : `k${random.below(1000)}`;
    members.set(key, freeValue(random, 3));
  }
  return [...members];
}

// prettier-ignore
const NUMBERS = [
  '0', '-0', '1', '-1', '42', '0.1', '-0.0', '1e5', '1E+5', '1e-5', '-1.5e-10', '1e308',
  '1.7976931348623157e308', '1.7976931348623158e308', '1.797693134862315807e308', '5e-324', '1e-400',
  '0e999', '2.2250738585072011e-308', '9007199254740993', '123456789012345678901234567890',
  '18446744073709551615', '18446744073709551616', '-9223372036854775808', '-9223372036854775809', '127',
  '128', '-32', '-33', '-128', '-129', '255', '256', '65535', '65536', '4294967295', '4294967296',
  '2147483647', '-2147483649', '3.25', `1${'0'.repeat(308)}`, `0.${'0'.repeat(400)}1`,
  `${'9'.repeat(40)}.${'9'.repeat(40)}`,
];

export function freeValue(random: Random, depth: number): Node {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind < 2) return string(text(random));
  if (kind === 2) return number(random.pick(NUMBERS));
  if (kind === 3) return number(String(random.next() / (1 << random.below(31))));
  if (kind === 4) return word(random.pick(['true', 'false', 'null']));
  if (kind === 5) return array(list(random, 3, () => freeValue(random, depth - 1)));
  return object(kind === 6 ? [] : unknownMembers(random).map(([key]) => [key, freeValue(random, depth - 1)]));
}

// prettier-ignore
const TEXTS = [
  '', 'a', 'search_documents', 'tool call', 'ünïcödé', '日本語', '😀👩‍👩‍👧', '\u0000', 'a\u0000b', '"', '\\',
  '\\u0041', '/', '\n\r\t\b\f\v', '\u007f\u0080', '\u2028\u2029', '\ufeff', '\uffff', '\u{10ffff}',
  '\u{10000}', '<script>', 'null', '{"a":1}', 'x'.repeat(31), 'x'.repeat(32), 'é'.repeat(16),
  'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(255), 'x'.repeat(256),
];

export function text(random: Random): string {
  if (random.chance(0.5)) return random.pick(TEXTS);
  if (random.chance(0.004)) return random.pick(['y', 'ß', '"']).repeat(random.below(70_000));
  return Array.from({ length: random.below(20) }, () => String.fromCodePoint(32 + random.below(96))).join('');
}

export function list<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: random.below(most + 1) }, make);
}
