// CPU of the native decoder alone: nanoseconds a span and bytes a second for each body form, decode and take
// together, next to simdjson's DOM parser over the same bytes doing nothing (`floor`).
//
//   node bench/native-decode.mjs [spans a body] [seconds a measurement]
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { encode } from '@msgpack/msgpack';
import { loadNative } from '#dist/native/index.js';
import { makeOtlpRequest, otlpProtobuf } from './otlp-bodies.mjs';

const require = createRequire(import.meta.url);
const native = loadNative();
const { parseOnly } = require('../build/Release/mplp_floor.node');

const spansPerBody = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 1);
const slack = 64;

/** A span like the sample of the design document, 765 bytes as JSON. */
const span = () => ({
  id: randomUUID(),
  trace_id: randomUUID(),
  span_id: randomUUID(),
  parent_span_id: randomUUID(),
  context_id: randomUUID(),
  agent_id: randomUUID(),
  action: {
    name: 'execute_task',
    type: 'execute',
    parameters: { task_id: randomUUID(), attempt: 1 },
    duration: '150ms',
  },
  timestamp: { start: '2025-01-27T18:40:32.123Z', end: '2025-01-27T18:40:32.273Z' },
  result: {
    status: 'success',
    output: { result: 'task_completed' },
    metrics: { cpu_usage: 0.15, memory_usage: '64MB' },
  },
  metadata: { tags: { env: 'prod' }, correlation_id: randomUUID() },
});

const ids = ['id', 'trace_id', 'span_id', 'parent_span_id', 'context_id', 'agent_id'];
const bin = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
const withBinaryIds = (s) => ({
  ...s,
  ...Object.fromEntries(ids.map((name) => [name, bin(s[name])])),
  metadata: { ...s.metadata, correlation_id: bin(s.metadata.correlation_id) },
});

const padded = (bytes) => {
  const body = new Uint8Array(bytes.length + slack);
  body.set(bytes);
  return { body, length: bytes.length };
};

const spans = Array.from({ length: spansPerBody }, span);
const otlp = makeOtlpRequest(1, spansPerBody, Date.UTC(2025, 0, 27));
const bodies = {
  json: padded(Buffer.from(JSON.stringify(spans))),
  ndjson: padded(Buffer.from(spans.map((s) => JSON.stringify(s) + '\n').join(''))),
  msgpack: padded(encode(spans)),
  'msgpack, binary ids': padded(encode(spans.map(withBinaryIds))),
  'otlp-protobuf': padded(otlpProtobuf(otlp)),
  'otlp-json': padded(Buffer.from(JSON.stringify(otlp))),
};
const options = {
  projectId: 'default',
  seqBase: 1n << 40n,
  receivedAtSeconds: 1737999632,
  minTimeUnixNano: 0n,
  maxTimeUnixNano: 4102444800_000000000n,
  maxSpanBytes: 4 << 20,
};

/** CPU nanoseconds of one call, the least of several rounds: what disturbs a round only makes it longer. */
function measure(run) {
  let best = Infinity;
  for (let round = 0; round < 5; ++round) {
    const until = process.hrtime.bigint() + BigInt(Math.round(seconds * 2e8));
    const before = process.cpuUsage();
    let calls = 0;
    do {
      run();
      ++calls;
    } while (process.hrtime.bigint() < until);
    const used = process.cpuUsage(before);
    best = Math.min(best, ((used.user + used.system) * 1000) / calls);
  }
  return best;
}

const decoder = native.createSpanDecoder();
const into = new Uint8Array(new SharedArrayBuffer(spansPerBody * 1024 + 65536));
console.log(`instruction set ${native.instructionSet}, ${spansPerBody} spans a body`);
const row = (what, ns, bytes) =>
  console.log(
    `${what.padEnd(30)} ${(ns / spansPerBody).toFixed(1).padStart(8)} ns/span ${(bytes / ns).toFixed(2).padStart(7)} GB/s`,
  );
for (const [name, { body, length }] of Object.entries(bodies)) {
  const form = name.split(',')[0];
  const once = () => {
    const result = decoder.decode(body, length, form, options);
    const block = decoder.take(into);
    if (result.accepted !== spansPerBody || block.rows !== spansPerBody)
      throw new Error(`${name}: spans were refused`);
    return block;
  };
  const { bytes } = once();
  console.log(
    `${name}: ${(length / spansPerBody).toFixed(0)} bytes a span, ${(bytes / spansPerBody).toFixed(0)} in the block`,
  );
  row('  decode + take', measure(once), length);
  row(
    '  decode',
    measure(() => {
      decoder.decode(body, length, form, options);
      decoder.discard();
    }),
    length,
  );
  if (form === 'json' || form === 'ndjson')
    row(
      '  floor (simdjson DOM)',
      measure(() => parseOnly(body, length, form)),
      length,
    );
  row(
    '  contentHash',
    measure(() => native.contentHash(body, length)),
    length,
  );
  row(
    '  crc32c',
    measure(() => native.crc32c(body)),
    length,
  );
}
