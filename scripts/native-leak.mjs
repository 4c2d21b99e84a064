// Decodes many batches of every form, valid and not, takes blocks, and prints how the memory of the process went.
// Fails when it grew by more than 16 MiB after the first tenth.
//
//   node --expose-gc scripts/native-leak.mjs [batches, 1000000]
import { encode } from '@msgpack/msgpack';
import { loadNative } from '#dist/native/index.js';

const batches = Number(process.argv[2] ?? 1_000_000);
const allowedBytes = 16 << 20;
const native = loadNative();
const uuid = (n) => `0190d5f0-7a1b-4c2d-8e3f-${String(n).padStart(12, '0')}`;
const span = (name) => ({
  trace_id: uuid(1),
  span_id: uuid(2),
  context_id: uuid(3),
  agent_id: uuid(4),
  action: { name, type: 'invoke', parameters: { text: 'x"\n\u00e9'.repeat(20) } },
  timestamp: { start: '2025-01-27T18:40:32+01:00' },
  metadata: { tags: { env: name } },
  unknown: [1, { a: null }],
});
const lines = (...values) => Buffer.from(values.map((value) => JSON.stringify(value)).join('\n'));
const bodies = [
  ['json', Buffer.from(JSON.stringify([span('a'), span('b')]))],
  ['json', Buffer.from(JSON.stringify([span('a'), { id: 1 }]))],
  ['json', Buffer.from(JSON.stringify([span('a'), span('c')]).slice(0, -5))],
  ['ndjson', lines(span('a'), span('d'), 42)],
  ['ndjson', Buffer.from('{"a":"\n"}\n\xff\n', 'latin1')],
  ['msgpack', encode([span('a'), span('e')])],
  ['msgpack', encode(span('f')).subarray(0, 100)],
];
const options = {
  projectId: 'p',
  seqBase: 1n,
  receivedAtSeconds: 1,
  minTimeUnixNano: 0n,
  maxTimeUnixNano: 1n << 62n,
  maxSpanBytes: 1 << 20,
};

const into = new Uint8Array(1 << 20);
let decoder = native.createSpanDecoder();
const rss = () => {
  globalThis.gc?.();
  return process.memoryUsage.rss();
};
let settled = 0;
let last = 0;
for (let i = 0; i < batches; i += 1) {
  const [form, body] = bodies[i % bodies.length];
  decoder.decode(body, body.length, form, options);
  if (i % 100 === 99) decoder.take(into);
  if (i % 1000 === 999) {
    native.contentHash(body, body.length);
    if (i % 10_000 === 9999) {
      decoder = native.createSpanDecoder();
      decoder.setTailFilters([{ projectId: 'p', action: 'a' }], 10);
    }
    // Finalizers run between turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if ((i + 1) % (batches / 10) === 0) {
    last = rss();
    if (settled === 0) settled = last;
    console.log(`${i + 1} batches: ${(last / 2 ** 20).toFixed(1)} MiB`);
  }
}
const grown = last - settled;
console.log(`grown by ${(grown / 2 ** 20).toFixed(1)} MiB after the first tenth`);
if (grown > allowedBytes) process.exitCode = 1;
