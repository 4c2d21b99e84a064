import type { Logger } from '../../observability/log.js';
import type { DrainRate } from './disk-guard.js';
import type { Failpoints } from './failpoints.js';
import { errnoOf, readWhole, removeIfThere } from './files.js';
import { scanFrames } from './frames.js';
import type { MutableReceiptBook, ReceiptState } from './receipt-book.js';
import type { ReceiptJournal } from './receipt-journal.js';
import { countDamage } from './recover-spool.js';
import { prepareSegment, retireSegment, type RecoveryOptions, type RecoveryReport } from './recovery.js';
import type { ByteRange, SealedSegment, SegmentSource, StoredRecord } from './segment-source.js';
import { decodeSidecar } from './sidecar.js';
import type { SpanLedger } from './span-ledger.js';

const RETRY_UNREADABLE_MS = 1000;
const MAX_PREPARE_ATTEMPTS = 30;

/** A sealed segment with what only the spool needs to know. */
export interface QueuedSegment extends SealedSegment {
  id: string;
  ranges: readonly ByteRange[];
  bytes: number;
  rows: number;
  sealedAtMs: number;
  changed: boolean;
  readonly firstAppendAtMs: number;
  readonly receiptState: ReceiptState;
  readonly resolveStored: () => void;
  /** False until the blocks of a recovered segment were read back and checked. */
  verified: boolean;
  prepareAttempts: number;
  /** When it was handed out last, on the monotonic clock. */
  takenAtMs?: number;
}

export interface SegmentQueueOptions {
  readonly recovery: RecoveryOptions;
  /** Damage that is found later is added. */
  readonly report: RecoveryReport;
  readonly book: MutableReceiptBook;
  readonly journal: ReceiptJournal;
  readonly drainRate: DrainRate;
  readonly log: Logger;
  readonly ledger: Pick<SpanLedger, 'quarantined'> | undefined;
  /** Somebody waits for a segment, or one was completed: the young segment may have to be sealed. */
  readonly onDemand: () => void;
}

export interface SegmentQueue extends Omit<SegmentSource, 'pressure'> {
  push(segment: QueuedSegment): void;
  /** Callers waiting in `take`. */
  readonly waiting: number;
  /** Segments handed out and not yet completed. */
  readonly inHand: number;
  /** How long the segment that was completed last had been in hand: what an insert takes now. */
  readonly lastLoadMs: number;
  readonly bytes: number;
  readonly rows: number;
  oldestAppendAtMs(): number | undefined;
  /** Segments set aside in this process. */
  readonly asideCount: number;
  close(): void;
}

/** Sealed segments in order, from the seal (or recovery) to the deletion. */
export function createSegmentQueue(options: SegmentQueueOptions): SegmentQueue {
  const { recovery, book, journal, log } = options;
  const { files, directory, crc32c } = recovery;
  const failpoints: Failpoints | undefined = recovery.failpoints;
  const ready: QueuedSegment[] = [];
  const inHand = new Set<QueuedSegment>();
  const parked = new Set<QueuedSegment>();
  const aside = new Set<QueuedSegment>();
  let bytes = 0;
  let rows = 0;
  let lastLoadMs = 0;
  const wakers = new Set<() => void>();
  const delayed = new Set<NodeJS.Timeout>();
  let closed = false;

  function wake(): void {
    for (const waker of wakers) waker();
    wakers.clear();
  }

  function waitForSegment(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        wakers.delete(done);
        resolve();
      };
      wakers.add(done);
      signal.addEventListener('abort', done, { once: true });
      options.onDemand();
    });
  }

  /** Whether the segment may be handed out. */
  async function verify(segment: QueuedSegment): Promise<boolean> {
    if (segment.verified) return true;
    try {
      const checkBlocks = failpoints?.planted('crc-skipped') !== true;
      const prepared = await prepareSegment(recovery, segment.base, checkBlocks);
      count(segment, -1);
      if (prepared === 'unknown-version') return false;
      if (prepared === undefined) return false;
      countDamage(prepared, options.report, options.ledger);
      for (const { receipts } of prepared.damaged) book.remove(receipts);
      if (prepared.ranges.length === 0) return false;
      if (segment.ranges.length === 0) book.add(prepared.receipts, segment.receiptState);
      const { id, ranges, sealedAtMs, changed } = prepared;
      Object.assign(segment, { id, ranges, sealedAtMs, changed, verified: true });
      segment.bytes = prepared.bytes;
      segment.rows = prepared.rows;
      count(segment, 1);
      return true;
    } catch (error) {
      log.error({ err: error, segment: segment.id }, 'a spool segment cannot be read or repaired now');
      if (++segment.prepareAttempts >= MAX_PREPARE_ATTEMPTS) {
        setAside(segment, 'it cannot be read or repaired');
        return false;
      }
      parked.add(segment);
      const timer = setTimeout(() => {
        delayed.delete(timer);
        parked.delete(segment);
        ready.push(segment);
        wake();
      }, RETRY_UNREADABLE_MS);
      delayed.add(timer.unref());
      return false;
    }
  }

  function setAside(segment: SealedSegment, reason: string): void {
    inHand.delete(segment as QueuedSegment);
    aside.add(segment as QueuedSegment);
    log.error({ segment: segment.id, reason }, 'a spool segment is set aside until the next start');
    options.onDemand();
  }

  function count(segment: QueuedSegment, sign: 1 | -1): void {
    bytes += sign * segment.bytes;
    rows += sign * segment.rows;
  }

  const queue: SegmentQueue = {
    failpoints,
    push(segment) {
      count(segment, 1);
      ready.push(segment);
      wake();
    },
    async take(signal) {
      while (!signal.aborted && !closed) {
        const segment = ready.shift();
        if (segment === undefined) {
          await waitForSegment(signal);
          continue;
        }
        inHand.add(segment);
        segment.takenAtMs = performance.now();
        if (await verify(segment)) return segment;
        inHand.delete(segment);
      }
      return undefined;
    },
    async records(segment) {
      const records: StoredRecord[] = [];
      for (const { payload } of scanFrames(await readWhole(files, `${segment.base}.idx`), crc32c).frames) {
        const frame = decodeSidecar(payload);
        if (frame?.kind !== 'block') continue;
        const { offset, bytes, rows, crc32c: sum, seqFirst, seqLast } = frame;
        records.push({ offset, bytes, rows, crc32c: sum, seqFirst, seqLast });
      }
      return records;
    },
    async complete(given) {
      const segment = given as QueuedSegment;
      if (failpoints?.planted('unlink-before-checkpoint') === true) await removeIfThere(files, segment.path);
      failpoints?.hit('spool.checkpoint');
      try {
        await files.rename(`${segment.base}.idx`, `${segment.base}.done`);
      } catch (error) {
        // A repeated call: the checkpoint stands already.
        if (errnoOf(error) !== 'ENOENT') throw error;
        await files.size(`${segment.base}.done`);
      }
      await files.syncDirectory(directory);
      failpoints?.hit('spool.checkpointed');
      segment.receiptState.stored = true;
      inHand.delete(segment);
      if (segment.takenAtMs !== undefined) lastLoadMs = performance.now() - segment.takenAtMs;
      count(segment, -1);
      options.drainRate.stored(segment.bytes);
      segment.resolveStored();
      options.onDemand();
      try {
        await retireSegment(recovery, segment.base, (receipts) => journal.append(receipts));
      } catch (error) {
        log.warn(
          { err: error, segment: segment.id },
          'a stored segment cannot be deleted; the next start will',
        );
      }
    },
    setAside,
    get waiting() {
      return wakers.size;
    },
    get inHand() {
      return inHand.size;
    },
    get lastLoadMs() {
      return lastLoadMs;
    },
    get bytes() {
      return bytes;
    },
    get rows() {
      return rows;
    },
    oldestAppendAtMs() {
      let oldest: number | undefined;
      for (const list of [ready.slice(0, 1), inHand, parked, aside]) {
        for (const { firstAppendAtMs } of list) oldest = Math.min(oldest ?? firstAppendAtMs, firstAppendAtMs);
      }
      return oldest;
    },
    get asideCount() {
      return aside.size;
    },
    close() {
      closed = true;
      for (const timer of delayed) clearTimeout(timer);
      wake();
    },
  };
  return queue;
}
