/** What is malformed as a whole, what is refused as one span, and the byte ranges that say where. */
import { Encoder } from '@msgpack/msgpack';
import { expect, test } from 'vitest';
import { loadNative, type BodyForm, type DecodeOptions } from '#dist/native/index.js';
import { decode, leastSpan, uuid } from '../support/native-block.js';

const native = loadNative();
const span = JSON.stringify(leastSpan);
const pack = (value: unknown): Buffer => Buffer.from(new Encoder().encode(value));
const packed = pack(leastSpan);
const bytes = (...parts: (string | readonly number[] | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));

/** [total, accepted, refused triples] of a body that can be read. */
function verdict(body: Uint8Array | string, form: BodyForm, options: Partial<DecodeOptions> = {}): unknown[] {
  const decoder = native.createSpanDecoder();
  const result = decode(decoder, body, form, options);
  expect(result.malformed).toBeUndefined();
  expect(decoder.rows).toBe(result.accepted);
  return [result.total, result.accepted, [...result.refused]];
}

/** [total, accepted] of a body that can be read. */
const counts = (body: Uint8Array | string, form: BodyForm): unknown[] => verdict(body, form).slice(0, 2);

test.each<[name: string, form: BodyForm, body: Uint8Array | string, offset: number, reason: string]>([
  ['an empty body', 'json', '', 0, 'empty'],
  ['white space only', 'json', ' \n\t\r', 0, 'empty'],
  ['a byte order mark', 'json', '\ufeff[]', 0, 'byte order mark'],
  ['a byte order mark before lines', 'ndjson', `\ufeff${span}`, 0, 'byte order mark'],
  ['two documents', 'json', `${span} ${span}`, span.length + 1, 'trailing characters'],
  ['junk behind an array', 'json', `[${span}]x`, span.length + 2, 'trailing characters'],
  ['a document cut off', 'json', span.slice(0, -2), span.length - 2, 'truncated'],
  ['an array cut off', 'json', `[${span},`, span.length + 2, 'truncated'],
  ['an array not closed', 'json', `[${span}`, span.length + 1, 'truncated'],
  ['a comma too many', 'json', `[${span},]`, span.length + 2, 'unexpected character'],
  ['a string not closed', 'json', `[${span},"abc]`, span.length + 2, 'unterminated string'],
  ['a control character in a string', 'json', '["a\nb"]', 3, 'unexpected character'],
  ['a control character outside', 'json', '[1,\u000c2]', 3, 'unexpected character'],
  ['an unknown escape', 'json', '["\\x41"]', 3, 'unexpected character'],
  ['a bad word', 'json', '[nul]', 4, 'unexpected character'],
  ['a word that runs on', 'json', '[nullx]', 5, 'unexpected character'],
  ['a number that runs on', 'json', '[4x42]', 2, 'unexpected character'],
  ['a leading zero', 'json', '[01]', 2, 'unexpected character'],
  ['a bare point', 'json', '[1.]', 3, 'unexpected character'],
  ['single quotes', 'json', "['a']", 1, 'unexpected character'],
  ['invalid UTF-8 in a string', 'json', bytes('["', [0xff], '"]'), 2, 'invalid UTF-8'],
  ['invalid UTF-8 outside', 'json', bytes('[', [0xc0, 0x80], ']'), 1, 'invalid UTF-8'],
  ['a broken second element', 'json', `[${span},{"a":}]`, span.length + 7, 'unexpected character'],
  ['a MessagePack array cut off', 'msgpack', bytes([0x92], packed), packed.length + 1, 'truncated'],
  [
    'a MessagePack array cut in an element',
    'msgpack',
    bytes([0x92], packed, packed.subarray(0, 9)),
    packed.length + 10,
    'truncated',
  ],
  [
    'bytes behind a MessagePack array',
    'msgpack',
    bytes([0x91], packed, [0xc0]),
    packed.length + 1,
    'trailing characters',
  ],
  [
    'the byte that MessagePack never uses',
    'msgpack',
    bytes([0x92], packed, [0x81, 0xa1, 0x61, 0xc1]),
    packed.length + 4,
    'unexpected character',
  ],
  ['an array head cut off', 'msgpack', bytes([0xdd, 0, 0]), 3, 'truncated'],
])('%s (%s) is malformed, and nothing of it stays', (_name, form, body, offset, reason) => {
  const decoder = native.createSpanDecoder();
  decode(decoder, span, 'json');
  const size = decoder.maxBlockBytes;
  const result = decode(decoder, body, form);
  expect(result.malformed).toEqual({ offset, reason });
  expect(result).toMatchObject({
    total: 0,
    accepted: 0,
    refused: new Uint32Array(0),
    matches: new Uint32Array(0),
  });
  expect(decoder.rows).toBe(1);
  expect(decoder.maxBlockBytes).toBe(size);
});

test.each<[name: string, form: BodyForm, body: Uint8Array | string]>([
  ['an empty array', 'json', ' [ ] '],
  ['blank lines', 'ndjson', '\n \r\n\t\n'],
  ['no line', 'ndjson', ''],
  ['an empty MessagePack array', 'msgpack', bytes([0x90])],
  ['no map', 'msgpack', ''],
])('%s (%s) holds no span', (_name, form, body) => {
  expect(verdict(body, form)).toEqual([0, 0, []]);
});

test('elements of a JSON array are refused one by one', () => {
  const body = ` [ 42 , ${span} ,"text",null,[${span}],{}, ${span},{"a":1e999} ]`;
  const range = (text: string, from = 0): number[] => [
    body.indexOf(text, from),
    body.indexOf(text, from) + text.length,
  ];
  expect(verdict(body, 'json')).toEqual([
    8,
    2,
    [
      0,
      ...range('42'),
      2,
      ...range('"text"'),
      3,
      ...range('null'),
      4,
      ...range(`[${span}]`, 4),
      5,
      ...range('{}'),
      7,
      ...range('{"a":1e999}'),
    ],
  ]);
});

test('a document of another type is one refused span', () => {
  expect(verdict(' true ', 'json')).toEqual([1, 0, [0, 1, 5]]);
  expect(verdict('"x"', 'json')).toEqual([1, 0, [0, 0, 3]]);
});

test('broken lines are refused one by one, whatever is wrong with them', () => {
  const broken: (string | Uint8Array)[] = [
    '{"a":',
    '"open',
    bytes('{"a":"', [0xff], '"}'),
    'x',
    '}',
    `${span} ${span}`,
    `${span}x`,
    '{"a":"b\\',
    '{"a":"\u0001"}',
    '[1]',
    '\ufeff{}',
    bytes([0xf0, 0x9f]),
    '{"a":1,,"b":2}',
    '{"a" "b"}',
    '\u0000',
  ];
  const parts: Uint8Array[] = [];
  const expected: number[] = [];
  let at = 0;
  broken.forEach((line, i) => {
    const text = bytes(line);
    expected.push(2 * i, at + 1, at + 1 + text.length);
    const part = bytes(' ', text, ' \r\n', span, '\n');
    parts.push(part);
    at += part.length;
  });
  expect(verdict(Buffer.concat(parts), 'ndjson')).toEqual([2 * broken.length, broken.length, expected]);
});

test('a span cannot go over a line break', () => {
  const text = JSON.stringify(leastSpan, null, 1);
  const lines = text.split('\n').length;
  expect(counts(`${text}\n${span}`, 'ndjson')).toEqual([lines + 1, 1]);
});

test('a broken line is not read on into the next one, whose escapes count', () => {
  const escaped = span.replace('"plan"', '"\\u0070lan \\ud83d\\ude00"').replace('"type"', '"\\u0074ype"');
  for (const broken of ['{"x":', '{"x":[', `${span.slice(0, -1)},"x":`, '{"x":[1,', '{"x":"\\n","y":']) {
    for (const [line, accepted] of [
      [escaped, 1],
      [with_('"x":"\\ud800"'), 0],
    ] as const) {
      const body = `${broken}\n${line}\n${span}`;
      expect(counts(body, 'ndjson')).toEqual([3, 1 + accepted]);
    }
  }
});

test('lines around the size of a window', () => {
  const long = (size: number): string => JSON.stringify({ ...leastSpan, x: 'y'.repeat(size) });
  for (const size of [262_144 - span.length - 8, 262_144, 300_000, 1_000_000]) {
    for (let shift = -3; shift <= 3; shift += 1) {
      const body = `${span}\n${long(size + shift)}\n{\n${span}`;
      expect(verdict(body, 'ndjson')).toEqual([
        4,
        3,
        [2, body.length - span.length - 2, body.length - span.length - 1],
      ]);
    }
  }
});

test('MessagePack items are judged alone; where one is cut off, the rest is refused', () => {
  const body = bytes(
    packed,
    [0x2a],
    packed,
    [0xa1, 0xff],
    [0x81, 0x01, 0x02],
    packed,
    packed.subarray(0, -1),
  );
  const one = packed.length;
  expect(verdict(body, 'msgpack')).toEqual([
    7,
    3,
    [1, one, one + 1, 3, 2 * one + 1, 2 * one + 3, 4, 2 * one + 3, 2 * one + 6, 6, 3 * one + 6, body.length],
  ]);
  expect(verdict(bytes(packed, [0xc1], packed), 'msgpack')).toEqual([2, 1, [1, one, 2 * one + 1]]);
});

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const with_ = (member: string): string => span.replace('{', `{${member},`);

test.each<[name: string, accepted: boolean, line: string]>([
  ['63 levels in the span', true, with_(`"x":${nested(63)}`)],
  ['64 levels in the span', false, with_(`"x":${nested(64)}`)],
  ['62 levels in a part', true, span.replace('"name"', `"x":${nested(62)},"name"`)],
  ['63 levels in a part', false, span.replace('"name"', `"x":${nested(63)},"name"`)],
  ['a repeated key', false, with_('"x":1,"x":2')],
  ['a repeated key, once escaped', false, with_('"x":1,"\\u0078":2')],
  ['a repeated known key', false, with_(`"trace_id":"${uuid(1)}"`)],
  ['a repeated key deep inside', false, with_('"x":[{"a":{"k":1,"j":2,"k":3}}]')],
  ['the same key in two objects', true, with_('"x":[{"k":1},{"k":1,"o":{"k":1}}]')],
  ['__proto__', false, with_('"__proto__":1')],
  ['__proto__ escaped, deep inside', false, with_('"x":{"\\u005f_proto__":1}')],
  ['__proto__ as a value', true, with_('"x":"__proto__"')],
  ['a lone high surrogate', false, with_('"x":"\\ud800"')],
  ['a lone low surrogate', false, with_('"x":"\\udc00"')],
  ['surrogates in the wrong order', false, with_('"x":"\\udc00\\ud800"')],
  ['a surrogate pair', true, with_('"x":"\\ud83d\\ude00"')],
  ['a lone surrogate in a key', false, with_('"\\ud800":1')],
  ['the largest double', true, with_('"x":1.7976931348623157e308')],
  ['just below where reading rounds to infinity', true, with_('"x":17976931348623158079e289')],
  ['just above', false, with_('"x":17976931348623158080e289')],
  ['1e400', false, with_('"x":1e400')],
  ['zero with a huge exponent', true, with_('"x":0.000e99999999999999999999')],
  ['a huge exponent down', true, with_('"x":-12e-99999999999999999999')],
  ['400 digits with an exponent down', true, with_(`"x":${'9'.repeat(400)}e-100`)],
  ['400 digits', false, with_(`"x":${'9'.repeat(400)}`)],
  ['an id in upper case', false, span.replace(uuid(1), uuid(1).toUpperCase())],
  ['parent null', false, with_('"parent_span_id":null')],
  ['start in a wrong month', false, span.replace('2025-01', '2025-13')],
  ['annotations that are no array', false, with_('"metadata":{"annotations":{}}')],
  ['tags that are no object', false, with_('"metadata":{"tags":[]}')],
  ['a status of its own', false, with_('"result":{"status":"ok"}')],
  ['result null', false, with_('"result":null')],
])('%s: accepted %s', (_name, accepted, line) => {
  expect(counts(line, 'json')).toEqual([1, accepted ? 1 : 0]);
  expect(counts(`${span}\n${line}\n${span}`, 'ndjson')).toEqual([3, accepted ? 3 : 2]);
});

test('times outside the window, end before start, spans that are too large', () => {
  const start = BigInt(Date.parse(leastSpan.timestamp.start)) * 1_000_000n;
  const timed = (end: string): string =>
    JSON.stringify({ ...leastSpan, timestamp: { ...leastSpan.timestamp, end } });
  const window = (min: bigint, max: bigint): Partial<DecodeOptions> => ({
    minTimeUnixNano: min,
    maxTimeUnixNano: max,
  });
  const accepted = (line: string, options: Partial<DecodeOptions>): unknown =>
    verdict(line, 'json', options)[1];
  expect(accepted(span, window(start, start))).toBe(1);
  expect(accepted(span, window(start + 1n, start + 2n))).toBe(0);
  expect(accepted(span, window(start - 2n, start - 1n))).toBe(0);
  expect(accepted(timed('2025-01-27T18:40:32.000000001Z'), window(start, start))).toBe(0);
  expect(accepted(timed('2025-01-27T18:40:32.000000001Z'), window(start, start + 1n))).toBe(1);
  expect(accepted(timed('2025-01-27T18:40:31.999999999Z'), {})).toBe(0);
  expect(accepted(timed('2025-01-27T18:40:32Z'), {})).toBe(1);
  expect(accepted(timed('9999-12-31T23:59:59Z'), {})).toBe(0);
  expect(accepted(` ${span} `, { maxSpanBytes: span.length })).toBe(1);
  expect(accepted(span, { maxSpanBytes: span.length - 1 })).toBe(0);
  expect(verdict(bytes(packed, packed), 'msgpack', { maxSpanBytes: packed.length })[1]).toBe(2);
  expect(verdict(bytes(packed, packed), 'msgpack', { maxSpanBytes: packed.length - 1 })[1]).toBe(0);
});

test('a million keys: distinct ones are fine, a repeated one is found', () => {
  const keys = Array.from({ length: 1_000_000 }, (_, i) => `"${i.toString(36)}":0`);
  const options = { maxSpanBytes: 64 << 20 };
  expect(verdict(with_(`"x":{${keys.join()}}`), 'json', options)[1]).toBe(1);
  expect(verdict(with_(`"x":{${[...keys, keys[777]].join()}}`), 'json', options)[1]).toBe(0);
});

test('a body of junk lists a bounded number of refusals and counts all', () => {
  const result = decode(native.createSpanDecoder(), '1\n'.repeat(200_000), 'ndjson');
  expect(result.total).toBe(200_000);
  expect(result.accepted).toBe(0);
  expect(result.refused).toHaveLength(65_536 * 3);
});
