import type { Logger } from '../../observability/log.js';
import type { Commit, SpoolRecord } from './contract.js';
import type { DiskGuard } from './disk-guard.js';
import { removeIfThere, syncFile, writeAll } from './files.js';
import type { MutableReceiptBook, ReceiptState } from './receipt-book.js';
import type { SegmentQueue } from './segment-queue.js';
import {
  closeSegment,
  createSegment,
  rollBack,
  sealSegment,
  writeFault,
  writeGroup,
  type OpenSegment,
  type SegmentWriterOptions,
  type WriteFault,
} from './segment-writer.js';

const MAX_SEGMENT_ROWS = 1_000_000;
const MAX_SEGMENT_RECORDS = 50_000;
/** However long inserts take, the young segment is sealed at this multiple of its age when somebody waits for it. */
const MAX_AGE_FACTOR = 4;
const PROBE_INTERVAL_MS = 250;
const PROBE_BYTES = 64 * 1024;

export interface AppenderOptions {
  readonly writer: SegmentWriterOptions;
  readonly nextId: () => string;
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
  readonly reserveBytes: number;
  /** False: acknowledge before the sync. */
  readonly syncsFirst: boolean;
  readonly book: MutableReceiptBook;
  readonly segments: SegmentQueue;
  readonly disk: DiskGuard;
  readonly log: Logger;
  /** What to tell appends that are refused in the present state. */
  readonly refusal: () => Error;
  readonly onCommitted: (records: number, bytes: number, durationMs: number) => void;
}

/**
 * `open`: takes appends. `exhausted`: the disk takes no more for now; refuses appends, seals what it has, tries
 * again by itself (rule I7). `failed`: a file's state is unknown; no more acknowledgements (rule I8). `closed`.
 */
export type AppenderState = 'open' | 'exhausted' | 'failed' | 'closed';

export interface Appender {
  readonly state: AppenderState;
  /** Why the state is what it is; '' while it is `open`. */
  readonly reason: string;
  /** Bytes and rows that are not in a sealed segment yet, those that wait for a commit included in the bytes. */
  readonly bytes: number;
  readonly rows: number;
  oldestAppendAtMs(): number | undefined;
  append(record: SpoolRecord): Promise<Commit>;
  /** Seals the young segment when somebody waits for work and it is old enough. */
  considerAge(): void;
  /** Commits what waits and seals the young segment. */
  seal(): Promise<void>;
  fail(error: unknown): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly record: SpoolRecord;
  readonly resolve: (commit: Commit) => void;
  readonly reject: (error: Error) => void;
}

/** The segment that takes appends, with who waits for it to be stored. */
interface Active extends OpenSegment {
  readonly receiptState: ReceiptState;
  readonly stored: Promise<void>;
  readonly resolveStored: () => void;
}

/**
 * Writes appends into segments. One writer, one group at a time: what arrives while a group is being synced
 * makes up the next one, so nothing waits for a timer and a busy disk gets few, large syncs.
 */
export function createAppender(options: AppenderOptions): Appender {
  const { writer, book, segments, disk, log, refusal } = options;
  const { files, directory, now, failpoints } = writer;
  let state: AppenderState = 'open';
  let reason = '';
  let queue: Waiting[] = [];
  let queuedBytes = 0;
  let active: Active | undefined;
  /** The next segment, made ready while nobody waits for it. */
  let spare: Promise<Active> | undefined;
  /** The active segment's files hold bytes that were not acknowledged. */
  let unclean = false;
  let sealWanted = false;
  let draining = false;
  let running: Promise<void> | undefined;
  let ageTimer: NodeJS.Timeout | undefined;
  let probeTimer: NodeJS.Timeout | undefined;
  let probing = false;

  function append(record: SpoolRecord): Promise<Commit> {
    queuedBytes += record.block.byteLength;
    return new Promise((resolve, reject) => {
      queue.push({ record, resolve, reject });
      kick();
    });
  }

  /** Starts the writer unless it runs. It begins after the current round of I/O callbacks, whose appends join the group. */
  function kick(): void {
    running ??= new Promise<void>((resolve) => setImmediate(resolve)).then(write).finally(() => {
      running = undefined;
      if (hasWork()) kick();
      else considerAge();
    });
  }

  function hasWork(): boolean {
    if (state === 'open') return queue.length > 0 || sealWanted;
    return sealWanted && canSeal();
  }

  /** A full disk takes no group, but its segment can still be sealed: loading it is what makes room. */
  function canSeal(): boolean {
    return state === 'open' || (state === 'exhausted' && !unclean);
  }

  async function write(): Promise<void> {
    while (hasWork()) {
      if (sealWanted) {
        sealWanted = false;
        if (active !== undefined && active.blocks > 0) await sealActive(active);
      } else if (active === undefined) {
        await openNext();
      } else {
        const group = takeGroup(active);
        if (group.length === 0) sealWanted = true;
        else await commit(active, group);
      }
    }
  }

  async function makeSegment(): Promise<Active> {
    const open = await createSegment(writer, options.nextId());
    let resolveStored = (): void => undefined;
    const stored = new Promise<void>((resolve) => (resolveStored = resolve));
    return { ...open, receiptState: { stored: false }, stored, resolveStored };
  }

  async function openNext(): Promise<void> {
    spare ??= makeSegment();
    try {
      active = await spare;
    } catch (error) {
      onFault(writeFault(error));
    }
    spare = undefined;
  }

  /** The appends that fit into the segment, in order; none when it has to be sealed first. */
  function takeGroup(segment: Active): Waiting[] {
    let { bytes, rows, blocks } = segment;
    let count = 0;
    for (const { record } of queue) {
      bytes += record.block.byteLength;
      rows += record.rows;
      const fits = bytes <= options.segmentBytes && rows <= MAX_SEGMENT_ROWS && blocks < MAX_SEGMENT_RECORDS;
      if (!fits && blocks > 0) break;
      blocks++;
      count++;
    }
    return queue.splice(0, count);
  }

  async function commit(segment: Active, group: readonly Waiting[]): Promise<void> {
    const startedMs = performance.now();
    const records = group.map(({ record }) => record);
    const bytesBefore = segment.bytes;
    const fault = await writeGroup(writer, segment, records, options.syncsFirst);
    for (const { block } of records) queuedBytes -= block.byteLength;
    if (fault !== undefined) await undo(segment, fault);
    // The lock may have been lost while the write was under way.
    if (fault !== undefined || hasFailed()) {
      const error = refusal();
      for (const { reject } of group) reject(error);
      return;
    }
    disk.wrote(segment.bytes - bytesBefore);
    options.onCommitted(records.length, segment.bytes - bytesBefore, performance.now() - startedMs);
    const result: Commit = { segment: segment.id, stored: segment.stored };
    for (const { record, resolve } of group) {
      book.add(record.receipts, segment.receiptState);
      resolve(result);
    }
    if (failpoints !== undefined) {
      // Lets the replies out before the next point can kill.
      await new Promise((resolve) => setTimeout(resolve, 2));
      failpoints.hit('spool.acked');
    }
    if (segment.bytes >= options.segmentBytes || segment.rows >= MAX_SEGMENT_ROWS) sealWanted = true;
    else considerAge();
  }

  /** A call, because the state may change while a write is under way. */
  function hasFailed(): boolean {
    return state === 'failed';
  }

  async function undo(segment: Active, fault: WriteFault): Promise<void> {
    unclean = true;
    onFault(fault);
    if (fault.kind === 'space') await clean(segment);
  }

  /** Cuts unacknowledged bytes off; tried again by the probe when it fails for want of space. */
  async function clean(segment: Active): Promise<boolean> {
    try {
      await rollBack(writer, segment);
      unclean = false;
      return true;
    } catch (error) {
      onFault(writeFault(error));
      return false;
    }
  }

  async function sealActive(segment: Active): Promise<void> {
    failpoints?.hit('spool.seal');
    const sealedAtMs = now();
    const fault = await sealSegment(writer, segment, sealedAtMs);
    if (fault?.kind === 'fault') return onFault(fault);
    // Without its seal a segment is whole all the same: nothing is appended any more, and no tail was left.
    if (fault !== undefined)
      log.warn({ err: fault.error, segment: segment.id }, 'a segment is sealed in memory only');
    failpoints?.hit('spool.sealed');
    // Both in one turn, so that the segment is counted as waiting at any moment.
    active = undefined;
    const { id, base, bytes, rows, firstAppendAtMs, receiptState, resolveStored } = segment;
    segments.push({
      id,
      base,
      path: `${base}.seg`,
      ranges: [{ start: 0, end: bytes }],
      bytes,
      rows,
      sealedAtMs,
      recovered: false,
      changed: false,
      firstAppendAtMs,
      receiptState,
      resolveStored,
      verified: true,
      prepareAttempts: 0,
    });
    await closeSegment(writer, segment);
    if (draining || state !== 'open') return;
    spare = makeSegment();
    spare.catch(() => undefined);
  }

  function considerAge(): void {
    clearTimeout(ageTimer);
    if (!canSeal() || sealWanted || active === undefined || active.blocks === 0 || segments.waiting === 0)
      return;
    const dueMs = dueAgeMs();
    // A clock that was set back must not keep spans from being loaded.
    const leftMs = Math.min(dueMs, dueMs - (now() - active.firstAppendAtMs));
    if (leftMs > 0) {
      ageTimer = setTimeout(considerAge, leftMs).unref();
      return;
    }
    sealWanted = true;
    kick();
  }

  /**
   * While an insert runs, the next one waits for as long as inserts take: segments stay small, and their spans
   * queryable soon, while ClickHouse keeps up, and grow where few large inserts are what helps it.
   */
  function dueAgeMs(): number {
    const { segmentAgeMs } = options;
    if (segments.inHand === 0) return segmentAgeMs;
    return Math.min(Math.max(segmentAgeMs, segments.lastLoadMs), MAX_AGE_FACTOR * segmentAgeMs);
  }

  function onFault({ kind, error }: WriteFault): void {
    if (kind === 'fault') fail(error);
    else if (state === 'open') exhaust(error);
  }

  /** What is sealed is still loaded; the active segment waits for a restart, which reads its checksums back. */
  function fail(error: unknown): void {
    if (state === 'failed' || state === 'closed') return;
    state = 'failed';
    reason = `the spool cannot make spans durable: ${messageOf(error)}`;
    clearInterval(probeTimer);
    log.fatal(
      { err: error, segment: active?.id },
      'the spool failed and takes nothing in until the engine is restarted',
    );
    refuseQueued();
  }

  function exhaust(error: unknown): void {
    state = 'exhausted';
    reason = `the disk of the spool takes no more: ${messageOf(error)}`;
    log.error({ err: error }, 'the disk of the spool takes no more; appends are refused until it does');
    refuseQueued();
    probeTimer = setInterval(() => void probe(), PROBE_INTERVAL_MS).unref();
  }

  function refuseQueued(): void {
    const refused = queue;
    queue = [];
    const error = refusal();
    for (const { record, reject } of refused) {
      queuedBytes -= record.block.byteLength;
      reject(error);
    }
  }

  /** Opens the spool again when the disk takes writes. */
  async function probe(): Promise<void> {
    if (probing || state !== 'exhausted') return;
    probing = true;
    try {
      if (active !== undefined && unclean && !(await clean(active))) return;
      if ((await disk.refresh()) < options.reserveBytes) return;
      await tryToWrite();
      if (active === undefined) await (spare ??= makeSegment());
      if (state !== 'exhausted') return;
      state = 'open';
      reason = '';
      clearInterval(probeTimer);
      log.info('the disk of the spool takes writes again');
      considerAge();
    } catch (error) {
      spare = undefined;
      if (writeFault(error).kind === 'fault') fail(error);
    } finally {
      probing = false;
    }
  }

  /** Free space as reported says nothing about quotas and inodes; a real file does. */
  async function tryToWrite(): Promise<void> {
    const path = `${directory}/probe`;
    await removeIfThere(files, path);
    const fd = await files.open(path, 'wx');
    try {
      await writeAll(files, fd, [Buffer.alloc(PROBE_BYTES)], 0);
      await syncFile(files, fd);
    } finally {
      await files.close(fd);
      await removeIfThere(files, path);
    }
  }

  async function seal(): Promise<void> {
    while (state === 'open' && (queue.length > 0 || (active?.blocks ?? 0) > 0)) {
      if (queue.length === 0) sealWanted = true;
      kick();
      await running;
    }
  }

  return {
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    get bytes() {
      return queuedBytes + (active?.bytes ?? 0);
    },
    get rows() {
      return active?.rows ?? 0;
    },
    oldestAppendAtMs: () =>
      active === undefined || active.blocks === 0 ? undefined : active.firstAppendAtMs,
    append,
    considerAge,
    seal,
    fail,
    async close() {
      draining = true;
      await seal();
      if (state !== 'failed') state = 'closed';
      clearTimeout(ageTimer);
      clearInterval(probeTimer);
      refuseQueued();
      await running;
      for (const open of [active, await spare?.catch(() => undefined)]) {
        if (open === undefined) continue;
        await closeSegment(writer, open);
        if (open.blocks > 0 || unclean) continue;
        for (const extension of ['seg', 'idx']) {
          await removeIfThere(files, `${open.base}.${extension}`).catch(() => undefined);
        }
      }
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
