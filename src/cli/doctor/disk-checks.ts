import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/index.js';
import { formatDuration } from '../terminal-text.js';
import { fail, ok, warn, type Finding } from './check.js';

const GB = 1e9;
const SYNCS = 5;
/** A disk that takes longer cannot keep up with group commits. */
const SLOW_SYNC_MS = 50;

export function checkDiskSpace(config: Config): Finding {
  const name = 'disk space';
  const stats = statfsSync(nearestFolder(config.dataDir));
  const free = stats.bavail * stats.bsize;
  const detail = `${(free / GB).toFixed(1)} GB free for ${config.dataDir}`;
  if (free < config.spoolReserveBytes) {
    return fail(
      name,
      detail,
      'the engine would refuse spans: free some space, or move the data with --data-dir',
    );
  }
  const wanted = config.spoolReserveBytes + config.spoolMaxBytes;
  return free < wanted
    ? warn(
        name,
        detail,
        `a full spool and its reserve need ${(wanted / GB).toFixed(1)} GB: free some, or lower MPLP_SPOOL_MAX_BYTES`,
      )
    : ok(name, detail);
}

/** Writes and syncs a small file where the spool will be. */
export function checkSync(config: Config): Finding {
  const name = 'disk sync';
  const folder = nearestFolder(config.dataDir);
  const path = join(folder, `.mplp-doctor-${process.pid}`);
  try {
    const fd = openSync(path, 'wx');
    try {
      const startedAt = performance.now();
      for (let i = 0; i < SYNCS; i++) {
        writeSync(fd, Buffer.alloc(4096));
        fsyncSync(fd);
      }
      const syncMs = (performance.now() - startedAt) / SYNCS;
      const detail = `${formatDuration(syncMs)} in ${folder}`;
      return syncMs > SLOW_SYNC_MS
        ? warn(name, detail, 'receipts wait for it: put the data folder on a faster disk')
        : ok(name, detail);
    } finally {
      closeSync(fd);
      rmSync(path, { force: true });
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return fail(
      name,
      `${folder} cannot be written (${code})`,
      'give the user of the engine write access, or choose another --data-dir',
    );
  }
}

/** The data folder, or what of its path is there before the first start. */
function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
