import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { cpuMicros, nowMs, peakRssBytes } from '../../bench/cpu.mjs';

test('CPU of every thread counts, also of threads that have ended', async () => {
  const before = cpuMicros(process.pid);
  const ownBefore = process.cpuUsage();
  const worker = new Worker('const end = Date.now() + 300; while (Date.now() < end);', { eval: true });
  await once(worker, 'exit');
  const own = process.cpuUsage(ownBefore);
  const counted = cpuMicros(process.pid) - before;
  expect(counted).toBeGreaterThan(0);
  // The kernel rounds to ticks of 10 ms, user and system time each.
  expect(Math.abs(counted - (own.user + own.system))).toBeLessThanOrEqual(40_000);
});

test('a process that is gone is an error, not a zero', () => {
  expect(() => cpuMicros(2 ** 30)).toThrow(/ENOENT/);
});

test('peak memory covers what was used', () => {
  const memory = Buffer.alloc(64 * 2 ** 20, 1);
  expect(peakRssBytes(process.pid)).toBeGreaterThanOrEqual(memory.length);
});

test('the clock is shared by processes and only goes forward', () => {
  const first = nowMs();
  expect(nowMs()).toBeGreaterThanOrEqual(first);
});
