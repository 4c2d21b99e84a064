import { closeSync, ftruncateSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { MplpError } from '../../errors/index.js';
import type { SpoolFiles } from './files.js';

/** Bugs that the crash suite plants to see that it would catch them. */
export type Plant = 'ack-before-fsync' | 'token-omitted' | 'unlink-before-checkpoint' | 'crc-skipped';

/** Fault injection for the crash suite. Absent (`undefined`) in production, so a point costs one comparison. */
export interface Failpoints {
  /** The process kills itself with SIGKILL when this is the `count`-th passage of the point `name:count`. */
  hit(name: string): void;
  planted(plant: Plant): boolean;
  /** With `MPLP_POWER_LOSS=1`: what was not synced is gone when a point kills the process. */
  watch(files: SpoolFiles): SpoolFiles;
}

/**
 * Reads `MPLP_FAILPOINT` (`name:count`, several separated by commas), `MPLP_PLANT` and `MPLP_POWER_LOSS`.
 * Refused unless `NODE_ENV` is `test`.
 */
export function createFailpoints(env: NodeJS.ProcessEnv): Failpoints | undefined {
  const points = env['MPLP_FAILPOINT'];
  const plant = env['MPLP_PLANT'];
  if (points === undefined && plant === undefined) return undefined;
  if (env['NODE_ENV'] !== 'test') {
    throw new MplpError(
      'MPLP_ERR_CONFIG_INVALID',
      'MPLP_FAILPOINT and MPLP_PLANT are for NODE_ENV=test only.',
    );
  }
  const left = new Map<string, number>();
  for (const point of points?.split(',') ?? []) {
    const [name = '', count = '1'] = point.split(':');
    left.set(name, Number(count));
  }
  const unsynced = env['MPLP_POWER_LOSS'] === '1' ? createUnsyncedWrites() : undefined;
  return {
    hit(name) {
      const count = left.get(name);
      if (count === undefined) return;
      left.set(name, count - 1);
      if (count !== 1) return;
      unsynced?.drop();
      process.kill(process.pid, 'SIGKILL');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
    planted: (name) => plant === name,
    watch: (files) => unsynced?.watch(files) ?? files,
  };
}

/** The power-loss model: remembers how far each file was synced and which names are not yet durable. */
function createUnsyncedWrites() {
  const open = new Map<number, { path: string; synced: number; end: number }>();
  const syncedLength = new Map<string, number>();
  const undurableNames = new Set<string>();
  return {
    watch(files: SpoolFiles): SpoolFiles {
      return {
        ...files,
        async open(path, flags) {
          const fd = await files.open(path, flags);
          if (flags === 'wx') undurableNames.add(path);
          if (flags !== 'r') {
            const end = flags === 'wx' ? 0 : await files.size(path);
            open.set(fd, { path, synced: end, end });
            syncedLength.set(path, end);
          }
          return fd;
        },
        async close(fd) {
          open.delete(fd);
          await files.close(fd);
        },
        async write(fd, buffers, position) {
          const written = await files.write(fd, buffers, position);
          const file = open.get(fd);
          if (file !== undefined) file.end = Math.max(file.end, position + written);
          return written;
        },
        async dataSync(fd) {
          const file = open.get(fd);
          const end = file?.end ?? 0;
          await files.dataSync(fd);
          if (file !== undefined) syncedLength.set(file.path, end);
        },
        async truncate(fd, length) {
          await files.truncate(fd, length);
          const file = open.get(fd);
          if (file === undefined) return;
          file.end = length;
          syncedLength.set(file.path, Math.min(length, syncedLength.get(file.path) ?? 0));
        },
        async rename(from, to) {
          await files.rename(from, to);
          const length = syncedLength.get(from);
          syncedLength.delete(from);
          if (length !== undefined) syncedLength.set(to, length);
          if (undurableNames.delete(from)) undurableNames.add(to);
        },
        async unlink(path) {
          await files.unlink(path);
          syncedLength.delete(path);
          undurableNames.delete(path);
        },
        async syncDirectory(directory) {
          const covered = [...undurableNames].filter((path) => dirname(path) === directory);
          await files.syncDirectory(directory);
          for (const path of covered) undurableNames.delete(path);
        },
      };
    },
    drop(): void {
      for (const [path, length] of syncedLength) {
        try {
          const fd = openSync(path, 'r+');
          ftruncateSync(fd, length);
          closeSync(fd);
          if (undurableNames.has(path)) unlinkSync(path);
        } catch {
          // The file is gone already: nothing of it is left to lose.
        }
      }
    },
  };
}
