import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baseTypeValidators, dateTimeToUnixNano, unixNanoToDateTime } from '#dist/protocol/index.js';
import { anyTime } from '../support/date-spellings.js';
import { createRandom } from '../support/random.js';

const seconds = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n;

describe('dateTimeToUnixNano', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01t00:00:00.000000001z', 1n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['2026-01-31 12:34:56.7+05:30', seconds('2026-01-31T07:04:56.700Z')],
    ['2026-01-31T12:34:56-0130', seconds('2026-01-31T14:04:56Z')],
    ['2026-01-31T12:34:56+02', seconds('2026-01-31T10:34:56Z')],
    ['0000-02-29T00:00:00Z', seconds('0000-02-29T00:00:00Z')],
    ['0099-12-31T23:59:59Z', seconds('0099-12-31T23:59:59Z')],
    ['9999-12-31T23:59:59.999999999Z', seconds('9999-12-31T23:59:59Z') + 999_999_999n],
  ])('%s', (text, expected) => {
    expect(dateTimeToUnixNano(text)).toBe(expected);
  });

  test('cuts fraction digits beyond the ninth', () => {
    expect(dateTimeToUnixNano('1970-01-01T00:00:00.1234567899Z')).toBe(123_456_789n);
  });

  test.each([
    '2016-12-31T23:59:60Z',
    '2016-12-31T22:59:60-01:00',
    '2017-01-01T00:59:60+01:00',
    '2016-12-31T24:59:60+01:00',
  ])('a leap second is the second after it: %s', (text) => {
    expect(baseTypeValidators.timestamp(text)).toBe(true);
    expect(dateTimeToUnixNano(text)).toBe(seconds('2017-01-01T00:00:00Z'));
  });

  test('gives a time for every text that the schema accepts', () => {
    const random = createRandom(1);
    let accepted = 0;
    for (let count = 0; count < 20_000; count += 1) {
      const text = anyTime(random);
      if (!baseTypeValidators.timestamp(text)) continue;
      accepted += 1;
      expect(dateTimeToUnixNano(text), text).toBeTypeOf('bigint');
    }
    expect(accepted).toBeGreaterThan(4_000);
  });

  test.each(['', 'now', '2026-01-31', '2026-01-31T12:34:56'])('has no time for %j', (text) => {
    expect(dateTimeToUnixNano(text)).toBeUndefined();
  });
});

describe('unixNanoToDateTime', () => {
  test.each([
    [0n, '1970-01-01T00:00:00Z'],
    [1n, '1970-01-01T00:00:00.000000001Z'],
    [-1n, '1969-12-31T23:59:59.999999999Z'],
    [120_000_000n, '1970-01-01T00:00:00.120Z'],
    [120_000n, '1970-01-01T00:00:00.000120Z'],
    [seconds('0000-01-01T00:00:00Z'), '0000-01-01T00:00:00Z'],
    [seconds('9999-12-31T23:59:59Z'), '9999-12-31T23:59:59Z'],
  ])('%s ns', (unixNano, expected) => {
    expect(unixNanoToDateTime(unixNano)).toBe(expected);
  });

  test('has no text outside four-digit years', () => {
    expect(unixNanoToDateTime(seconds('0000-01-01T00:00:00Z') - 1n)).toBeUndefined();
    expect(unixNanoToDateTime(seconds('9999-12-31T23:59:59Z') + 1_000_000_000n)).toBeUndefined();
  });

  test('is undone by dateTimeToUnixNano', () => {
    const [min, max] = [seconds('0000-01-01T00:00:00Z'), seconds('9999-12-31T23:59:59Z')];
    fc.assert(
      fc.property(fc.bigInt({ min, max }), (unixNano) => {
        const text = unixNanoToDateTime(unixNano) ?? '';
        expect(baseTypeValidators.timestamp(text)).toBe(true);
        expect(dateTimeToUnixNano(text)).toBe(unixNano);
      }),
    );
  });
});

test('the pinned ajv-formats has the rule that the native decoder ports', () => {
  // The port follows this version to the letter; a new one needs a new look at its date-time rule.
  const { version } = JSON.parse(
    readFileSync(new URL('../../node_modules/ajv-formats/package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  expect(version).toBe('3.0.1');
});
