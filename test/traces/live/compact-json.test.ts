import { encode, encodeTimestampExtension, ExtensionCodec, EXT_TIMESTAMP } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compactSpan } from '#dist/traces/live/compact-json.js';

const compact = (text: string) => compactSpan('json', Buffer.from(text)).toString();

test('a span on one line keeps its bytes', () => {
  const text = '{ "a" : 1.50e1, "b":"x  y" }';
  expect(compact(text)).toBe(text);
});

test('line breaks go, number spellings and strings stay', () => {
  expect(compact('{\r\n  "a": 1.50e1,\n\t"b": "x\\" \\\\ y\\n",\n "c": [1, 2]\n}')).toBe(
    '{"a":1.50e1,"b":"x\\" \\\\ y\\n","c":[1,2]}',
  );
});

test('any JSON value, indented, is equal and on one line', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const text = compact(`{"v":${JSON.stringify(JSON.parse(json), null, '\t')}\n}`);
      expect(text).not.toMatch(/[\r\n]/);
      expect(JSON.parse(text)).toEqual({ v: JSON.parse(json) });
    }),
    { numRuns: 500 },
  );
});

test('MessagePack: exact integers, binary ids, timestamps, doubles', () => {
  const extensionCodec = new ExtensionCodec();
  extensionCodec.register({
    type: EXT_TIMESTAMP,
    encode: (value) => (value instanceof Date ? encodeTimestampExtension(value) : null),
    decode: () => null,
  });
  const span = {
    id: Uint8Array.from(Buffer.from('6f1c2d3e4b5a4c6d8e7f901234567890', 'hex')),
    timestamp: { start: new Date('2025-01-27T18:40:32.123Z'), end: new Date('2025-01-27T18:40:33.000Z') },
    big: 18446744073709551615n,
    negative: -9223372036854775808n,
    real: 0.1,
    text: 'ü"\n',
    list: [null, true, {}],
  };
  const bytes = encode(span, { extensionCodec, useBigInt64: true });
  const text = compactSpan('msgpack', bytes).toString();
  expect(text).toContain('"big":18446744073709551615,"negative":-9223372036854775808,"real":0.1');
  const { big, negative, ...rest } = JSON.parse(text) as Record<string, unknown>;
  expect([typeof big, typeof negative]).toEqual(['number', 'number']);
  expect(rest).toEqual({
    id: '6f1c2d3e-4b5a-4c6d-8e7f-901234567890',
    timestamp: { start: '2025-01-27T18:40:32.123Z', end: '2025-01-27T18:40:33Z' },
    real: 0.1,
    text: 'ü"\n',
    list: [null, true, {}],
  });
});
