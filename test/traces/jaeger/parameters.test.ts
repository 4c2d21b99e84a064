import { describe, expect, test } from 'vitest';
import {
  parseDependencyWindow,
  parseOperationsRequest,
  parseTraceId,
  parseTraceRequest,
} from '#dist/traces/jaeger/index.js';

const NOW = Date.UTC(2026, 0, 27, 12);
const parse = (query: string) => parseTraceRequest(new URLSearchParams(query), NOW);

function searchOf(query: string) {
  const request = parse(`service=s&${query}`);
  if (!('search' in request)) throw new Error('not a search');
  return request.search;
}

test('a search without more than a service', () => {
  expect(searchOf('')).toEqual({
    service: 's',
    operation: undefined,
    tags: [],
    startNano: undefined,
    endNano: undefined,
    minDurationNano: undefined,
    maxDurationNano: undefined,
    limit: 100,
  });
});

test('what Jaeger UI sends', () => {
  expect(
    searchOf(
      'operation=plan%20b&start=1769515200000000&end=1769518800000001&lookback=custom&limit=20&minDuration=1.2ms&maxDuration=2s&tags=%7B%22error%22%3A%22true%22%2C%22a.b%22%3A%22x%20y%22%7D',
    ),
  ).toMatchObject({
    operation: 'plan b',
    startNano: 1769515200000000000n,
    endNano: 1769518800000001000n,
    limit: 20,
    minDurationNano: 1_200_000n,
    maxDurationNano: 2_000_000_000n,
    tags: [
      ['error', 'true'],
      ['a.b', 'x y'],
    ],
  });
});

describe('durations are written as in Go', () => {
  test.each<[string, bigint]>([
    ['0', 0n],
    ['1ns', 1n],
    ['5us', 5_000n],
    ['5µs', 5_000n],
    ['1.5ms', 1_500_000n],
    ['.5s', 500_000_000n],
    ['2m', 120_000_000_000n],
    ['1h15m30.918s', 4_530_918_000_000n],
    ['+1s', 1_000_000_000n],
    ['-1s', -1_000_000_000n],
  ])('%s', (text, nano) => {
    expect(searchOf(`minDuration=${encodeURIComponent(text)}`).minDurationNano).toBe(nano);
  });

  test.each([
    ['20', 'time: missing unit in duration "20"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['fast', 'time: invalid duration "fast"'],
    ['s', 'time: invalid duration "s"'],
    ['.s', 'time: invalid duration ".s"'],
    ['1s2', 'time: missing unit in duration "1s2"'],
    ['-', 'time: invalid duration "-"'],
    ['99999999999h', 'time: invalid duration "99999999999h"'],
    ['1constructor', 'time: unknown unit "constructor" in duration "1constructor"'],
  ])('%s is refused', (text, message) => {
    for (const name of ['minDuration', 'maxDuration'])
      expect(() => searchOf(`${name}=${text}`)).toThrow(`unable to parse param '${name}': ${message}`);
  });
});

describe('lookback', () => {
  const hour = 3_600_000_000_000n;
  test.each<[string, bigint | undefined]>([
    ['1h', hour],
    ['2d', 48n * hour],
    ['1w', 168n * hour],
    ['90s', 90_000_000_000n],
    ['custom', undefined],
    ['', undefined],
  ])('%s before now, or before end', (lookback, back) => {
    const now = BigInt(NOW) * 1_000_000n;
    expect(searchOf(`lookback=${lookback}`).startNano).toBe(back === undefined ? undefined : now - back);
    expect(searchOf(`lookback=${lookback}&end=5000000000000000`).startNano).toBe(
      back === undefined ? undefined : 5_000_000_000_000_000_000n - back,
    );
    expect(searchOf(`lookback=${lookback}&start=7`).startNano).toBe(7000n);
  });

  test('nonsense is refused', () => {
    expect(() => searchOf('lookback=long')).toThrow(
      "unable to parse param 'lookback': time: invalid duration",
    );
  });
});

describe('tags', () => {
  test.each<[string, [string, string][]]>([
    ['tag=a:b', [['a', 'b']]],
    [
      'tag=a:b:c&tag=d:',
      [
        ['a', 'b:c'],
        ['d', ''],
      ],
    ],
    [
      'tags={"a":"1","b":""}',
      [
        ['a', '1'],
        ['b', ''],
      ],
    ],
    ['tags={"a":"1"}&tags={"a":"2"}', [['a', '2']]],
    ['tags=', []],
    [
      'tags=error=true http.status_code=200',
      [
        ['error', 'true'],
        ['http.status_code', '200'],
      ],
    ],
    [
      'tags=a="say \\"hi\\"\\n" b=',
      [
        ['a', 'say "hi"\n'],
        ['b', ''],
      ],
    ],
    [
      'tags=a="" b=c',
      [
        ['a', ''],
        ['b', 'c'],
      ],
    ],
  ])('%s', (query, tags) => {
    const encoded = query
      .split('&')
      .map((pair) => pair.replace(/=(.*)$/s, (_, value: string) => `=${encodeURIComponent(value)}`))
      .join('&');
    expect(searchOf(encoded).tags).toEqual(tags);
  });

  test.each([
    ['tag=a', "malformed 'tag' parameter, expecting key:value, received: a"],
    ['tag=:b', "malformed 'tag' parameter, expecting key:value, received: :b"],
    ['tags={', "malformed 'tags' parameter, cannot unmarshal JSON: "],
    ['tags={"a":1}', `malformed 'tags' parameter, cannot unmarshal JSON: the value of "a" is not a string`],
    ['tags={"a":{}}', "malformed 'tags' parameter, cannot unmarshal JSON"],
    ['tags=[]', "malformed 'tags' parameter"],
    ['tags=words', "malformed 'tags' parameter, expecting a JSON map or key=value pairs"],
    ['tags=a="b', "malformed 'tags' parameter"],
    ['tags==b', "malformed 'tags' parameter"],
  ])('%s is refused', (query, message) => {
    expect(() => searchOf(query)).toThrow(message);
  });
});

test.each([
  ['start=yesterday', `unable to parse param 'start': strconv.ParseInt: parsing "yesterday": invalid syntax`],
  ['end=1.5', `unable to parse param 'end': strconv.ParseInt: parsing "1.5": invalid syntax`],
  ['end=99999999999999999999', 'value out of range'],
  ['limit=many', 'strconv.ParseInt: parsing "many": invalid syntax'],
  ['limit=0', "parameter 'limit' must be at least 1"],
  ['limit=-3', "parameter 'limit' must be at least 1"],
  ['minDuration=2s&maxDuration=1s', "'maxDuration' should be greater than 'minDuration'"],
  ['traceID=xyz', 'cannot parse traceID param: '],
  [
    `traceID=${'a'.repeat(33)}`,
    'cannot parse traceID param: TraceID cannot be longer than 32 hex characters',
  ],
])('%s is refused', (query, message) => {
  const error = expect.objectContaining({
    code: 'MPLP_ERR_HTTP_BAD_REQUEST',
    message: expect.stringContaining(message) as string,
  }) as Error;
  expect(() => searchOf(query)).toThrowError(error);
});

test('a service is needed, but not for ids', () => {
  expect(() => parse('')).toThrow("parameter 'service' is required");
  expect(() => parse('service=')).toThrow("parameter 'service' is required");
  expect(parse('traceID=1f&traceID=00000000-0000-0000-0000-00000000001F')).toEqual({
    traceIds: ['00000000-0000-0000-0000-00000000001f'],
  });
});

test('a limit is at most 1500', () => {
  expect(searchOf('limit=1500').limit).toBe(1500);
  expect(searchOf('limit=999999999').limit).toBe(1500);
});

test('trace ids in every spelling', () => {
  const none = new URLSearchParams();
  const uuid = 'aaaaaaaa-0000-4000-8000-0000000000ff';
  for (const text of [
    uuid,
    uuid.toUpperCase(),
    uuid.replaceAll('-', ''),
    uuid.replaceAll('-', '').toUpperCase(),
  ])
    expect(parseTraceId(text, none)).toBe(uuid);
  for (const text of ['00000000000000ff', 'ff', 'FF', '0'.repeat(30) + 'ff'])
    expect(parseTraceId(text, none)).toBe('00000000-0000-0000-0000-0000000000ff');
  for (const text of ['', 'g', 'trace-1', '0x12', '-'.repeat(36)])
    expect(() => parseTraceId(text, none)).toThrow();
  expect(parseTraceId('ff', new URLSearchParams('start=1&end=2'))).toBeDefined();
  expect(() => parseTraceId('ff', new URLSearchParams('start=x'))).toThrow("unable to parse param 'start'");
  expect(() => parseTraceId('ff', new URLSearchParams('end=x'))).toThrow("unable to parse param 'end'");
});

test('operations and dependencies', () => {
  expect(parseOperationsRequest(new URLSearchParams('service=a%2Fb&spanKind=SERVER'))).toEqual({
    service: 'a/b',
    spanKind: 'server',
  });
  expect(() => parseOperationsRequest(new URLSearchParams('spanKind=server'))).toThrow(
    "parameter 'service' is required",
  );
  expect(parseDependencyWindow(new URLSearchParams('endTs=5000&lookback=2000'), NOW)).toEqual({
    fromMs: 3000,
    toMs: 5000,
  });
  expect(parseDependencyWindow(new URLSearchParams(), NOW)).toEqual({ fromMs: NOW - 86_400_000, toMs: NOW });
  expect(() => parseDependencyWindow(new URLSearchParams('endTs=x'), NOW)).toThrow(
    "unable to parse param 'endTs'",
  );
  expect(() => parseDependencyWindow(new URLSearchParams('lookback=1h'), NOW)).toThrow(
    "unable to parse param 'lookback'",
  );
});
