import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, readStrictJson } from '#dist/protocol/index.js';

const read = (text: string | Uint8Array): ReturnType<typeof readStrictJson> =>
  readStrictJson(typeof text === 'string' ? Buffer.from(text) : text, 20);
const faultsOf = (text: string | Uint8Array): string[] =>
  read(text).faults.map(({ pointer, keyword }) => `${pointer} ${keyword}`);

describe('readStrictJson', () => {
  test.each([
    '{}',
    '[]',
    ' [ ] ',
    '{"a":[1,2,{"b":null}],"c":"\\u00e9\\ud83d\\ude00\\"\\\\\\/\\b\\f\\n\\r\\t","d":true,"e":false}',
    '-0.5e-3',
    '"\u2028\ufeff\u007f"',
    '{"constructor":1,"toString":2,"":3}',
    '[1e308,5e-324,1e-400,-0]',
  ])('reads %s as JSON.parse does', (text) => {
    const { value, faults } = read(text);
    expect(faults).toEqual([]);
    expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
  });

  test.each([
    ['', ' syntax'],
    ['  ', ' syntax'],
    ['\ufeff{}', ' syntax'],
    ['{"a":{"b":01}}', '/a syntax'],
    ['{"a":[1,]}', '/a/1 syntax'],
    ['{"a":1,}', ' syntax'],
    ['{a:1}', ' syntax'],
    ['{"a" 1}', '/a syntax'],
    ['{"a":.5}', '/a syntax'],
    ['{"a":+1}', '/a syntax'],
    ['{"a":1.}', ' syntax'],
    ['{"a":NaN}', '/a syntax'],
    ['{"a":"\n"}', '/a syntax'],
    ['{"a":"\\x"}', '/a syntax'],
    ['{"a":"\\u12g4"}', '/a syntax'],
    ['{"a":"', '/a syntax'],
    ['{"a":tru}', '/a syntax'],
    ['{} {}', ' syntax'],
  ])('%j is not JSON', (text, expected) => {
    expect(faultsOf(text)).toEqual([expected]);
  });

  test('a syntax fault says at which byte and what stands there', () => {
    expect(read('{"é":1 "b":2}').faults).toEqual([
      {
        pointer: '',
        keyword: 'syntax',
        message: 'is not valid JSON at byte 8: needs a comma or } here, not "\\"b\\":2}"',
      },
    ]);
  });

  test.each(['80', 'c0af', 'c328', 'e08080', 'eda080', 'f08080af', 'f4908080', 'ff', 'e282', 'f09f98'])(
    'bytes %s are not UTF-8',
    (hex) => {
      const bytes = Buffer.concat([Buffer.from('{"é":"'), Buffer.from(hex, 'hex'), Buffer.from('"}')]);
      expect(read(bytes)).toEqual({
        value: undefined,
        faults: [{ pointer: '', keyword: 'utf8', message: 'is not valid UTF-8 at byte 7' }],
      });
    },
  );

  test('lists every lexical fault with its place', () => {
    expect(
      faultsOf(
        '{"a":{"x":1,"x":2},"b":["\\ud800","\\ude00\\ud83d"],"c":1e400,"\\u005f_proto__":{},"a":0,"\\udfff":1,"d/~":-1e999}',
      ),
    ).toEqual([
      '/a/x duplicateKey',
      '/b/0 loneSurrogate',
      '/b/1 loneSurrogate',
      '/c number',
      '/__proto__ protoKey',
      '/a duplicateKey',
      ' loneSurrogate',
      '/d~1~0 number',
    ]);
  });

  test('keys are compared after unescaping', () => {
    expect(faultsOf('{"a":1,"\\u0061":2}')).toEqual(['/a duplicateKey']);
  });

  test('nothing in a document reaches a prototype', () => {
    const { value } = read('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('depth: 64 levels pass, 65 do not', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(faultsOf(nested(MAX_DEPTH))).toEqual([]);
    expect(faultsOf(nested(MAX_DEPTH + 1))).toEqual([`${'/0'.repeat(64)} depth`]);
  });

  test('five million brackets do no harm', () => {
    expect(faultsOf('['.repeat(5_000_000))).toEqual([`${'/0'.repeat(64)} depth`]);
    expect(faultsOf('{"a":'.repeat(1_000_000))).toEqual([`${'/a'.repeat(64)} depth`]);
  });

  test('a million keys, and a million times the same key', () => {
    const keys = Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":0`);
    expect(faultsOf(`{${keys.join()}}`)).toEqual([]);
    expect(faultsOf(`{${'"k":0,'.repeat(1_000_000)}"z":1}`)).toHaveLength(20);
  });

  test('long input is not echoed', () => {
    const [fault] = read(`{"${'k'.repeat(100_000)}":"${'v'.repeat(100_000)}\\ud800"}`).faults;
    expect(fault?.pointer.length).toBeLessThan(100);
    expect(fault?.message.length).toBeLessThan(200);
  });
});
