import type { ReceiptEntry } from './contract.js';
import { readRange, readWhole, type SpoolFiles } from './files.js';
import { isZero, scanFrames, type Crc32c, type Stretch } from './frames.js';
import type { ByteRange } from './segment-source.js';
import {
  SIDECAR_VERSION,
  decodeSidecar,
  type SidecarBlock,
  type SidecarHead,
  type SidecarSeal,
} from './sidecar.js';

const READ_WINDOW_BYTES = 8 * 1024 * 1024;

/** A stretch of the segment file that cannot be loaded although it was, or may have been, acknowledged. */
export interface DamagedStretch {
  readonly range: ByteRange;
  /** Rows as the sidecar tells; 0 when its record is what is damaged. */
  readonly rows: number;
  readonly reason: string;
  readonly receipts: readonly ReceiptEntry[];
}

/** What a look at one segment found. */
export interface SegmentCheck {
  /** The id in the sidecar's head; the file name's when the head is damaged. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly blocks: readonly SidecarBlock[];
  /** The frame payload of each of `blocks`, for writing the sidecar anew. */
  readonly payloads: ReadonlyMap<SidecarBlock, Buffer>;
  readonly damaged: readonly DamagedStretch[];
  /** Stretches of the sidecar that hold no valid frame; their bytes are kept with the damage. */
  readonly sidecarDamage: readonly Stretch[];
  readonly sidecar: Buffer;
  readonly seal: SidecarSeal | undefined;
  /** Records of an unfinished write were left out; nobody was told that they are safe. */
  readonly tornBlocks: number;
  /** Over all records, also those that cannot be loaded: an earlier process may have sent them. */
  readonly highestSequence: bigint;
}

export interface CheckOptions {
  readonly files: SpoolFiles;
  readonly crc32c: Crc32c;
  /** Also read the segment file and check every block. */
  readonly verifyBlocks: boolean;
}

/**
 * Reads a segment's sidecar and, when asked, its blocks. Changes nothing.
 *
 * A bad end of a segment that was never sealed is an unfinished write and is left out, when it looks like
 * one: a file that ends too early, or zeros. Whatever else is bad may have been acknowledged, so it is
 * reported as damage.
 *
 * @returns `undefined` when another format version wrote the sidecar. Rejects when a file cannot be read.
 */
export async function checkSegment(
  options: CheckOptions,
  base: string,
  nameId: string,
): Promise<SegmentCheck | undefined> {
  const { files } = options;
  const sidecar = await readWhole(files, `${base}.idx`);
  const scan = scanFrames(sidecar, options.crc32c);
  let head: SidecarHead | undefined;
  let seal: SidecarSeal | undefined;
  const blocks: SidecarBlock[] = [];
  const payloads = new Map<SidecarBlock, Buffer>();
  const damaged: DamagedStretch[] = [];
  let highestSequence = 0n;
  for (const { payload } of scan.frames) {
    const frame = decodeSidecar(payload);
    if (frame === undefined || (frame.kind === 'head' && frame.version !== SIDECAR_VERSION)) return undefined;
    if (frame.kind === 'block' && frame.seqLast > highestSequence) highestSequence = frame.seqLast;
    if (frame.kind === 'head') head ??= frame;
    else if (frame.kind === 'seal') seal = frame;
    else if (frame.offset >= endOf(blocks)) {
      blocks.push(frame);
      payloads.set(frame, payload);
    }
  }

  const segmentBytes = await files.size(`${base}.seg`);
  let tornBlocks = 0;
  const takeOut = (index: number, reason: string, torn: boolean): void => {
    const [block] = blocks.splice(index, 1);
    if (torn && seal === undefined && index === blocks.length) tornBlocks++;
    else damaged.push({ range: rangeOf(block!), rows: block!.rows, reason, receipts: block!.receipts });
  };
  for (let index = blocks.length - 1; index >= 0; index--) {
    if (blocks[index]!.offset + blocks[index]!.bytes > segmentBytes)
      takeOut(index, 'the segment file ends before', true);
  }
  if (options.verifyBlocks) {
    for (const { index, zeros } of (await findBadBlocks(options, base, blocks)).reverse()) {
      takeOut(index, 'the checksum of the block does not match', zeros);
    }
  }

  if (
    head === undefined &&
    blocks.length === 0 &&
    damaged.length === 0 &&
    scan.damage.length === 0 &&
    segmentBytes > 0
  ) {
    damaged.push({
      range: { start: 0, end: segmentBytes },
      rows: 0,
      reason: 'the sidecar is empty',
      receipts: [],
    });
  }
  // Bytes that no valid record accounts for belong to records whose sidecar entry is damaged.
  if (scan.damage.length > 0) {
    const accounted = [...blocks.map(rangeOf), ...damaged.map(({ range }) => range)].sort(
      (a, b) => a.start - b.start,
    );
    const gaps = gapsBetween(
      accounted,
      seal === undefined && scan.tail !== 'damaged' ? undefined : segmentBytes,
    );
    for (const range of gaps) {
      damaged.push({ range, rows: 0, reason: 'the sidecar record is damaged', receipts: [] });
    }
  }
  return {
    id: head?.id ?? nameId,
    createdAtMs: head?.createdAtMs ?? 0,
    blocks,
    payloads,
    damaged,
    sidecarDamage: scan.damage,
    sidecar,
    seal,
    tornBlocks,
    highestSequence,
  };
}

/** Indexes of blocks whose bytes do not match their checksum, ascending. Reads many small blocks at once. */
async function findBadBlocks(
  options: CheckOptions,
  base: string,
  blocks: readonly SidecarBlock[],
): Promise<{ index: number; zeros: boolean }[]> {
  const { files, crc32c } = options;
  const bad: { index: number; zeros: boolean }[] = [];
  const fd = await files.open(`${base}.seg`, 'r');
  try {
    let from = 0;
    while (from < blocks.length) {
      const start = blocks[from]!.offset;
      let to = from + 1;
      while (to < blocks.length && rangeOf(blocks[to]!).end - start <= READ_WINDOW_BYTES) to++;
      const window = await readRange(files, fd, start, rangeOf(blocks[to - 1]!).end);
      for (let index = from; index < to; index++) {
        const block = blocks[index]!;
        const bytes = window.subarray(block.offset - start, block.offset - start + block.bytes);
        if (bytes.length !== block.bytes || crc32c(bytes) !== block.crc32c)
          bad.push({ index, zeros: isZero(bytes) });
      }
      from = to;
    }
  } finally {
    await files.close(fd);
  }
  return bad;
}

function rangeOf(block: SidecarBlock): ByteRange {
  return { start: block.offset, end: block.offset + block.bytes };
}

function endOf(blocks: readonly SidecarBlock[]): number {
  const last = blocks.at(-1);
  return last === undefined ? 0 : last.offset + last.bytes;
}

/** Neighbouring stretches joined into one. */
export function mergeRanges(blocks: readonly SidecarBlock[]): ByteRange[] {
  const merged: { start: number; end: number }[] = [];
  for (const range of blocks.map(rangeOf)) {
    const last = merged.at(-1);
    if (last !== undefined && last.end === range.start) last.end = range.end;
    else merged.push({ ...range });
  }
  return merged;
}

/** Stretches between the ranges, and the one behind them up to `end` when it is given. */
function gapsBetween(ranges: readonly ByteRange[], end: number | undefined): ByteRange[] {
  const gaps: ByteRange[] = [];
  let at = 0;
  for (const range of ranges) {
    if (range.start > at) gaps.push({ start: at, end: range.start });
    at = Math.max(at, range.end);
  }
  if (end !== undefined && end > at) gaps.push({ start: at, end });
  return gaps;
}
