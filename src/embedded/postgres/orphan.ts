import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from '../../observability/log.js';

const POLL_MS = 20;
/** Fast, immediate, hard: PostgreSQL's own order of stopping, each with the time it is given. */
const STEPS = [
  { signal: 'SIGINT', waitMs: 10_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
] as const;

/** What PostgreSQL writes into `postmaster.pid`, as far as it is needed here. */
export interface PidFile {
  readonly pid: number;
  readonly isReady: boolean;
}

const pidFileOf = (folder: string): string => join(folder, 'postmaster.pid');

export async function readPidFile(folder: string): Promise<PidFile | undefined> {
  const lines = (await readFile(pidFileOf(folder), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, isReady: lines[7]?.trim() === 'ready' } : undefined;
}

/**
 * Ends the server that an engine left behind when it was killed. The caller holds the lock of the data folder, so no
 * living engine uses that server. A pid file whose number now belongs to another process, as happens in containers,
 * would keep PostgreSQL from starting: it is removed.
 */
export async function stopOrphan(folder: string, log: Logger): Promise<void> {
  const left = await readPidFile(folder);
  if (left === undefined) return;
  if (!(await isServerOf(left.pid, folder))) {
    await rm(pidFileOf(folder), { force: true });
    return;
  }
  log.warn({ pid: left.pid }, 'the embedded Postgres of an earlier engine still runs; it is stopped');
  for (const { signal, waitMs } of STEPS) {
    send(left.pid, signal);
    for (const until = performance.now() + waitMs; performance.now() < until; await delay(POLL_MS))
      if (!(await isServerOf(left.pid, folder))) return;
  }
}

export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

async function isServerOf(pid: number, folder: string): Promise<boolean> {
  const command = await commandOf(pid);
  return /\bpostgres\b/.test(command) && command.includes(folder);
}

/** The command line of a process; empty when there is none. */
async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux')
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
  const ps = promisify(execFile)('ps', ['-p', String(pid), '-o', 'command=']);
  return ps.then(
    ({ stdout }) => stdout,
    () => '',
  );
}
