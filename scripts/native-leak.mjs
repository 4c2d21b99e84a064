// Decodes many batches of every form, valid and not, and then loads and unloads the addon in many threads. Prints how
// the memory of the process went, and judges the second half of each series by its slope: the first half is warm-up
// (the engine's compiled code, buffers at their final size, the allocator's arenas). Fails when what the fitted line
// grows over the second half is more than the noise of such a series.
//
//   node --expose-gc scripts/native-leak.mjs [batches, 1000000] [threads, 400]
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker, isMainThread } from 'node:worker_threads';
import { encode } from '@msgpack/msgpack';
import { loadNative } from '#dist/native/index.js';

const POINTS = 40;
const NOISE_BYTES = 4 << 20;
const THREADS_AT_ONCE = 8;
const BATCHES_A_THREAD = 200;
const MIB = 2 ** 20;

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

/** Decodes `batches` bodies, calling `after` behind each. */
async function decode(batches, after) {
  const native = loadNative();
  const into = new Uint8Array(1 << 20);
  let decoder = native.createSpanDecoder();
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
      await turn();
    }
    await after?.(i + 1);
  }
}

function createSeries(unit) {
  const points = [];
  return {
    add(done) {
      globalThis.gc?.();
      points.push([done, process.memoryUsage.rss()]);
      console.log(`${done} ${unit}: ${(points.at(-1)[1] / MIB).toFixed(1)} MiB`);
    },
    /** Prints the slope of the second half; true when the memory is flat. */
    judge() {
      const half = points.slice(points.length >> 1);
      if (half.length < 3) throw new Error(`${points.length} points tell no slope; ask for more ${unit}`);
      const mean = (index) => half.reduce((sum, point) => sum + point[index], 0) / half.length;
      const [x, y] = [mean(0), mean(1)];
      const slope =
        half.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) /
        half.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
      const steps = half.at(-1)[0] - half[0][0];
      const grown = slope * steps;
      const flat = grown <= NOISE_BYTES;
      console.log(
        `${flat ? 'flat' : 'LEAK'}: in the second half ${slope.toFixed(1)} bytes for each of ${steps} ${unit}, ` +
          `grown by ${(grown / MIB).toFixed(1)} MiB (noise: ${NOISE_BYTES / MIB} MiB); ` +
          `warm-up before: ${((half[0][1] - points[0][1]) / MIB).toFixed(1)} MiB`,
      );
      return flat;
    },
  };
}

if (isMainThread) {
  const batches = Number(process.argv[2] ?? 1_000_000);
  const threads = Number(process.argv[3] ?? 400);
  const decoding = createSeries('batches');
  const every = Math.ceil(batches / POINTS);
  await decode(batches, (done) => done % every === 0 && decoding.add(done));

  const loading = createSeries('threads');
  for (let done = 0; done < threads;) {
    const workers = Array.from(
      { length: Math.min(THREADS_AT_ONCE, threads - done) },
      () => new Worker(new URL(import.meta.url)),
    );
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    done += workers.length;
    loading.add(done);
  }
  const flat = [decoding.judge(), loading.judge()];
  if (flat.includes(false)) process.exitCode = 1;
} else {
  await decode(BATCHES_A_THREAD);
}
