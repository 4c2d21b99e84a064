import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJson } from '#dist/protocol/formats/json-reader.js';
import { readStrictJson } from '#dist/protocol/index.js';

/** JSON text with what readers differ in: repeated keys, escapes, odd numbers, and text that is no JSON any more. */
const key = fc.constantFrom(
  '"a"',
  '"b"',
  '"__proto__"',
  '"\\u005f_proto__"',
  '"a:b"',
  '"\\"{"',
  '"\\ud83d\\ude00"',
  '"\\u0061"',
);
const scalar = fc.constantFrom(
  '1',
  '-0',
  '1e999',
  '01',
  'true',
  'null',
  '"x"',
  '"\\ud800"',
  '"\\\\"',
  '"\\',
  '"[:"',
  '"é項\u{2028}"',
  '9007199254740993',
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map((pair) => pair.join(':')).join(' , ')}}`),
  ),
}));
const damaged = fc
  .tuple(value, fc.nat(), fc.constantFrom('', '{', '}', '"', ':', ',', '\\', '\u0000'))
  .map(([text, at, scrap]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + scrap + text.slice(place + 1);
  });

describe('readJson', () => {
  test('says what readStrictJson says', () => {
    fc.assert(
      fc.property(fc.oneof(value, damaged), (text) => {
        const fast = readJson(text, 20);
        const strict = readStrictJson(Buffer.from(text), 20);
        expect(fast.faults).toEqual(strict.faults);
        expect(fast.sizeBytes).toBe(Buffer.byteLength(text));
        if (strict.faults.length === 0) expect(JSON.stringify(fast.value)).toBe(JSON.stringify(strict.value));
      }),
      { numRuns: 3000 },
    );
  });

  test('refuses what no UTF-8 text can hold, and 65 levels', () => {
    expect(readJson('"\ud800"', 20).faults).toMatchObject([{ pointer: '', keyword: 'loneSurrogate' }]);
    expect(readJson('"😀\ud83d', 20).faults).toMatchObject([{ keyword: 'loneSurrogate' }]);
    expect(readJson('["\udc00"]', 20).faults).toMatchObject([{ keyword: 'loneSurrogate' }]);
    expect(readJson('['.repeat(64) + ']'.repeat(64), 20).faults).toEqual([]);
    expect(readJson('['.repeat(65) + ']'.repeat(65), 20).faults).toMatchObject([{ keyword: 'depth' }]);
    expect(readJson('['.repeat(100_000), 20).faults).toMatchObject([{ keyword: 'depth' }]);
  });

  test('reads texts of any length', () => {
    for (const length of [65_529, 65_530, 65_531, 300_000]) {
      const text = `["é😀${'x'.repeat(length)}"]`;
      expect(readJson(text, 20)).toEqual({
        value: JSON.parse(text) as unknown,
        faults: [],
        sizeBytes: Buffer.byteLength(text),
      });
    }
  });
});
