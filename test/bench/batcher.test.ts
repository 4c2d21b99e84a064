import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBatcher } from '../../bench/baseline/batcher.mjs';

function createRecorder(options: { batchRows: number; flushAfterMs: number; maxInserts: number }) {
  const batches: object[][] = [];
  const pending: (() => void)[] = [];
  const batcher = createBatcher({
    ...options,
    insert: (rows: object[]) => {
      batches.push(rows);
      return new Promise<void>((resolve) => pending.push(resolve));
    },
    onError: (error: Error) => {
      throw error;
    },
  });
  return { batcher, batches, pending };
}

test('a full batch goes at once, the rest when its time has come', async () => {
  const { batcher, batches, pending } = createRecorder({ batchRows: 3, flushAfterMs: 10, maxInserts: 4 });
  for (let i = 0; i < 7; i++) batcher.push({ i });
  expect(batches.map((rows) => rows.length)).toEqual([3, 3]);
  while (batches.length < 3) await sleep(1);
  expect(batches[2]).toEqual([{ i: 6 }]);
  for (const finish of pending) finish();
  await batcher.close();
});

test('waits for room while all inserts are under way', async () => {
  const { batcher, batches, pending } = createRecorder({ batchRows: 1, flushAfterMs: 1000, maxInserts: 2 });
  batcher.push({});
  await batcher.room();
  batcher.push({});
  let hasRoom = false;
  const room = batcher.room().then(() => (hasRoom = true));
  await sleep(5);
  expect(hasRoom).toBe(false);
  pending[0]!();
  await room;
  expect(hasRoom).toBe(true);
  pending[1]!();
  await batcher.close();
  expect(batches.length).toBe(2);
});

test('close inserts what is left', async () => {
  const { batcher, batches, pending } = createRecorder({
    batchRows: 10,
    flushAfterMs: 60_000,
    maxInserts: 1,
  });
  batcher.push({});
  const closed = batcher.close();
  expect(batches.length).toBe(1);
  pending[0]!();
  await closed;
});
