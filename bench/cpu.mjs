import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a process has cost so far, from /proc: user and system time of all its threads, ended ones included
 * (proc(5), fields 14 and 15 of `stat`), in units of 10 ms.
 */

/** Milliseconds on the machine's monotonic clock, comparable between processes. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** USER_HZ: 100 on every Linux that Node runs on. */
const microsPerTick = 10_000;

/** CPU time of a process in microseconds. Throws when the process is gone. @param {number} pid */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command name may hold spaces and brackets: fields are counted behind the last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick;
}

/** Peak resident memory in bytes. @param {number} pid */
export function peakRssBytes(pid) {
  const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (match === null) throw new Error(`process ${pid} has no VmHWM`);
  return Number(match[1]) * 1024;
}

/** Part of one core, in percent, that the processes use over a while. @param {readonly number[]} pids @param {number} forMs */
export async function cpuPercent(pids, forMs) {
  const total = () => pids.reduce((sum, pid) => sum + cpuMicros(pid), 0);
  const before = total();
  const beforeMs = performance.now();
  await sleep(forMs);
  return (total() - before) / 10 / (performance.now() - beforeMs);
}

/**
 * Waits until ClickHouse has merged what it was given: nothing in system.merges and next to no CPU for two
 * seconds on end. So background work is counted to the run that caused it.
 *
 * @param {{ pid: number, query: (sql: string) => Promise<string> }} store
 * @param {{ timeoutMs?: number, idlePercent?: number }} [options]
 * @returns {Promise<{ settled: boolean, waitedMs: number }>} `settled` is false when time ran out.
 */
export async function waitForMerges(store, { timeoutMs = 120_000, idlePercent = 6 } = {}) {
  const start = performance.now();
  let quietRounds = 0;
  while (performance.now() - start < timeoutMs) {
    const percent = await cpuPercent([store.pid], 500);
    const merges = Number(await store.query('SELECT count() FROM system.merges'));
    quietRounds = merges === 0 && percent < idlePercent ? quietRounds + 1 : 0;
    if (quietRounds === 4) return { settled: true, waitedMs: performance.now() - start };
  }
  return { settled: false, waitedMs: performance.now() - start };
}
