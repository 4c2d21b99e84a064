import { describe, expect, test } from 'vitest';
import { createSpanJudge } from '#dist/protocol/index.js';
import type { Node } from '../support/document-node.js';
import { array, binary, extension, number, object, string } from '../support/document-node.js';
import { spanWindow } from '../support/date-spellings.js';
import { writeMessagePack } from '../support/msgpack-writer.js';
import { createRandom } from '../support/random.js';

const { judge } = createSpanJudge({ maxSpanBytes: 4096 });
const id = '5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60';
const start = '2026-01-31T12:00:00Z';
const span = {
  trace_id: id,
  span_id: id,
  context_id: id,
  agent_id: id,
  action: { name: 'search', type: 'execute' },
  timestamp: { start },
};
const judgeJson = (document: unknown): ReturnType<typeof judge> =>
  judge(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), 'json', spanWindow);
const judgeMessagePack = (node: Node): ReturnType<typeof judge> =>
  judge(writeMessagePack(node, createRandom(1), 0), 'msgpack', spanWindow);

/** The sample span as a node, with some members replaced. */
function spanNode(replaced: Record<string, Node>): Node {
  const members: Record<string, Node> = {
    trace_id: string(id),
    span_id: string(id),
    context_id: string(id),
    agent_id: string(id),
    action: object([
      ['name', string('search')],
      ['type', string('execute')],
    ]),
    timestamp: object([['start', string(start)]]),
    ...replaced,
  };
  return object(Object.entries(members));
}

describe('a JSON span', () => {
  test('with or without id is valid', () => {
    expect(judgeJson(span)).toEqual([]);
    expect(judgeJson({ id, ...span, unknown: [1] })).toEqual([]);
    expect(judgeJson(` ${JSON.stringify(span)}\r\n`)).toEqual([]);
  });

  test('an id that is there must be one', () => {
    expect(judgeJson({ id: null, ...span })).toEqual([
      { pointer: '/id', keyword: 'type', message: 'must be a string, not null' },
    ]);
  });

  test.each([
    [id.toUpperCase(), `ids are lower-case UUIDs: send "${id}"`],
    [
      'trace-123',
      'ids are lower-case UUIDs (8-4-4-4-12 hexadecimal digits) such as "5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60", not "trace-123"',
    ],
  ])('id %s', (trace_id, message) => {
    expect(judgeJson({ ...span, trace_id })).toEqual([{ pointer: '/trace_id', keyword: 'pattern', message }]);
  });

  test('a missing member is pointed at where it should be', () => {
    expect(judgeJson({ ...span, agent_id: undefined, action: { type: 'execute' }, timestamp: {} })).toEqual([
      { pointer: '/agent_id', keyword: 'required', message: 'is required' },
      { pointer: '/action/name', keyword: 'required', message: 'is required' },
      { pointer: '/timestamp/start', keyword: 'required', message: 'is required' },
    ]);
  });

  test('an enum lists its values', () => {
    expect(judgeJson({ ...span, action: { name: 'n', type: 'tool' }, result: { status: 1 } })).toEqual([
      {
        pointer: '/action/type',
        keyword: 'enum',
        message: 'must be one of "execute", "invoke", "validate", "complete", not "tool"',
      },
      { pointer: '/result/status', keyword: 'type', message: 'must be a string, not a number' },
    ]);
  });

  test('a time without zone', () => {
    expect(judgeJson({ ...span, timestamp: { start: '2026-01-31T12:00:00' } })).toEqual([
      {
        pointer: '/timestamp/start',
        keyword: 'format',
        message:
          'must be an RFC 3339 date-time with a time zone, such as "2026-01-31T12:00:00.123Z", not "2026-01-31T12:00:00"',
      },
    ]);
  });

  test.each([
    '1969-12-31T23:59:59Z',
    '9999-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '2030-01-01T00:00:00.000000001Z',
  ])('time %s is outside the window', (end) => {
    const faults = judgeJson({ ...span, timestamp: { start, end } });
    expect(faults[0]).toEqual({
      pointer: '/timestamp/end',
      keyword: 'timeWindow',
      message: 'must be between 2016-01-01T00:00:00Z and 2030-01-01T00:00:00Z',
    });
  });

  test('an end before the start', () => {
    expect(judgeJson({ ...span, timestamp: { start, end: '2026-01-31T11:59:59.999999999Z' } })).toEqual([
      { pointer: '/timestamp/end', keyword: 'timeOrder', message: 'is before timestamp.start' },
    ]);
    expect(judgeJson({ ...span, timestamp: { start, end: '2026-01-31T13:00:00+01:00' } })).toEqual([]);
  });

  test.each([
    ['42', 'a number'],
    ['[]', 'an array'],
    ['null', 'null'],
    ['"x"', 'a string'],
  ])('%s is no span', (text, type) => {
    expect(judgeJson(text)).toEqual([
      { pointer: '', keyword: 'type', message: `must be an object, not ${type}` },
    ]);
  });

  test('lexical faults come first, schema faults of other values follow', () => {
    const text = JSON.stringify({ ...span, agent_id: 7 }).replace('{', '{"x":{"k":1,"k":2},');
    expect(judgeJson(text).map(({ pointer, keyword }) => [pointer, keyword])).toEqual([
      ['/x/k', 'duplicateKey'],
      ['/agent_id', 'type'],
    ]);
  });

  test('a span over the size limit is not read; white space around it does not count', () => {
    const text = JSON.stringify(span);
    const exact = createSpanJudge({ maxSpanBytes: text.length });
    expect(exact.judge(Buffer.from(`  ${text}\n`), 'json', spanWindow)).toEqual([]);
    const less = createSpanJudge({ maxSpanBytes: text.length - 1 });
    expect(less.judge(Buffer.from(text), 'json', spanWindow)).toEqual([
      {
        pointer: '',
        keyword: 'maxBytes',
        message: `the span has ${text.length} bytes; at most ${text.length - 1} are allowed`,
      },
    ]);
  });
});

describe('a MessagePack span', () => {
  test('ids may be binary, times the timestamp extension', () => {
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    const at = Buffer.alloc(4);
    at.writeUInt32BE(1_769_860_800);
    const node = spanNode({
      trace_id: binary(bytes),
      timestamp: object([['start', extension(-1, at)]]),
      metadata: object([['correlation_id', binary(bytes)]]),
    });
    expect(judgeMessagePack(node)).toEqual([]);
  });

  test.each<[string, Record<string, Node>, string, string]>([
    ['binary elsewhere', { x: binary(new Uint8Array(16)) }, '/x', 'binary'],
    ['binary id of 15 bytes', { span_id: binary(new Uint8Array(15)) }, '/span_id', 'binary'],
    ['extension elsewhere', { x: extension(-1, new Uint8Array(4)) }, '/x', 'extension'],
    [
      'a key that looks like a path',
      { 'timestamp/start': extension(-1, new Uint8Array(4)) },
      '/timestamp~1start',
      'extension',
    ],
    [
      'another extension as time',
      { timestamp: object([['start', extension(1, new Uint8Array(4))]]) },
      '/timestamp/start',
      'extension',
    ],
    [
      'a timestamp of 10^9 ns',
      { timestamp: object([['start', extension(-1, Buffer.from('ffffffff0000000000000000', 'hex'))]]) },
      '/timestamp/start',
      'extension',
    ],
    ['NaN', { x: array([number('NaN')]) }, '/x/0', 'number'],
    ['a __proto__ key', { x: object([['__proto__', number('1')]]) }, '/x/__proto__', 'protoKey'],
    [
      'a repeated key',
      {
        x: object([
          ['k', number('1')],
          ['k', number('1')],
        ]),
      },
      '/x/k',
      'duplicateKey',
    ],
    ['a key that is a number', { x: object([[number('1'), number('1')]]) }, '/x', 'keyType'],
    ['a lone surrogate', { x: string('\ud800') }, '/x', 'utf8'],
  ])('%s', (_name, replaced, pointer, keyword) => {
    expect(judgeMessagePack(spanNode(replaced)).map((fault) => [fault.pointer, fault.keyword])).toEqual([
      [pointer, keyword],
    ]);
  });

  test.each([
    ['', 'is not a valid MessagePack item at byte 0: is empty'],
    ['c1', 'is not a valid MessagePack item at byte 0: has the reserved byte 0xc1'],
    ['81a161', 'is not a valid MessagePack item at byte 3: is cut off'],
    ['dfffffffff', 'is not a valid MessagePack item at byte 5: is cut off'],
    ['ddffffffff00', 'is not a valid MessagePack item at byte 5: is cut off'],
    ['8080', 'is not a valid MessagePack item at byte 1: has more bytes after its end'],
  ])('bytes %s', (hex, message) => {
    expect(judge(Buffer.from(hex, 'hex'), 'msgpack', spanWindow)).toMatchObject([
      { keyword: 'syntax', message },
    ]);
  });

  test('4000 nested arrays', () => {
    expect(judge(new Uint8Array(4000).fill(0x91), 'msgpack', spanWindow)).toMatchObject([
      { keyword: 'depth' },
    ]);
  });
});
