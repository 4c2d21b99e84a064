import { decode } from '@msgpack/msgpack';
import { expect, it } from 'vitest';
import { jsonToMsgpack } from '#dist/http/json-to-msgpack.js';
import { prefersMsgpack } from '#dist/http/representation.js';

const exact = (text: string): unknown => decode(jsonToMsgpack(text), { useBigInt64: true });

it('translates every kind of value', () => {
  const long = 'é☃'.repeat(20_000);
  for (const value of [
    null,
    true,
    false,
    0,
    -1,
    1.5,
    -33,
    65_536,
    1e300,
    '',
    'a"\\\n\u2028😀, : [ ] { }',
    long,
    [],
    {},
    [[], {}, [1, [2, { a: [null] }]]],
    { a: 1, 'b,:"': { '': [] }, long },
    Array.from({ length: 70_000 }, (_, i) => i),
  ])
    for (const space of [0, 2])
      expect(decode(jsonToMsgpack(JSON.stringify(value, null, space)))).toEqual(value);
});

it('keeps 64-bit integers exact, and the value of all other numbers', () => {
  expect(exact('9007199254740993')).toBe(9007199254740993n);
  expect(exact('18446744073709551615')).toBe(18446744073709551615n);
  expect(exact('-9223372036854775808')).toBe(-9223372036854775808n);
  expect(exact('18446744073709551616')).toBe(2 ** 64);
  expect(exact('-0')).toBe(-0);
  expect(exact('1e5')).toBe(exact('100000'));
  expect(exact('5e-324')).toBe(5e-324);
});

it('goes as deep as traces do, and refuses what is no JSON', () => {
  const depth = 100_000;
  expect(jsonToMsgpack('['.repeat(depth) + ']'.repeat(depth)).length).toBe(5 * depth);
  for (const text of [']', '"open', '[1]]']) expect(() => jsonToMsgpack(text), text).toThrow();
});

it('is what a client gets that prefers it to JSON', () => {
  const yes = [
    'application/msgpack',
    'application/x-msgpack, */*',
    'application/json;q=0.5, Application/MsgPack',
    'application/msgpack, application/json',
  ];
  const no = [
    '',
    '*/*',
    'application/json',
    'application/json, application/msgpack;q=0.9',
    'application/msgpack;q=0',
    'text/msgpack',
  ];
  for (const accept of yes) expect(prefersMsgpack(accept), accept).toBe(true);
  for (const accept of no) expect(prefersMsgpack(accept), accept).toBe(false);
});
