import type { Registry } from 'prom-client';
import type { Config } from '../../config/config.js';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { createAppender, type Appender } from './appender.js';
import type { Commit, ReceiptBook, Spool, SpoolPressure, SpoolRecord } from './contract.js';
import { createDiskGuard, createDrainRate, retryAfterSeconds } from './disk-guard.js';
import { createFailpoints } from './failpoints.js';
import { nodeFiles, type SpoolFiles } from './files.js';
import type { Crc32c } from './frames.js';
import { createSegmentIds, loadSpoolId } from './identity.js';
import { acquireLock, type SpoolLock } from './lock.js';
import { createQuarantine } from './quarantine.js';
import { createReceiptBook } from './receipt-book.js';
import { createReceiptJournal } from './receipt-journal.js';
import { emptyReport, recoverSpool } from './recover-spool.js';
import { readFolder, type RecoveryOptions, type RecoveryReport } from './recovery.js';
import { createSegmentQueue } from './segment-queue.js';
import type { SegmentSource } from './segment-source.js';
import { createSequenceMark } from './sequence-mark.js';
import { isEncodable } from './sidecar.js';
import type { SpanLedger } from './span-ledger.js';
import { registerSpoolMetrics } from './spool-metrics.js';

const MAX_RECEIPTS_IN_MEMORY = 250_000;
const MAX_RECEIPT_JOURNAL_BYTES = 64 * 1024 * 1024;

export interface SpoolOptions extends Pick<
  Config,
  | 'dataDir'
  | 'spoolMaxBytes'
  | 'spoolReserveBytes'
  | 'spoolSegmentBytes'
  | 'spoolSegmentAgeMs'
  | 'durability'
  | 'receiptRetentionHours'
> {
  readonly crc32c: Crc32c;
  readonly log: Logger;
  readonly registry?: Registry;
  readonly ledger?: Pick<SpanLedger, 'quarantined'>;
  /** Default: the real file system. */
  readonly files?: SpoolFiles;
  /** Where the fault injection of the crash suite is read from. Default: the environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface SpoolHealth {
  /** `degraded`: works, but something needs attention. `failed`: takes nothing in until it is restarted. */
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly reason: string;
}

export interface DurableSpool extends Spool, SegmentSource {
  /** Random id of this spool, the first part of its deduplication tokens. */
  readonly spoolId: string;
  readonly receipts: ReceiptBook;
  readonly recovery: RecoveryReport;
  /** Highest sequence number that an earlier start may have given to a span; 0 in a new spool. */
  readonly highestSequence: bigint;
  pressure(): SpoolPressure;
  health(): SpoolHealth;
  /** Commits what waits and seals the young segment now, whatever its age. */
  seal(): Promise<void>;
}

/**
 * Opens the spool under `<dataDir>/spool`: takes its lock, recovers what an earlier process left, and starts to
 * take appends. Damage never keeps it from starting.
 *
 * @throws MplpError `MPLP_ERR_TRACES_SPOOL_LOCKED` when another engine uses the spool; `MPLP_ERR_TRACES_SPOOL_FAILED`
 * when the folder cannot be used at all.
 */
export async function createSpool(options: SpoolOptions): Promise<DurableSpool> {
  const { log, crc32c, ledger } = options;
  const failpoints = createFailpoints(options.env ?? process.env);
  const bareFiles = options.files ?? nodeFiles();
  const files = failpoints?.watch(bareFiles) ?? bareFiles;
  const directory = `${options.dataDir}/spool`;
  const now = (): number => Date.now();
  const monotonicMs = (): number => performance.now();
  const disk = createDiskGuard(files, directory, monotonicMs);
  const drainRate = createDrainRate(monotonicMs);
  const book = createReceiptBook(MAX_RECEIPTS_IN_MEMORY);
  const report = emptyReport();
  const sequence = createSequenceMark(files, directory, crc32c, log);
  const recovery: RecoveryOptions = {
    files,
    directory,
    crc32c,
    quarantine: createQuarantine(files, `${directory}/quarantine`),
    sequence,
    log,
    now,
    failpoints,
  };
  const journal = createReceiptJournal({
    files,
    directory: `${options.dataDir}/receipts`,
    retentionHours: options.receiptRetentionHours,
    maxBytes: MAX_RECEIPT_JOURNAL_BYTES,
    crc32c,
    log,
    now,
  });
  const segments = createSegmentQueue({
    recovery,
    report,
    book,
    journal,
    drainRate,
    log,
    ledger,
    onDemand: () => appender?.considerAge(),
  });
  let lock: SpoolLock | undefined;
  let appender: Appender | undefined = undefined;
  let spoolId: string;
  let nextId: () => string;
  try {
    await files.makeDirectory(directory);
    lock = await acquireLock(`${directory}/lock`, log, () => {
      appender?.fail(new Error('another engine took the spool over'));
      segments.close();
    });
    spoolId = await loadSpoolId(files, directory, log);
    const folder = await readFolder(files, directory);
    await sequence.load();
    await journal.load(book, MAX_RECEIPTS_IN_MEMORY);
    await recoverSpool({ ...recovery, folder, book, journal, push: segments.push, ledger }, report);
    await disk.refresh();
    nextId = createSegmentIds(spoolId, folder.lastNumber);
  } catch (error) {
    await lock?.release();
    if (error instanceof MplpError) throw error;
    throw new MplpError('MPLP_ERR_TRACES_SPOOL_FAILED', `The spool folder ${directory} cannot be used.`, {
      cause: error,
    });
  }
  logRecovery(report, log);

  const writing: Appender = createAppender({
    writer: { files, directory, crc32c, now, failpoints },
    nextId,
    segmentBytes: options.spoolSegmentBytes,
    segmentAgeMs: options.spoolSegmentAgeMs,
    reserveBytes: options.spoolReserveBytes,
    syncsFirst: options.durability === 'spooled' && failpoints?.planted('ack-before-fsync') !== true,
    book,
    segments,
    disk,
    log,
    refusal: () =>
      refusal() ??
      new MplpError('MPLP_ERR_TRACES_SPOOL_FULL', 'The disk of the spool was full.', {
        retryAfterSeconds: 1,
      }),
    onCommitted: (records, bytes, durationMs) => metrics.committed(records, bytes, durationMs),
  });
  appender = writing;
  const metrics = registerSpoolMetrics(
    options.registry,
    pressure,
    () => writing.state === 'failed',
    () => report.quarantinedRecords,
  );
  const highestSequence = sequence.highest;
  let closing: Promise<void> | undefined;

  function pressure(): SpoolPressure {
    const unstoredBytes = segments.bytes + writing.bytes;
    const code = codeFor(unstoredBytes);
    const oldestMs = segments.oldestAppendAtMs() ?? writing.oldestAppendAtMs();
    return {
      accepts: code === 'ok',
      code,
      // Room for a tenth of the spool, so that a client that comes back is not sent away again at once.
      retryAfterSeconds: retryAfterSeconds(options.spoolMaxBytes / 10, drainRate.bytesPerSecond()),
      unstoredBytes,
      unstoredRows: segments.rows + writing.rows,
      oldestUnstoredAgeMs: oldestMs === undefined ? 0 : Math.max(0, now() - oldestMs),
    };
  }

  function codeFor(unstoredBytes: number): SpoolPressure['code'] {
    if (writing.state === 'failed' || writing.state === 'closed') return 'failed';
    if (writing.state === 'exhausted' || disk.freeBytes() < options.spoolReserveBytes) return 'disk';
    return unstoredBytes >= options.spoolMaxBytes ? 'full' : 'ok';
  }

  function health(): SpoolHealth {
    if (writing.state === 'failed') return { status: 'failed', reason: writing.reason };
    const { code } = pressure();
    const reasons = [
      writing.reason,
      code === 'ok' ? '' : `the spool takes nothing in: ${code}`,
      segments.asideCount === 0 ? '' : 'segments of the spool cannot be read; the log names them',
      report.quarantinedRecords === 0 ? '' : 'damaged records were moved to the quarantine folder',
    ];
    const reason = reasons.filter((text) => text !== '').join('; ');
    return { status: reason === '' ? 'ok' : 'degraded', reason };
  }

  function refusal(): MplpError | undefined {
    if (closing !== undefined) return new MplpError('MPLP_ERR_TRACES_DRAINING', 'The spool is closed.');
    const { code, retryAfterSeconds: seconds } = pressure();
    if (code === 'ok') return undefined;
    if (code === 'failed') {
      return new MplpError(
        'MPLP_ERR_TRACES_SPOOL_FAILED',
        'The spool could not make spans durable; the engine must be restarted.',
      );
    }
    const detail =
      code === 'full' ? 'ClickHouse is behind and the spool is full.' : 'The disk of the spool is full.';
    return new MplpError('MPLP_ERR_TRACES_SPOOL_FULL', detail, { retryAfterSeconds: seconds });
  }

  async function append(record: SpoolRecord): Promise<Commit> {
    failpoints?.hit('spool.append');
    const refused = refusal();
    if (refused !== undefined) throw refused;
    if (record.rows < 1 || !record.receipts.every(isEncodable)) {
      throw new TypeError('a spool record needs rows, its receipts a UUID and a hash of 32 hex digits');
    }
    return writing.append(record);
  }

  async function close(): Promise<void> {
    await writing.close();
    segments.close();
    await journal.close();
    metrics.unregister();
    await lock?.release();
  }

  const { take, records, complete, setAside } = segments;
  return {
    spoolId,
    receipts: book,
    recovery: report,
    highestSequence,
    failpoints,
    append,
    pressure,
    health,
    seal: () => writing.seal(),
    take,
    records,
    complete,
    setAside,
    close: () => (closing ??= close()),
  };
}

function logRecovery(report: RecoveryReport, log: Logger): void {
  const { segments, quarantinedRecords, duplicateSegments, unknownVersion, foreign, unreadable } = report;
  const odd =
    quarantinedRecords + duplicateSegments + unknownVersion.length + foreign.length + unreadable.length;
  if (odd > 0) log.error({ recovery: report }, 'the spool held files that are damaged or not its own');
  else if (segments > 0) log.info({ recovery: report }, 'the spool goes on with what an earlier start left');
}
