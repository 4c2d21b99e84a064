import type { SpoolRecord } from './contract.js';
import type { Failpoints } from './failpoints.js';
import { errnoOf, removeIfThere, syncFile, writeAll, type SpoolFiles } from './files.js';
import type { Crc32c } from './frames.js';
import { SEAL_FRAME_BYTES, encodeGroup, encodeHead, encodeSeal } from './sidecar.js';

export interface SegmentWriterOptions {
  readonly files: SpoolFiles;
  readonly directory: string;
  readonly crc32c: Crc32c;
  readonly now: () => number;
  readonly failpoints: Failpoints | undefined;
}

/** The segment that takes appends. Lengths count what is acknowledged; the files may hold more after a fault. */
export interface OpenSegment {
  readonly id: string;
  readonly base: string;
  readonly segFd: number;
  readonly idxFd: number;
  bytes: number;
  idxBytes: number;
  rows: number;
  blocks: number;
  firstAppendAtMs: number;
}

/**
 * Why a write did not happen. `space`: the disk or a limit is exhausted, nothing is broken, and it can pass.
 * `fault`: the file's state is unknown; it must not be trusted again before its checksums were read back.
 */
export interface WriteFault {
  readonly kind: 'space' | 'fault';
  readonly error: unknown;
}

/** Running out of something, or a file system that does not take writes for now. */
const SPACE_ERRORS = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EACCES',
  'EPERM',
  'ENOENT',
]);

export function writeFault(error: unknown): WriteFault {
  return { kind: SPACE_ERRORS.has(errnoOf(error)) ? 'space' : 'fault', error };
}

/** Creates both files and makes their names durable, so that the first group needs only its data sync (rule I1). */
export async function createSegment(options: SegmentWriterOptions, id: string): Promise<OpenSegment> {
  const { files, directory, failpoints } = options;
  const base = `${directory}/${id}`;
  const opened: number[] = [];
  try {
    const segFd = await files.open(`${base}.seg`, 'wx');
    opened.push(segFd);
    failpoints?.hit('spool.segment-created');
    const idxFd = await files.open(`${base}.idx`, 'wx');
    opened.push(idxFd);
    const head = encodeHead(id, options.now(), options.crc32c);
    await writeAll(files, idxFd, [head, Buffer.alloc(SEAL_FRAME_BYTES)], 0);
    failpoints?.hit('spool.segment-opened');
    await files.syncDirectory(directory);
    return {
      id,
      base,
      segFd,
      idxFd,
      bytes: 0,
      idxBytes: head.length,
      rows: 0,
      blocks: 0,
      firstAppendAtMs: 0,
    };
  } catch (error) {
    for (const fd of opened) await files.close(fd).catch(() => undefined);
    await removeIfThere(files, `${base}.seg`).catch(() => undefined);
    await removeIfThere(files, `${base}.idx`).catch(() => undefined);
    throw error;
  }
}

/**
 * Appends a group: one write to each file, then (with `sync`) one data sync of each, side by side. On a fault
 * the lengths stay as they were, and nothing of the group may be acknowledged.
 */
export async function writeGroup(
  options: SegmentWriterOptions,
  segment: OpenSegment,
  records: readonly SpoolRecord[],
  sync: boolean,
): Promise<WriteFault | undefined> {
  const { files, failpoints } = options;
  const sidecar = encodeGroup(records, segment.bytes, options.now(), options.crc32c);
  const blocks = records.map((record) => record.block);
  const writes = await both(
    writeAll(files, segment.segFd, blocks, segment.bytes),
    writeAll(files, segment.idxFd, [sidecar.bytes], segment.idxBytes),
  );
  if (writes !== undefined) return writeFault(writes.error);
  failpoints?.hit('spool.written');
  if (sync) {
    const failed = await syncBoth(files, segment);
    if (failed !== undefined) return failed;
    failpoints?.hit('spool.synced');
  }
  if (segment.blocks === 0) segment.firstAppendAtMs = options.now();
  for (const record of records) {
    segment.bytes += record.block.byteLength;
    segment.rows += record.rows;
  }
  segment.blocks += records.length;
  segment.idxBytes += sidecar.frameBytes;
  return undefined;
}

/** Fixes the segment's content for good, before the first send (rule I2). The frame's room was allocated before. */
export async function sealSegment(
  options: SegmentWriterOptions,
  segment: OpenSegment,
  sealedAtMs: number,
): Promise<WriteFault | undefined> {
  const { files } = options;
  const seal = encodeSeal(
    { changed: false, blocks: segment.blocks, bytes: segment.bytes, rows: segment.rows, sealedAtMs },
    options.crc32c,
  );
  try {
    await writeAll(files, segment.idxFd, [seal], segment.idxBytes);
  } catch (error) {
    return writeFault(error);
  }
  return syncBoth(files, segment);
}

/** Takes an unacknowledged tail out of both files. Throws when the files do not let it. */
export async function rollBack(options: SegmentWriterOptions, segment: OpenSegment): Promise<void> {
  const { files } = options;
  await files.truncate(segment.segFd, segment.bytes);
  await files.truncate(segment.idxFd, segment.idxBytes + SEAL_FRAME_BYTES);
  await writeAll(files, segment.idxFd, [Buffer.alloc(SEAL_FRAME_BYTES)], segment.idxBytes);
  const failed = await syncBoth(files, segment);
  if (failed !== undefined) throw failed.error;
}

export async function closeSegment(options: SegmentWriterOptions, segment: OpenSegment): Promise<void> {
  for (const fd of [segment.segFd, segment.idxFd]) await options.files.close(fd).catch(() => undefined);
}

/** A failed sync is always a fault, whatever its code: the kernel may have dropped the dirty pages (rule I8). */
async function syncBoth(files: SpoolFiles, segment: OpenSegment): Promise<WriteFault | undefined> {
  const failed = await both(syncFile(files, segment.segFd), syncFile(files, segment.idxFd));
  return failed === undefined ? undefined : { kind: 'fault', error: failed.error };
}

/** Waits for both, so that no write is still under way when a fault is handled. The graver fault wins. */
async function both(
  first: Promise<unknown>,
  second: Promise<unknown>,
): Promise<{ error: unknown } | undefined> {
  const failed = (await Promise.allSettled([first, second])).filter((result) => result.status === 'rejected');
  const worst = failed.find((result) => writeFault(result.reason).kind === 'fault') ?? failed[0];
  return worst === undefined ? undefined : { error: worst.reason };
}
