import { randomBytes, randomUUID } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import {
  createSpool,
  type DurableSpool,
  type ReceiptEntry,
  type SealedSegment,
  type SpoolOptions,
  type SpoolRecord,
} from '#dist/traces/spool/index.js';
import { crc32c } from './crc32c.js';

/** A folder of the test's own, removed when it ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mplp-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a spool; closed when the test ends. */
export async function openSpool(dataDir: string, options: Partial<SpoolOptions> = {}): Promise<DurableSpool> {
  const spool = await createSpool({ ...spoolDefaults, dataDir, ...options });
  onTestFinished(() => spool.close());
  return spool;
}

export const spoolDefaults = {
  spoolMaxBytes: 64 * 1024 * 1024,
  spoolReserveBytes: 0,
  spoolSegmentBytes: 1024 * 1024,
  spoolSegmentAgeMs: 20,
  durability: 'spooled',
  receiptRetentionHours: 24,
  crc32c,
  log: pino({ level: 'silent' }),
  env: {},
} as const;

let nextSeq = 1n << 40n;

export type TestRecord = SpoolRecord & { readonly block: Buffer };

/** A record of random bytes; the spool does not look into blocks. */
export function makeRecord(
  bytes = 100,
  rows = 1,
  receipts: readonly ReceiptEntry[] = [makeReceipt(rows)],
): TestRecord {
  const block = randomBytes(bytes);
  const seqFirst = nextSeq;
  nextSeq += BigInt(rows);
  return { block, rows, crc32c: crc32c(block), seqFirst, seqLast: nextSeq - 1n, receipts };
}

export function makeReceipt(accepted = 1, projectId = 'default'): ReceiptEntry {
  return { receipt: randomUUID(), projectId, hash: randomBytes(16).toString('hex'), accepted, rejected: 0 };
}

/** Longest wait for a spool that still holds spans, however slow the disk. */
const DRAIN_PATIENCE_MS = 10_000;

/**
 * Takes and completes every segment until the spool holds none and none comes within `idleMs`, and returns their
 * content. A spool that has failed seals nothing any more: what comes within `idleMs` is all.
 */
export async function drainSpool(spool: DurableSpool, idleMs = 60): Promise<DrainedSegment[]> {
  const drained: DrainedSegment[] = [];
  let lastMs = performance.now();
  for (;;) {
    const segment = await spool.take(AbortSignal.timeout(idleMs));
    if (segment === undefined) {
      const { code, unstoredBytes } = spool.pressure();
      const holdsMore = code !== 'failed' && unstoredBytes > 0;
      if (!holdsMore || performance.now() - lastMs > DRAIN_PATIENCE_MS) return drained;
      continue;
    }
    const file = readFileSync(segment.path);
    const content = Buffer.concat(segment.ranges.map(({ start, end }) => file.subarray(start, end)));
    drained.push({ segment, content });
    await spool.complete(segment);
    lastMs = performance.now();
  }
}

export interface DrainedSegment {
  readonly segment: SealedSegment;
  readonly content: Buffer;
}

/** Copies a folder as it is, which is what a kill leaves behind. */
export function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => basename(path) !== 'lock' });
}
