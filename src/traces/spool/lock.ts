import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { errnoOf } from './files.js';

const HEARTBEAT_MS = 1000;
const STALE_AFTER_MS = 5000;

/** Who holds the spool. `beat` grows each second, for holders that cannot be looked up from here. */
interface Holder {
  readonly nonce: string;
  readonly pid: number;
  /** Start time of the process in clock ticks after boot, so that a reused pid is not taken for the holder. */
  readonly startTicks: string;
  /** Boot id and pid namespace: within the same pair, `/proc/<pid>` tells whether the holder lives. */
  readonly world: string;
  readonly beat: number;
}

export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * Takes the lock file of the spool folder, so that two engines never drain one spool. The lock of a process that
 * is gone is taken over at once; that of another container or host when its heartbeat has stood still for 5 s.
 *
 * @param onLost called once when another engine took the lock away, which only a suspended holder can live to see.
 * @throws MplpError `MPLP_ERR_TRACES_SPOOL_LOCKED` when another engine holds it.
 */
export async function acquireLock(path: string, log: Logger, onLost: () => void): Promise<SpoolLock> {
  const self: Holder = {
    nonce: randomUUID(),
    pid: process.pid,
    startTicks: (await startTicksOf(process.pid)) ?? '',
    world: await ownWorld(),
    beat: 0,
  };
  const own = `${path}.${self.nonce}`;
  await writeFile(own, JSON.stringify(self), { mode: 0o600 });
  try {
    while (!(await linked(own, path))) {
      let holder = await readHolder(path);
      if (holder === 'unreadable') {
        // Perhaps just being written.
        await delay(HEARTBEAT_MS / 4);
        holder = await readHolder(path);
      }
      if (holder === 'none') continue;
      if (holder !== 'unreadable' && (await isAlive(path, holder, self.world))) {
        throw new MplpError(
          'MPLP_ERR_TRACES_SPOOL_LOCKED',
          `Another engine (process ${holder.pid}) uses the spool that ${path} locks. Stop it, or use another data folder.`,
        );
      }
      log.warn({ holder }, 'the lock of an engine that is gone is taken over');
      await takeAway(path, own, holder);
    }
  } finally {
    await unlink(own).catch(() => undefined);
  }

  let beat = 0;
  const heartbeat = setInterval(() => {
    void (async () => {
      const holder = await readHolder(path).catch(() => 'unreadable' as const);
      if (typeof holder === 'object' && holder.nonce !== self.nonce) {
        clearInterval(heartbeat);
        onLost();
        return;
      }
      // In place, so that a lock that changed hands in between keeps its new inode.
      await writeFile(path, JSON.stringify({ ...self, beat: ++beat }), { flag: 'r+' }).catch(() => undefined);
    })();
  }, HEARTBEAT_MS).unref();

  return {
    async release() {
      clearInterval(heartbeat);
      const holder = await readHolder(path).catch(() => 'unreadable' as const);
      if (typeof holder === 'object' && holder.nonce === self.nonce)
        await unlink(path).catch(() => undefined);
    },
  };
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock out of the way; puts it back when, in between, a new holder had come. */
async function takeAway(path: string, own: string, stale: Holder | 'unreadable'): Promise<void> {
  const moved = `${own}.stale`;
  try {
    await rename(path, moved);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const holder = await readHolder(moved);
  const expected = stale === 'unreadable' ? undefined : stale.nonce;
  if (typeof holder === 'object' && holder.nonce !== expected) await linked(moved, path);
  await unlink(moved);
}

async function readHolder(path: string): Promise<Holder | 'none' | 'unreadable'> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'none';
    throw error;
  }
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    if (typeof holder?.nonce === 'string' && typeof holder.pid === 'number') return holder as Holder;
  } catch {
    // An empty or torn lock file, as a power loss may leave it.
  }
  return 'unreadable';
}

async function isAlive(path: string, holder: Holder, ownWorldName: string): Promise<boolean> {
  if (holder.world === ownWorldName) return (await startTicksOf(holder.pid)) === holder.startTicks;
  const deadline = performance.now() + STALE_AFTER_MS;
  while (performance.now() < deadline) {
    await delay(HEARTBEAT_MS / 4);
    const now = await readHolder(path);
    if (now === 'none') return false;
    if (typeof now === 'object' && (now.nonce !== holder.nonce || now.beat !== holder.beat)) return true;
  }
  return false;
}

/** Field 22 of `/proc/<pid>/stat`; `undefined` when there is no such process. */
async function startTicksOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function ownWorld(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  // Without /proc nobody can be looked up: every holder is of another world, and judged by its heartbeat.
  return boot === '' || namespace === '' ? randomUUID() : `${boot.trim()} ${namespace}`;
}
