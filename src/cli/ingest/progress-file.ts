import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { CommandFailure } from '../failure.js';
import type { Batch } from './batches.js';
import type { ScannerState, SpanForm } from './item-scanner.js';
import { openSource, type SpanSource } from './source.js';

export interface Totals {
  accepted: number;
  rejected: number;
  duplicates: number;
}

/** How far a file was acknowledged. Lies beside it as `<file>.mplp-progress` until the whole file is. */
export interface Progress {
  readonly version: 1;
  readonly form: SpanForm;
  /** Bytes of the decompressed file that were acknowledged. */
  readonly offset: number;
  readonly state: ScannerState;
  readonly totals: Totals;
  /** The last acknowledged batch: shows at the next start that the file is still the same. */
  readonly lastBatch: { readonly start: number; readonly hash: string };
}

export interface ProgressFile {
  readonly path: string;
  read(): Progress | undefined;
  save(batch: Batch, totals: Totals): void;
  remove(): void;
}

export function createProgressFile(source: SpanSource & { path: string }): ProgressFile {
  const path = `${source.path}.mplp-progress`;
  return {
    path,
    read() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
      try {
        const progress = JSON.parse(text) as Progress;
        if (progress.version === 1 && progress.form === source.form) return progress;
      } catch {
        // Told below, like a file of another version.
      }
      throw new CommandFailure(
        `${path} cannot be used.`,
        'Start from the beginning with --restart; spans sent twice are stored once.',
      );
    },
    save(batch, totals) {
      const lastBatch = { start: batch.start, hash: batch.hash };
      const progress: Progress = {
        version: 1,
        form: source.form,
        offset: batch.end,
        state: batch.next,
        totals,
        lastBatch,
      };
      // Written aside and renamed, so that a crash leaves the old or the new one.
      writeFileSync(`${path}.new`, JSON.stringify(progress));
      renameSync(`${path}.new`, path);
    },
    remove: () => rmSync(path, { force: true }),
  };
}

/** Throws when the part of the file that was sent last is not what it was then. */
export async function checkUnchanged(
  source: SpanSource,
  progress: Progress,
  stdin: NodeJS.ReadStream,
): Promise<void> {
  const hash = createHash('sha256');
  let left = progress.offset - progress.lastBatch.start;
  for await (const chunk of openSource(source, progress.lastBatch.start, stdin)) {
    hash.update(chunk.subarray(0, left));
    left -= Math.min(left, chunk.length);
    if (left === 0) break;
  }
  if (left === 0 && hash.digest('hex') === progress.lastBatch.hash) return;
  throw new CommandFailure(
    `${source.path ?? 'standard input'} has changed since it was last sent up to byte ${progress.offset}.`,
    'Send all of it with --restart; spans sent twice are stored once.',
  );
}
