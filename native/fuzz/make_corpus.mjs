// Writes seed inputs for the fuzz targets: valid spans in every form, and each kind of broken one.
//
//   node native/fuzz/make_corpus.mjs FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Encoder, ExtData } from '@msgpack/msgpack';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: make_corpus.mjs FOLDER');

const id = (n) => `0190d5f0-7a1b-4c2d-8e3f-${String(n).padStart(12, '0')}`;
const least = {
  trace_id: id(1),
  span_id: id(2),
  context_id: id(3),
  agent_id: id(4),
  action: { name: 'n', type: 'invoke' },
  timestamp: { start: '2025-01-27T18:40:32Z' },
};
const full = {
  id: id(0),
  ...least,
  parent_span_id: id(5),
  action: {
    name: 'a "b"\n\u00e9\ud83d\ude00',
    type: 'execute',
    parameters: { a: [1, -2.5e3, { b: null }] },
    duration: '1ms',
    x: 1,
  },
  timestamp: { start: '2025-01-27t18:40:32.1234567891+01:00', end: '2025-01-27T18:40:33.5Z', zone: true },
  result: {
    status: 'success',
    output: { r: 'x' },
    error: {},
    metrics: { cpu: 0.15, big: 12345678901 },
    y: [[]],
  },
  metadata: {
    tags: { env: 'prod', n: 7, o: { a: 1 } },
    annotations: [1, 'b'],
    correlation_id: id(6),
    z: false,
  },
  unknown: { deep: [[[{ k: 'v' }]]], other: 1e-7 },
};
const span = JSON.stringify(least);
const json = [
  span,
  JSON.stringify(full),
  JSON.stringify([least, full]),
  ' [ ] ',
  '[42]',
  '[{}]',
  JSON.stringify(full, null, 2),
  span.replace('"n"', '"\\u0041\\ud83d\\ude00\\n"'),
  span.replace('"n"', '"\\ud800"'),
  span.replace('trace_id', 'tr\\u0061ce_id'),
  span.replace('{', '{"x":1,"\\u0078":2,'),
  span.replace('{', '{"__proto__":1,'),
  span.replace('{', `{"x":${'['.repeat(63)}${']'.repeat(63)},`),
  span.replace('{', `{"x":${'['.repeat(64)}${']'.repeat(64)},`),
  span.replace('{', '{"x":1e308,"y":1.8e308,'),
  span.replace('{', '{"x":-0.0e-1,'),
  span.replace('{', `{${Array.from({ length: 20 }, (_, i) => `"k${i}":${i}`).join()},`),
  span.replace('32Z', '60Z').replace('T18:40', 'T23:59'),
  span.slice(0, -1),
  `${span}x`,
  `[${span},]`,
  '"abc',
  'nul',
];
const bytes = (text) => Buffer.from(text, 'latin1');
const encoder = new Encoder();
const packed = (value) => Buffer.from(encoder.encode(value));
const raw = (text) => Buffer.from(text.replaceAll('-', ''), 'hex');
const time32 = new ExtData(-1, Buffer.from([0x67, 0x97, 0xd2, 0xd0]));
const time64 = new ExtData(-1, Buffer.from('1d5d6c0067979d50', 'hex'));
const time96 = new ExtData(-1, Buffer.from('000000010000000067979d50', 'hex'));
const binary = { ...full, id: raw(id(0)), trace_id: raw(id(1)), span_id: raw(id(2)), agent_id: raw(id(4)) };
const msgpack = [
  packed(least),
  packed(full),
  packed([least, full]),
  packed(binary),
  packed({ ...least, timestamp: { start: time32, end: time64 } }),
  packed({ ...least, timestamp: { start: time32, end: time96 } }),
  Buffer.concat([packed(least), packed(full), packed(42), packed(least).subarray(0, 40)]),
  packed({ ...least, x: [2 ** 40, -(2 ** 33), 65536, -129, 1.5, NaN] }),
  packed({ ...least, x: new Uint8Array(3) }),
  packed({ ...least, long: 'y'.repeat(300), escaped: '\u0000"\\' }),
  Buffer.from([0x93, 0x80, 0xc1]),
];

const write = (target, inputs) => {
  const path = join(folder, target);
  mkdirSync(path, { recursive: true });
  inputs.forEach((input, i) => writeFileSync(join(path, `seed-${String(i).padStart(2, '0')}`), input));
};
write('fuzz_json', [...json, bytes(span.replace('"n"', '"\xff"'))]);
write('fuzz_ndjson', [
  ...json.filter((text) => !text.includes('\n')),
  `${span}\n${JSON.stringify(full)}\r\n\n${span.slice(3)}\n{"a":"\n${span}`,
  bytes(`${span}\n${span.replace('"n"', '"\xff"')}\n${span}`),
  `{"a":"b\\\n"}\n${span}\n`,
  `{"x":\n${span.replace('"n"', '"\\u006e"')}\n{"x":["\\n",\n${span.replace('"name"', '"n\\u0061me"')}\n`,
]);
write('fuzz_msgpack', msgpack);

// OTLP: every field of the protocol, and each kind of broken span.
const hex = (text) => Buffer.from(text, 'hex');
const varint = (value) => {
  let left = BigInt.asUintN(64, BigInt(value));
  const out = [];
  for (; left > 127n; left >>= 7n) out.push(Number(left & 127n) | 128);
  return Buffer.from([...out, Number(left)]);
};
const join_ = (...parts) => Buffer.concat(parts);
const part = (field, ...content) => {
  const all = Buffer.concat(content.map((c) => Buffer.from(c)));
  return join_(varint((field << 3) | 2), varint(all.length), all);
};
const number = (field, value) => join_(varint(field << 3), varint(value));
const fixed64 = (field, value) => {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(BigInt(value));
  return join_(varint((field << 3) | 1), eight);
};
const fixed32 = (field, value) => {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(value);
  return join_(varint((field << 3) | 5), four);
};
const pair = (field, key, ...value) => part(field, part(1, key), part(2, ...value));
const nested = (depth) => (depth === 0 ? part(1, 'deep') : part(5, part(1, nested(depth - 1))));
const ids = [part(1, hex('0102030405060708090a0b0c0d0e0f10')), part(2, hex('1112131415161718'))];
const start = fixed64(7, 1737999632000000000n);
const leastOtlp = join_(...ids, part(5, 'n'), start);
const fullOtlp = join_(
  ...ids,
  part(3, 'a=b'),
  part(4, hex('2122232425262728')),
  part(5, 'chat \u00e9"\n'),
  number(6, 3),
  start,
  fixed64(8, 1737999633000000001n),
  pair(9, 'http.request.method', part(1, 'GET')),
  pair(9, 'yes', number(2, 1)),
  pair(9, 'gen_ai.usage.input_tokens', number(3, 77)),
  pair(9, 'negative', number(3, -5)),
  pair(9, 'double', fixed64(4, 0x3ff8000000000000n)),
  pair(9, 'not a number', fixed64(4, 0x7ff8000000000000n)),
  pair(9, 'gen_ai.response.finish_reasons', part(5, part(1, part(1, 'stop')), part(1, number(3, 1)))),
  pair(9, 'list', part(6, pair(1, 'k', part(1, 'v')), part(1, part(1, 'no value')))),
  pair(9, 'bytes', part(7, hex('00ff10'))),
  pair(9, 'empty'),
  part(9, part(1, 'no value')),
  pair(9, 'long', part(1, 'x'.repeat(300))),
  pair(9, 'session.id', part(1, 'session 7')),
  pair(9, 'gen_ai.agent.id', part(1, '0190D5F0-7A1B-4C2D-8E3F-000000000001')),
  number(10, 1),
  part(11, fixed64(1, 5), part(2, 'exception'), pair(3, 'exception.message', part(1, 'boom')), number(4, 2)),
  number(12, 3),
  part(13, part(1, hex('0102030405060708090a0b0c0d0e0f10')), part(2, hex('1112131415161718')), part(3, 'c=d'), pair(4, 'l', number(2, 0)), number(5, 4), fixed32(6, 257)),
  number(14, 5),
  part(15, part(2, 'bad'), number(3, 2)),
  fixed32(16, 257),
  number(99, 1),
);
const resourceOtlp = part(
  1,
  pair(1, 'service.name', part(1, 'shop')),
  number(2, 6),
  part(3, part(1, 'url'), part(2, 'service'), part(3, 'service.name'), part(4, 'd')),
);
const scopeOtlp = part(1, part(1, 'lib'), part(2, '1.0'), pair(3, 's', part(1, 't')), number(4, 7));
const request = (...spans) =>
  part(1, resourceOtlp, part(2, scopeOtlp, ...spans.map((one) => part(2, one)), part(3, 'url 2')), part(3, 'url 1'));
write('fuzz_otlp_protobuf', [
  Buffer.alloc(0),
  request(),
  request(leastOtlp, fullOtlp, leastOtlp),
  join_(request(fullOtlp), request(leastOtlp)),
  part(1, part(3, 'late'), part(2, part(2, leastOtlp), scopeOtlp), resourceOtlp),
  request(Buffer.alloc(0), leastOtlp.subarray(18), join_(leastOtlp, part(1, hex('00'.repeat(16))))),
  request(join_(leastOtlp, part(1, hex('01'))), join_(leastOtlp, part(4, hex('00'.repeat(8))))),
  request(join_(leastOtlp, pair(9, 'deep', nested(63))), join_(leastOtlp, pair(9, 'deep', nested(64)))),
  request(join_(leastOtlp, pair(9, 'text', part(1, hex('c328')))), join_(leastOtlp, fixed64(8, 1))),
  request(join_(leastOtlp, hex('0b0c')), join_(leastOtlp, hex('4aff')), join_(leastOtlp, hex('00'))),
  request(join_(leastOtlp, hex('30ffffffffffffffffff01')), join_(leastOtlp, hex('30ffffffffffffffffffff'))),
  request(leastOtlp).subarray(0, -9),
  part(1, part(1, pair(1, hex('ff'), part(1, 'x'))), part(2, part(2, leastOtlp))),
]);
const anyJson = [
  { stringValue: 'GET \u00e9"' },
  { boolValue: true },
  { intValue: '-5' },
  { doubleValue: 1.5 },
  { doubleValue: 'NaN' },
  { arrayValue: { values: [{ stringValue: 'stop' }, { kvlistValue: { values: [{ value: { intValue: 1 }, key: 'k' }] } }] } },
  { kvlistValue: {} },
  { bytesValue: 'AP8Q' },
  {},
];
const leastOtlpJson = { traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '1112131415161718', startTimeUnixNano: '1737999632000000000' };
const fullOtlpJson = {
  ...leastOtlpJson,
  traceState: 'a=b',
  parentSpanId: '2122232425262728',
  name: 'chat',
  kind: 3,
  endTimeUnixNano: 1737999633000000000,
  attributes: [
    ...anyJson.map((value, i) => ({ key: `k${i}`, value })),
    { key: 'gen_ai.usage.input_tokens', value: { intValue: 77 } },
    { key: 'session.id', value: { stringValue: 'session 7' } },
    { key: 'long', value: { stringValue: 'x'.repeat(300) } },
    { key: 'none' },
  ],
  droppedAttributesCount: 1,
  events: [{ timeUnixNano: '5', name: 'exception', attributes: [{ key: 'exception.message', value: { stringValue: 'boom' } }], droppedAttributesCount: 2 }],
  droppedEventsCount: 3,
  links: [{ traceId: '0102030405060708090a0b0c0d0e0f10', spanId: '1112131415161718', traceState: 'c=d', attributes: [], droppedAttributesCount: 4, flags: 257 }],
  droppedLinksCount: 5,
  status: { message: 'bad', code: 2 },
  flags: 257,
  unknown: [{}],
};
const headJson = {
  resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }], droppedAttributesCount: 6, entityRefs: [{ schemaUrl: 'u', type: 't', idKeys: ['i'], descriptionKeys: ['d'] }] },
};
const requestJson = (...spans) =>
  JSON.stringify({ resourceSpans: [{ ...headJson, scopeSpans: [{ scope: { name: 'lib', version: '1.0', attributes: [], droppedAttributesCount: 7 }, spans, schemaUrl: 'url 2' }], schemaUrl: 'url 1' }] });
const otlpJson = requestJson(leastOtlpJson, fullOtlpJson, leastOtlpJson);
write('fuzz_otlp_json', [
  '{}',
  '',
  '[]',
  '{"resourceSpans":null}',
  otlpJson,
  JSON.stringify(JSON.parse(otlpJson), null, 1),
  JSON.stringify({ resource_spans: [{ schema_url: 'u', scope_spans: [{ spans: [leastOtlpJson], scope: { name: 'late' } }], ...headJson }] }),
  requestJson(5, null, {}, leastOtlpJson),
  requestJson({ ...leastOtlpJson, kind: 'SPAN_KIND_SERVER' }, { ...leastOtlpJson, spanId: 7 }, { ...leastOtlpJson, traceId: '00'.repeat(16) }),
  otlpJson.replace('"name"', '"n\\u0061me"').replace('GET', 'G\\u0045T'),
  otlpJson.replace('"kind":3', '"kind":3,"kind":3'),
  otlpJson.replace('"kind":3', '"kind":3,"x":{"__proto__":1}'),
  otlpJson.replace('"name":"chat"', '"name":"\\ud800"'),
  otlpJson.slice(0, -3),
  otlpJson.replace('"scopeSpans"', '"resource":5,"scopeSpans"'),
  otlpJson.replace('"intValue":"-5"', '"intValue":"99999999999999999999"'),
]);
