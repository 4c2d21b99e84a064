/** Every column of the blocks, read back from the real ClickHouse. */
import { Encoder, ExtData } from '@msgpack/msgpack';
import { afterAll, expect, test } from 'vitest';
import { loadNative, type BodyForm } from '#dist/native/index.js';
import {
  createBlockReader,
  decode,
  decodeOptions,
  leastSpan,
  takeBlock,
  uuid,
} from '../support/native-block.js';

const native = loadNative();
const reader = createBlockReader();
afterAll(() => reader.close());

const nilUuid = '00000000-0000-0000-0000-000000000000';
const field = {
  id: 1,
  parent: 2,
  end: 4,
  result: 8,
  status: 16,
  error: 32,
  metrics: 64,
  parameters: 128,
  output: 256,
  duration: 512,
  metadata: 1024,
};
const spelling = (start: number, end = 0): number => (start << 12) | (end << 16);

/** Of spans that did not come from OpenTelemetry; their blocks leave these columns out. */
const noOtel = {
  service_name: '',
  gen_ai_model: '',
  gen_ai_provider: '',
  finish_reason: '',
  tool_name: '',
  otel_resource: '',
  otel_scope: '',
  otel_shape: '',
  input_tokens: '0',
  output_tokens: '0',
  cached_tokens: '0',
};

/** Decodes one body and reads all columns of its rows. */
function readBack(body: Uint8Array | string, form: BodyForm): Record<string, unknown>[] {
  const decoder = native.createSpanDecoder();
  const result = decode(decoder, body, form);
  expect(result.malformed).toBeUndefined();
  expect([...result.refused]).toEqual([]);
  const records = reader.records(takeBlock(decoder));
  expect(records).toHaveLength(result.accepted);
  return records;
}

const fullText = `{
  "id": "${uuid(10)}", "trace_id": "${uuid(11)}", "span_id": "${uuid(12)}", "parent_span_id": "${uuid(13)}",
  "context_id": "${uuid(14)}", "agent_id": "${uuid(15)}",
  "action": {"name": "ex\\u00e9cute \\"\\ud83d\\ude00\\"\\n", "type": "execute", "parameters": {"task" : [1.50, -0, 1e2]},
             "duration": "150\\u006ds", "tool": "x" },
  "timestamp": {"start": "2025-01-27T18:40:32.123Z", "end": "2025-01-27t18:40:33.5+00:00", "zone": null},
  "result": {"status": "timeout", "output": {"text": "line\\nline"}, "error": { }, "metrics": {"cpu": 0.15}, "more": [ ]},
  "metadata": {"tags": {"env": "pr\\u006fd", "n": 1.50, "o": {"a" : 1}, "": ""}, "annotations": [{}], "correlation_id": "${uuid(16)}"},
  "vendor" : {"deep": [1, {"k": "v"}]}, "extra\\u0041": 12345678901234567890
}`;

const fullRow = {
  project_id: 'project',
  trace_id: uuid(11),
  span_id: uuid(12),
  parent_span_id: uuid(13),
  id: uuid(10),
  context_id: uuid(14),
  agent_id: uuid(15),
  action_name: 'exécute "😀"\n',
  action_type: 'execute',
  status: 'timeout',
  start_time: '2025-01-27 18:40:32.123000000',
  duration_ns: '1377000000',
  fields:
    field.id |
    field.parent |
    field.end |
    field.result |
    field.status |
    field.error |
    field.metrics |
    field.parameters |
    field.output |
    field.duration |
    field.metadata |
    spelling(3, 15),
  seq: String(decodeOptions.seqBase),
  received_at: '2025-01-27 17:40:32',
  error: '{ }',
  metrics: '{"cpu": 0.15}',
  parameters: '{"task" : [1.50, -0, 1e2]}',
  output: '{"text": "line\\nline"}',
  action_duration: '150ms',
  metadata: `{"tags": {"env": "pr\\u006fd", "n": 1.50, "o": {"a" : 1}, "": ""}, "annotations": [{}], "correlation_id": "${uuid(16)}"}`,
  extra:
    '{"":{"vendor" : {"deep": [1, {"k": "v"}]},"extra\\u0041": 12345678901234567890},"action":{"tool": "x"},' +
    '"timestamp":{"zone": null},"result":{"more": [ ]},"end":"2025-01-27t18:40:33.5+00:00"}',
  tags: { env: 'prod', n: '1.50', o: '{"a" : 1}', '': '' },
  ...noOtel,
};

const leastRow = {
  project_id: 'project',
  trace_id: uuid(1),
  span_id: uuid(2),
  parent_span_id: nilUuid,
  context_id: uuid(3),
  agent_id: uuid(4),
  action_name: 'plan',
  action_type: 'invoke',
  status: 'unset',
  start_time: '2025-01-27 18:40:32.000000000',
  duration_ns: '-1',
  fields: 0,
  received_at: '2025-01-27 17:40:32',
  error: '',
  metrics: '',
  parameters: '',
  output: '',
  action_duration: '',
  metadata: '',
  extra: '',
  tags: {},
  ...noOtel,
};

test('the columns are those of the table, in its order', () => {
  expect(native.columns.map(([name]) => name)).toEqual(Object.keys(fullRow));
});

test('a JSON document with everything a span can have', () => {
  expect(readBack(` ${fullText} \n`, 'json')).toEqual([fullRow]);
});

const uuidOfZeros = '00000000-0000-0000-0000-000000000000';

test('a JSON array, rows in order, the least span without an id', () => {
  const rows = readBack(`[${fullText},${JSON.stringify(leastSpan)}]`, 'json');
  expect(rows[0]).toEqual(fullRow);
  const { id, seq, ...rest } = rows[1]!;
  expect(rest).toEqual(leastRow);
  expect(seq).toBe(String(decodeOptions.seqBase + 1n));
  expect(id).toBe(uuidOfZeros);
});

test('NDJSON with blank lines, carriage returns and no last line break', () => {
  const line = fullText.replaceAll('\n', ' ');
  const rows = readBack(`\n${line}\r\n \t\n${JSON.stringify(leastSpan)}\n\n${line}`, 'ndjson');
  const inLine = { ...fullRow };
  expect(rows.map(({ seq }) => seq)).toEqual([0n, 1n, 2n].map((n) => String(decodeOptions.seqBase + n)));
  expect(rows[0]).toEqual(inLine);
  expect(rows[1]).toMatchObject(leastRow);
  expect(rows[2]).toEqual({ ...inLine, seq: String(decodeOptions.seqBase + 2n) });
});

const bin = (id: string): Uint8Array => Buffer.from(id.replaceAll('-', ''), 'hex');
const encoder = new Encoder({ useBigInt64: true });
const pack = (value: unknown): Uint8Array => encoder.encode(value);

test('MessagePack: binary ids, numbers of every width, escapes', () => {
  const span = {
    id: bin(uuid(10)),
    trace_id: bin(uuid(11)),
    span_id: uuid(12),
    parent_span_id: bin(uuid(13)),
    context_id: bin(uuid(14)),
    agent_id: bin(uuid(15)),
    action: {
      name: 'exécute "😀"\n',
      type: 'execute',
      parameters: {
        ints: [0, 127, 128, 255, 256, 65535, 65536, 4294967295, 2n ** 63n, 2n ** 64n - 1n],
        negative: [-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -(2n ** 63n)],
        doubles: [0.5, 0.1, -0.15, 1.5e300, 5e-324, 1e21, 123456789.125, 1 / 3],
        words: [null, true, false],
      },
      duration: '',
      tool: { a: 'x'.repeat(300) },
    },
    timestamp: {
      start: new ExtData(-1, Buffer.from('6797d300', 'hex')),
      end: '2025-01-28T00:00:00.123456789Z',
    },
    result: { status: 'failure', error: { text: '\u0000\u001f"\\/\u007fé' }, output: {} },
    metadata: { tags: { env: 'prod "x"', n: 1.5, o: { a: 1 }, no: null }, correlation_id: bin(uuid(16)) },
    vendor: [[], {}],
  };
  const [row] = readBack(pack(span), 'msgpack');
  expect(row).toEqual({
    ...fullRow,
    status: 'failure',
    start_time: '2025-01-27 18:40:00.000000000',
    duration_ns: '19200123456789',
    fields:
      field.id |
      field.parent |
      field.end |
      field.result |
      field.status |
      field.error |
      field.parameters |
      field.output |
      field.duration |
      field.metadata |
      spelling(0, 9),
    error: '{"text":"\\u0000\\u001f\\"\\\\/\u007fé"}',
    metrics: '',
    parameters:
      '{"ints":[0,127,128,255,256,65535,65536,4294967295,9223372036854775808,18446744073709551615],' +
      '"negative":[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-9223372036854775808],' +
      '"doubles":[0.5,0.1,-0.15,1.5e+300,5e-324,1e+21,123456789.125,0.3333333333333333],"words":[null,true,false]}',
    output: '{}',
    action_duration: '',
    metadata: `{"tags":{"env":"prod \\"x\\"","n":1.5,"o":{"a":1},"no":null},"correlation_id":"${uuid(16)}"}`,
    extra: `{"":{"vendor":[[],{}]},"action":{"tool":{"a":"${'x'.repeat(300)}"}}}`,
    tags: { env: 'prod "x"', n: '1.5', o: '{"a":1}', no: 'null' },
  });
});

test('MessagePack: negative zero and floats of 32 bits keep their value', () => {
  const plain = Buffer.from(pack({ ...leastSpan, x: [0, 0, 0] }));
  // The last three bytes are the zeros of `x`.
  const float32 = Buffer.from('ca3dcccccd', 'hex');
  const negativeZero = Buffer.from('cb8000000000000000', 'hex');
  const zero = Buffer.from('cb0000000000000000', 'hex');
  const body = Buffer.concat([plain.subarray(0, -3), float32, negativeZero, zero]);
  const [row] = readBack(body, 'msgpack');
  expect(row!['extra']).toBe('{"":{"x":[0.10000000149011612,-0.0,0]}}');
  expect(Object.is((JSON.parse('[-0.0]') as number[])[0], -0)).toBe(true);
});

test.each([
  ['32 bits', '6797d300', '2025-01-27 18:40:00.000000000', 0],
  ['64 bits, milliseconds', '1d5353006797d300', '2025-01-27 18:40:00.123000000', 3],
  ['64 bits, microseconds', '1d596d806797d300', '2025-01-27 18:40:00.123100000', 6],
  ['96 bits, nanoseconds', '0000000100000000' + '6797d300', '2025-01-27 18:40:00.000000001', 9],
  ['96 bits, before 1970', '1dcd6500ffffffffffffffff', '1969-12-31 23:59:59.500000000', 3],
])('MessagePack timestamp of %s', (_name, hex, time, digits) => {
  const start = new ExtData(-1, Buffer.from(hex, 'hex'));
  const [row] = readBack(pack({ ...leastSpan, timestamp: { start } }), 'msgpack');
  expect(row).toMatchObject({ start_time: time, fields: spelling(digits), extra: '' });
});

test('MessagePack: an array and a sequence give the same rows', () => {
  const span = pack(leastSpan);
  const array = readBack(Buffer.concat([Buffer.from([0x92]), span, span]), 'msgpack');
  expect(readBack(Buffer.concat([span, span]), 'msgpack')).toEqual(array);
  expect(array).toHaveLength(2);
});

test.each([
  ['2025-01-27T18:40:32Z', '2025-01-27 18:40:32.000000000', 0],
  ['2025-01-27T18:40:32.1Z', '2025-01-27 18:40:32.100000000', 1],
  ['2025-01-27T18:40:32.123456789Z', '2025-01-27 18:40:32.123456789', 9],
  ['2025-01-27T18:40:32.000Z', '2025-01-27 18:40:32.000000000', 3],
  ['2025-01-27T18:40:32.1234567899Z', '2025-01-27 18:40:32.123456789', 15],
  ['2025-01-27t18:40:32Z', '2025-01-27 18:40:32.000000000', 15],
  ['2025-01-27 18:40:32z', '2025-01-27 18:40:32.000000000', 15],
  ['2025-01-27T18:40:32+08:30', '2025-01-27 10:10:32.000000000', 15],
  ['2025-01-27T18:40:32-0130', '2025-01-27 20:10:32.000000000', 15],
  ['2025-01-27T18:40:32+00', '2025-01-27 18:40:32.000000000', 15],
  ['2024-02-29T23:59:60Z', '2024-03-01 00:00:00.000000000', 15],
  ['2016-12-31T23:59:60.5Z', '2017-01-01 00:00:00.500000000', 15],
  ['1969-07-20T20:17:40Z', '1969-07-20 20:17:40.000000000', 0],
])('the time %s', (text, time, digits) => {
  const span = { ...leastSpan, timestamp: { start: text } };
  const extra = digits === 15 ? JSON.stringify({ start: text }) : '';
  const expected = { start_time: time, fields: spelling(digits), extra };
  expect(readBack(JSON.stringify(span), 'json')[0]).toMatchObject(expected);
  expect(readBack(pack(span), 'msgpack')[0]).toMatchObject(expected);
});

test('an escaped time keeps its spelling only when the decoded text is not plain', () => {
  const line = (start: string): string => JSON.stringify(leastSpan).replace('2025-01-27T18:40:32Z', start);
  expect(readBack(line('2025-01-27\\u005418:40:32Z'), 'json')[0]).toMatchObject({ extra: '', fields: 0 });
  expect(readBack(line('2025-01-27\\u007418:40:32Z'), 'json')[0]).toMatchObject({
    extra: '{"start":"2025-01-27\\u007418:40:32Z"}',
    fields: spelling(15),
  });
});

test('keys and values may be escaped, and objects empty', () => {
  const line = JSON.stringify(leastSpan)
    .replace('"trace_id"', '"tr\\u0061ce_id"')
    .replace(uuid(1), uuid(1).replace('0', '\\u0030'))
    .replace('"invoke"', '"\\u0069nvoke"')
    .replace('{', '{"result":{ },"metadata":{},');
  expect(readBack(line, 'json')[0]).toMatchObject({
    ...leastRow,
    metadata: '{}',
    fields: field.result | field.metadata,
  });
});

test('a block of many bodies: projects, times of arrival and sequence numbers of each', () => {
  const decoder = native.createSpanDecoder();
  const line = `${JSON.stringify(leastSpan)}\n`;
  decode(decoder, line.repeat(300), 'ndjson', { projectId: 'a', seqBase: 5n << 18n, receivedAtSeconds: 7 });
  decode(decoder, 'broken', 'ndjson', { projectId: 'never' });
  decode(decoder, '[1', 'json', { projectId: 'never' });
  decode(decoder, line, 'ndjson', { projectId: 'b', seqBase: 9n << 18n, receivedAtSeconds: 8 });
  decode(decoder, line.repeat(2), 'ndjson', {
    projectId: 'a',
    seqBase: 11n << 18n,
    receivedAtSeconds: 4294967295,
  });
  const rows = reader.rows(takeBlock(decoder), 'project_id, toUnixTimestamp(received_at), seq');
  const seqs = Array.from({ length: 300 }, (_, i) => String((BigInt(5 + (i >> 8)) << 18n) + BigInt(i & 255)));
  expect(rows).toEqual([
    ...seqs.map((seq) => ['a', 7, seq]),
    ['b', 8, String(9n << 18n)],
    ['a', 4294967295, String(11n << 18n)],
    ['a', 4294967295, String((11n << 18n) + 1n)],
  ]);
});

test.each([1, 256, 257, 65_536, 65_537, 200_000])('a dictionary of %d names and tag keys', (count) => {
  const decoder = native.createSpanDecoder();
  const lines: string[] = [];
  for (let i = 0; i < count; i += 1) {
    lines.push(
      JSON.stringify({
        ...leastSpan,
        action: { name: `n${i}`, type: 'invoke' },
        metadata: { tags: { [`k${i}`]: `v${i}` } },
      }),
    );
  }
  expect(decode(decoder, lines.join('\n'), 'ndjson').accepted).toBe(count);
  const select = [
    'count()',
    "countIf(action_name = 'n' || toString(rowNumberInAllBlocks()))",
    "countIf(tags['k' || toString(rowNumberInAllBlocks())] = 'v' || toString(rowNumberInAllBlocks()))",
    'uniqExact(action_name)',
  ].join(', ');
  const [row] = reader.rows(takeBlock(decoder), select);
  expect(row!.map(Number)).toEqual([count, count, count, count]);
});

test('many tags in one span, and spans without any between others', () => {
  const tags = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key ${i}`, `value ${i}`]));
  const with_ = { ...leastSpan, metadata: { tags } };
  const rows = readBack(
    [leastSpan, with_, leastSpan, with_].map((s) => JSON.stringify(s)).join('\n'),
    'ndjson',
  );
  expect(rows.map((row) => Object.keys(row['tags'] as object).length)).toEqual([0, 5000, 0, 5000]);
  expect(rows[3]!['tags']).toEqual(tags);
});

test('texts of every length around the steps of the vector code', () => {
  const spans = Array.from({ length: 700 }, (_, i) => ({
    ...leastSpan,
    action: { name: 'é'.repeat(i % 70) + 'x'.repeat(i), type: 'invoke', parameters: { p: '"'.repeat(i) } },
  }));
  const expected = spans.map(({ action }) => [action.name, action.parameters.p]);
  const select = "action_name, JSONExtractString(parameters, 'p')";
  for (const [form, body] of [
    ['json', JSON.stringify(spans)],
    ['msgpack', pack(spans)],
  ] as const) {
    const decoder = native.createSpanDecoder();
    expect(decode(decoder, body, form).accepted).toBe(700);
    expect(reader.rows(takeBlock(decoder), select)).toEqual(expected);
  }
});
