import type { SpoolFiles } from './files.js';

const FREE_MAX_AGE_MS = 250;
const RATE_HALF_LIFE_MS = 10_000;

/** Knows the free space without asking the file system on every append. */
export interface DiskGuard {
  /** Last known free bytes less what was written since. Refreshes in the background when older than 250 ms. */
  freeBytes(): number;
  wrote(bytes: number): void;
  /** Asks the file system now. */
  refresh(): Promise<number>;
}

export function createDiskGuard(files: SpoolFiles, directory: string, monotonicMs: () => number): DiskGuard {
  let free = Number.POSITIVE_INFINITY;
  let writtenSince = 0;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<number> | undefined;

  function refresh(): Promise<number> {
    asking ??= (async () => {
      askedAtMs = monotonicMs();
      const before = writtenSince;
      try {
        free = await files.freeBytes(directory);
        writtenSince -= before;
      } catch {
        // A file system that cannot tell is left to answer by its writes.
      } finally {
        asking = undefined;
      }
      return free - writtenSince;
    })();
    return asking;
  }

  return {
    freeBytes() {
      if (monotonicMs() - askedAtMs > FREE_MAX_AGE_MS) void refresh();
      return free - writtenSince;
    },
    wrote(bytes) {
      writtenSince += bytes;
    },
    refresh,
  };
}

/** How fast the spool drains: bytes that became stored per second, recent time counting most. */
export interface DrainRate {
  stored(bytes: number): void;
  /** Bytes a second; 0 while nothing was ever stored. */
  bytesPerSecond(): number;
}

export function createDrainRate(monotonicMs: () => number): DrainRate {
  let weighted = 0;
  let span = 0;
  let lastMs = monotonicMs();

  function decay(): void {
    const now = monotonicMs();
    const factor = 0.5 ** ((now - lastMs) / RATE_HALF_LIFE_MS);
    weighted *= factor;
    // The integral of the same weight over the time that passed.
    span = span * factor + ((1 - factor) * RATE_HALF_LIFE_MS) / Math.LN2;
    lastMs = now;
  }

  return {
    stored(bytes) {
      decay();
      weighted += bytes;
    },
    bytesPerSecond() {
      decay();
      return span === 0 ? 0 : (weighted / span) * 1000;
    },
  };
}

/** Seconds until `excess` bytes are drained, 1 to 60; 5 when the rate is not known. */
export function retryAfterSeconds(excessBytes: number, bytesPerSecond: number): number {
  if (bytesPerSecond <= 0) return 5;
  return Math.min(60, Math.max(1, Math.ceil(excessBytes / bytesPerSecond)));
}
