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
