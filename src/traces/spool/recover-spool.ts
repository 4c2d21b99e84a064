import { decodeSidecar } from './sidecar.js';
import { readWhole, removeIfThere } from './files.js';
import { scanFrames } from './frames.js';
import type { MutableReceiptBook } from './receipt-book.js';
import type { ReceiptJournal } from './receipt-journal.js';
import {
  prepareSegment,
  retireSegment,
  type PreparedSegment,
  type RecoveryOptions,
  type RecoveryReport,
  type SpoolFolder,
} from './recovery.js';
import type { QueuedSegment } from './segment-queue.js';
import type { SpanLedger } from './span-ledger.js';

/** Blocks of so many bytes are checked before the start is done; those of a larger backlog when their turn comes. */
const VERIFY_AT_START_BYTES = 512 * 1024 * 1024;

export interface RecoverSpoolOptions extends RecoveryOptions {
  readonly folder: SpoolFolder;
  readonly book: MutableReceiptBook;
  readonly journal: ReceiptJournal;
  readonly ledger: Pick<SpanLedger, 'quarantined'> | undefined;
  readonly push: (segment: QueuedSegment) => void;
}

export function emptyReport(): RecoveryReport {
  return {
    segments: 0,
    rows: 0,
    bytes: 0,
    swept: 0,
    tornRecords: 0,
    quarantinedRecords: 0,
    quarantinedRows: 0,
    duplicateSegments: 0,
    unknownVersion: [],
    foreign: [],
    unreadable: [],
  };
}

/**
 * Goes through the spool folder in order of age. Whatever a file looks like, it is loaded, quarantined, or left
 * alone and reported; one bad file never keeps the rest from being loaded.
 */
export async function recoverSpool(options: RecoverSpoolOptions, report: RecoveryReport): Promise<void> {
  const { files, directory, quarantine, log, failpoints, book } = options;
  report.foreign.push(...options.folder.foreign);
  const found = new Map<string, QueuedSegment>();
  let verifyBytes = VERIFY_AT_START_BYTES;

  for (const [name, extensions] of options.folder.segments) {
    failpoints?.hit('recovery.segment');
    const base = `${directory}/${name}`;
    try {
      if (extensions.has('done')) {
        book.add(await retireSegment(options, base, (receipts) => options.journal.append(receipts)), {
          stored: true,
        });
        report.swept++;
      } else if (extensions.has('seg') && extensions.has('idx')) {
        verifyBytes -= await files.size(`${base}.seg`);
        const verified = verifyBytes > 0;
        const verifyBlocks = verified && failpoints?.planted('crc-skipped') !== true;
        const prepared = await prepareSegment(options, base, verifyBlocks);
        if (prepared === 'unknown-version') report.unknownVersion.push(name);
        else if (prepared !== undefined) await admit(name, prepared, verified);
      } else {
        await dropHalf(name, extensions);
      }
    } catch (error) {
      log.error({ err: error, segment: name }, 'a spool segment cannot be read or repaired at start');
      report.unreadable.push(name);
      if (extensions.has('seg') && extensions.has('idx')) found.set(name, unreadSegment(name, base));
    }
  }

  for (const segment of found.values()) {
    report.segments++;
    report.rows += segment.rows;
    report.bytes += segment.bytes;
    options.push(segment);
  }
  failpoints?.hit('recovery.done');

  async function admit(name: string, prepared: PreparedSegment, verified: boolean): Promise<void> {
    countDamage(prepared, report, options.ledger);
    if (prepared.ranges.length === 0) return;
    const twin = found.get(prepared.id);
    if (twin !== undefined) {
      // Twice the same id: the file that bears its name is the segment, the other one a stray copy.
      const stray = twin.base === `${directory}/${prepared.id}` ? prepared.base : twin.base;
      report.duplicateSegments++;
      const note = {
        segment: stray.slice(directory.length + 1),
        reason: `another file holds segment ${prepared.id}`,
      };
      await quarantine.move([`${stray}.seg`, `${stray}.idx`], note);
      log.error(note, 'a copy of a spool segment was moved to the quarantine');
      if (stray === prepared.base) return;
    }
    const receiptState = { stored: false };
    book.add(prepared.receipts, receiptState);
    found.set(prepared.id, {
      ...unreadSegment(name, prepared.base),
      id: prepared.id,
      ranges: prepared.ranges,
      bytes: prepared.bytes,
      rows: prepared.rows,
      sealedAtMs: prepared.sealedAtMs,
      changed: prepared.changed,
      firstAppendAtMs: prepared.createdAtMs,
      receiptState,
      verified,
    });
  }

  /** A segment that lacks one of its two files. Nothing can be loaded from one alone. */
  async function dropHalf(name: string, extensions: ReadonlySet<string>): Promise<void> {
    const base = `${directory}/${name}`;
    if (extensions.has('split')) await removeIfThere(files, `${base}.split`);
    if (extensions.has('idx')) {
      const { rows, records } = await countRecords(`${base}.idx`);
      // Made, and nothing written yet, or emptied by an earlier recovery.
      if (records === 0) return void (await removeIfThere(files, `${base}.idx`));
      await quarantine.move([`${base}.idx`], { segment: name, reason: 'the segment file is missing', rows });
      report.quarantinedRecords += records;
      report.quarantinedRows += rows;
      options.ledger?.quarantined(rows);
      log.error({ segment: name, records, rows }, 'the file of a spool segment is missing');
    } else if (extensions.has('seg')) {
      if ((await files.size(`${base}.seg`)) === 0) return void (await removeIfThere(files, `${base}.seg`));
      await quarantine.move([`${base}.seg`], { segment: name, reason: 'the sidecar is missing' });
      report.quarantinedRecords++;
      log.error({ segment: name }, 'the sidecar of a spool segment is missing');
    }
  }

  async function countRecords(path: string): Promise<{ rows: number; records: number }> {
    let rows = 0;
    let records = 0;
    for (const { payload } of scanFrames(await readWhole(files, path), options.crc32c).frames) {
      const frame = decodeSidecar(payload);
      if (frame?.kind !== 'block') continue;
      rows += frame.rows;
      records++;
    }
    return { rows, records };
  }
}

/** Enters what a check took out into the report, the ledger and the log. */
export function countDamage(
  prepared: PreparedSegment,
  report: RecoveryReport,
  ledger: Pick<SpanLedger, 'quarantined'> | undefined,
): void {
  report.tornRecords += prepared.tornRecords;
  for (const { rows } of prepared.damaged) {
    report.quarantinedRecords++;
    report.quarantinedRows += rows;
    ledger?.quarantined(rows);
  }
}

function unreadSegment(name: string, base: string): QueuedSegment {
  return {
    id: name,
    base,
    path: `${base}.seg`,
    ranges: [],
    bytes: 0,
    rows: 0,
    sealedAtMs: 0,
    recovered: true,
    changed: false,
    firstAppendAtMs: Date.now(),
    receiptState: { stored: false },
    resolveStored: () => undefined,
    verified: false,
    prepareAttempts: 0,
  };
}
