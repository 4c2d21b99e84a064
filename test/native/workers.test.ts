import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { leastSpan } from '../support/native-block.js';

const body = `${JSON.stringify(leastSpan)}\n`.repeat(20);
const start = (batches: number): Worker =>
  new Worker(new URL('./children/worker.mjs', import.meta.url), { workerData: { body, batches } });

test('the addon loads in twenty threads at once, again and again, and they end cleanly', async () => {
  for (let round = 0; round < 4; round += 1) {
    const workers = Array.from({ length: 20 }, () => start(200));
    const ended = workers.map(async (worker) => {
      let rows = 0;
      worker.on('message', (message: { rows?: number }) => (rows += message.rows ?? 0));
      const [code] = (await once(worker, 'exit')) as [number];
      return [code, rows];
    });
    // Of each pair of decoders, the second one takes after its 2nd, 4th, … batch: 200 batches are 50 blocks of 40 rows.
    expect(await Promise.all(ended)).toEqual(workers.map(() => [0, 50 * 40]));
  }
});

test('threads that are terminated while they decode take nothing else down', async () => {
  const workers = Array.from({ length: 20 }, () => start(10_000_000));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const codes = await Promise.all(workers.map((worker) => worker.terminate()));
  expect(codes).toEqual(workers.map(() => 1));
});
