import type { Logger } from '../../observability/log.js';
import type { ReceiptEntry } from './contract.js';
import type { Failpoints } from './failpoints.js';
import { readRange, readWhole, removeIfThere, replaceFile, syncFile, type SpoolFiles } from './files.js';
import { encodeFrame, scanFrames, type Crc32c } from './frames.js';
import { segmentNumber } from './identity.js';
import type { Quarantine } from './quarantine.js';
import { checkSegment, mergeRanges, type DamagedStretch, type SegmentCheck } from './segment-check.js';
import type { ByteRange } from './segment-source.js';
import type { SequenceMark } from './sequence-mark.js';
import { decodeSidecar, encodeHead, encodeSeal } from './sidecar.js';

/** What a start found in the spool folder. Counts are of this start; damage is also kept in `quarantine/`. */
export interface RecoveryReport {
  segments: number;
  rows: number;
  bytes: number;
  /** Segments that were stored already; only their deletion was left to do. */
  swept: number;
  /** Records of unfinished writes that were cut off; nobody was told that they are safe. */
  tornRecords: number;
  quarantinedRecords: number;
  quarantinedRows: number;
  duplicateSegments: number;
  /** Left alone: written by another format version. */
  unknownVersion: string[];
  /** Left alone: not ours. */
  foreign: string[];
  /** Left alone for now: reading or repairing failed, and is tried again when its turn comes. */
  unreadable: string[];
}

export interface RecoveryOptions {
  readonly files: SpoolFiles;
  readonly directory: string;
  readonly crc32c: Crc32c;
  readonly quarantine: Quarantine;
  readonly sequence: SequenceMark;
  readonly log: Logger;
  readonly now: () => number;
  readonly failpoints: Failpoints | undefined;
}

/** A recovered segment, repaired and sealed. */
export interface PreparedSegment {
  readonly id: string;
  readonly base: string;
  readonly ranges: readonly ByteRange[];
  readonly bytes: number;
  readonly rows: number;
  readonly createdAtMs: number;
  readonly sealedAtMs: number;
  readonly changed: boolean;
  readonly receipts: readonly ReceiptEntry[];
  readonly damaged: readonly DamagedStretch[];
  readonly tornRecords: number;
}

/**
 * Makes a segment of an earlier process loadable: cuts what was never acknowledged, copies damage to the
 * quarantine, and writes the sidecar anew with only good records and a seal. The segment file itself is never
 * rewritten: what was taken out is simply not in the sidecar any more. The id, and so the deduplication token,
 * stays: had an insert of the whole segment succeeded before, ClickHouse drops this smaller one, which is right,
 * because all its rows are there. Safe to repeat after a kill at any point.
 *
 * @returns `undefined` when nothing loadable is left (the files are gone then), `'unknown-version'` when another
 * version wrote the segment (untouched). Rejects when files cannot be read or written (untouched, or repeatable).
 */
export async function prepareSegment(
  options: RecoveryOptions,
  base: string,
  verifyBlocks: boolean,
): Promise<PreparedSegment | 'unknown-version' | undefined> {
  const { files, directory, crc32c, failpoints } = options;
  const name = base.slice(directory.length + 1);
  const check = await checkSegment({ files, crc32c, verifyBlocks }, base, name);
  if (check === undefined) return 'unknown-version';
  options.sequence.note(check.highestSequence);
  if (check.damaged.length > 0) {
    await quarantineDamage(options, base, name, check);
    // The sidecar will not tell the numbers of what is taken out any more, and an earlier process may have sent it.
    await options.sequence.keep();
  }
  const rows = check.blocks.reduce((sum, block) => sum + block.rows, 0);
  const bytes = check.blocks.reduce((sum, block) => sum + block.bytes, 0);
  const changed = check.damaged.length > 0 || check.seal?.changed === true;
  let sealedAtMs = check.seal?.sealedAtMs;
  if (check.blocks.length === 0) {
    // First a sidecar without records, so that a kill before the deletion leaves nothing to wonder about.
    const empty = encodeSeal({ changed, blocks: 0, bytes: 0, rows: 0, sealedAtMs: options.now() }, crc32c);
    if (check.damaged.length + check.tornBlocks > 0) {
      await replaceFile(files, directory, `${name}.idx`, [
        encodeHead(check.id, check.createdAtMs, crc32c),
        empty,
      ]);
    }
    await removeIfThere(files, `${base}.seg`);
    await removeIfThere(files, `${base}.idx`);
  } else if (sealedAtMs === undefined || check.damaged.length > 0 || check.sidecarDamage.length > 0) {
    sealedAtMs ??= options.now();
    await syncExisting(files, `${base}.seg`);
    failpoints?.hit('recovery.checked');
    await replaceFile(files, directory, `${name}.idx`, [
      encodeHead(check.id, check.createdAtMs, crc32c),
      ...check.blocks.map((block) => encodeFrame(check.payloads.get(block)!, crc32c)),
      encodeSeal({ changed, blocks: check.blocks.length, bytes, rows, sealedAtMs }, crc32c),
    ]);
    failpoints?.hit('recovery.sealed');
  }
  return {
    id: check.id,
    base,
    ranges: mergeRanges(check.blocks),
    bytes,
    rows,
    createdAtMs: check.blocks[0]?.appendedAtMs ?? check.createdAtMs,
    sealedAtMs: sealedAtMs ?? 0,
    changed,
    receipts: check.blocks.flatMap((block) => block.receipts),
    damaged: check.damaged,
    tornRecords: check.tornBlocks,
  };
}

async function quarantineDamage(
  options: RecoveryOptions,
  base: string,
  name: string,
  check: SegmentCheck,
): Promise<void> {
  const { files, quarantine } = options;
  const fd = await files.open(`${base}.seg`, 'r');
  try {
    for (const { range, rows, reason } of check.damaged) {
      const bytes = await readRange(files, fd, range.start, range.end);
      const note = { segment: check.id, reason, rows, offset: range.start };
      await quarantine.copy(`${name}-${range.start}`, bytes, note);
    }
  } finally {
    await files.close(fd);
  }
  for (const { start, end } of check.sidecarDamage) {
    const note = { segment: check.id, reason: 'damaged bytes of the sidecar', offset: start };
    await quarantine.copy(`${name}-idx-${start}`, check.sidecar.subarray(start, end), note);
  }
}

async function syncExisting(files: SpoolFiles, path: string): Promise<void> {
  const fd = await files.open(path, 'r+');
  try {
    await syncFile(files, fd);
  } finally {
    await files.close(fd);
  }
}

/** What lies in the spool folder, by segment name. */
export interface SpoolFolder {
  /** Names in order of age, each with the extensions that are there. */
  readonly segments: ReadonlyMap<string, ReadonlySet<string>>;
  readonly foreign: readonly string[];
  readonly lastNumber: number;
}

const OWN_FILES = new Set(['spool.json', 'sequence', 'lock', 'quarantine', 'probe']);
const EXTENSIONS = new Set(['seg', 'idx', 'done', 'split']);

/** Lists the folder and removes temporary files of interrupted writes. */
export async function readFolder(files: SpoolFiles, directory: string): Promise<SpoolFolder> {
  const segments = new Map<string, Set<string>>();
  const foreign: string[] = [];
  let lastNumber = 0;
  for (const name of (await files.list(directory)).sort()) {
    const [stem = '', extension = '', temporary] = name.split('.');
    const number = segmentNumber(stem);
    if (number !== undefined && EXTENSIONS.has(extension)) {
      lastNumber = Math.max(lastNumber, number);
      if (temporary === 'tmp') await removeIfThere(files, `${directory}/${name}`);
      else if (temporary === undefined) segments.set(stem, (segments.get(stem) ?? new Set()).add(extension));
      else foreign.push(name);
    } else if (name === 'spool.json.tmp' || name === 'sequence.tmp') {
      await removeIfThere(files, `${directory}/${name}`);
    } else if (!OWN_FILES.has(name) && !name.startsWith('lock.')) {
      foreign.push(name);
    }
  }
  return { segments: new Map([...segments].sort(([a], [b]) => byNumber(a, b))), foreign, lastNumber };
}

function byNumber(a: string, b: string): number {
  return (segmentNumber(a) ?? 0) - (segmentNumber(b) ?? 0) || (a < b ? -1 : 1);
}

/**
 * Finishes the deletion of a segment whose checkpoint (`.done`) stands. Order: the large file first, so that a
 * full disk gets room; the sequence mark and the receipts next, so that they outlive their sidecar; the checkpoint
 * last, and at the next start when the mark cannot be written now.
 *
 * @returns the receipts of the segment.
 */
export async function retireSegment(
  options: RecoveryOptions,
  base: string,
  keepReceipts: (receipts: readonly ReceiptEntry[]) => Promise<void>,
): Promise<ReceiptEntry[]> {
  const { files, directory, crc32c, failpoints, log } = options;
  await removeIfThere(files, `${base}.seg`);
  failpoints?.hit('spool.segment-unlinked');
  const receipts: ReceiptEntry[] = [];
  for (const { payload } of scanFrames(await readWhole(files, `${base}.done`), crc32c).frames) {
    const frame = decodeSidecar(payload);
    if (frame?.kind !== 'block') continue;
    receipts.push(...frame.receipts);
    options.sequence.note(frame.seqLast);
  }
  try {
    await keepReceipts(receipts);
  } catch (error) {
    log.warn(
      { err: error, segment: base },
      'receipts cannot be journaled; after a restart they are not known',
    );
  }
  failpoints?.hit('spool.receipts-kept');
  try {
    await options.sequence.keep();
  } catch (error) {
    log.warn(
      { err: error, segment: base },
      'the sequence mark cannot be written; the checkpoint stays for it',
    );
    return receipts;
  }
  await removeIfThere(files, `${base}.split`);
  await removeIfThere(files, `${base}.idx`);
  await removeIfThere(files, `${base}.done`);
  failpoints?.hit('spool.unlinked');
  await files.syncDirectory(directory);
  return receipts;
}
