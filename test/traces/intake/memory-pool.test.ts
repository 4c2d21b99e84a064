import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createMemoryPool } from '#dist/traces/intake/memory-pool.js';
import { startEngine } from '../../support/engine-process.js';
import { sampleSpan } from '../../support/sample-span.js';

const MiB = 1024 * 1024;

it('gives the same memory again, the smallest that fits', () => {
  const pool = createMemoryPool(MiB, 64 * MiB);
  const [least, middle, large] = [pool.take(10), pool.take(3 * MiB + 1), pool.take(17 * MiB)];
  expect([least, middle, large].map((memory) => memory.byteLength / MiB)).toEqual([1, 3.5, 20]);
  for (const memory of [large, least, middle]) pool.release(memory);
  expect(pool.take(2 * MiB)).toBe(middle);
  expect(pool.take(2 * MiB)).toBe(large);
  expect(pool.take(MiB)).toBe(least);
});

it('keeps no more than it may', () => {
  const pool = createMemoryPool(MiB, 5 * MiB);
  const taken = [2, 2, 2].map((size) => pool.take(size * MiB));
  for (const memory of taken) pool.release(memory);
  const again = [2, 2, 2].map((size) => pool.take(size * MiB));
  expect(again.filter((memory) => taken.includes(memory))).toHaveLength(2);
});

it('lets the engine take large bodies without growing', async () => {
  const engine = await startEngine();
  const residentMiB = async (): Promise<number> =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${engine.pid}/status`, 'utf8'))?.[1]) / 1024;
  const body = JSON.stringify(sampleSpan()).replace('"task-123"', `"${'x'.repeat(16_000_000)}"`);
  const round = async (): Promise<number> => {
    for (let i = 0; i < 8; i++) {
      const response = await fetch(`${engine.url}/v1.0/traces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(400);
      await response.arrayBuffer();
    }
    return residentMiB();
  };
  try {
    await round();
    const before = await round();
    for (let i = 0; i < 3; i++) await round();
    expect((await round()) - before).toBeLessThan(150);
  } finally {
    await engine.close();
  }
});
