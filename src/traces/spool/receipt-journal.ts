import type { Logger } from '../../observability/log.js';
import type { ReceiptEntry } from './contract.js';
import { removeIfThere, readWhole, syncFile, writeAll, type SpoolFiles } from './files.js';
import { FRAME_HEADER_BYTES, scanFrames, sealFrame, type Crc32c } from './frames.js';
import type { MutableReceiptBook } from './receipt-book.js';
import { readReceipts, receiptsBytes, writeReceipts } from './sidecar.js';

/*
 * Receipts of segments that are stored and deleted: `<receipts>/<hour>-<number>.receipts`, frames with the payload
 *   0 u8 kind 4 · 4 u32 receipts · 8 f64 stored, ms · 16 receipts as in a sidecar, with their content hashes
 */
const KIND_RECEIPTS = 4;
const HEAD_BYTES = 16;
const FRAME_TARGET_BYTES = 64 * 1024;
const FILE_TARGET_BYTES = 8 * 1024 * 1024;
const NAME = /^(\d{10})-(\d{6})\.receipts$/;

export interface ReceiptJournalOptions {
  readonly files: SpoolFiles;
  readonly directory: string;
  readonly retentionHours: number;
  readonly maxBytes: number;
  readonly crc32c: Crc32c;
  readonly log: Logger;
  readonly now: () => number;
}

export interface ReceiptJournal {
  /** Puts at most `capacity` of the newest receipts into the book. Damaged files give what they still hold. */
  load(book: MutableReceiptBook, capacity: number): Promise<void>;
  /** Durable when it resolves. */
  append(receipts: readonly ReceiptEntry[]): Promise<void>;
  close(): Promise<void>;
}

interface JournalFile {
  readonly name: string;
  readonly hour: string;
  bytes: number;
}

export function createReceiptJournal(options: ReceiptJournalOptions): ReceiptJournal {
  const { files, directory, crc32c, log } = options;
  let known: JournalFile[] = [];
  let open: { fd: number; file: JournalFile } | undefined;
  let number = 0;
  let chain: Promise<unknown> = Promise.resolve();

  async function openFor(hour: string): Promise<{ fd: number; file: JournalFile }> {
    if (open !== undefined && open.file.hour === hour && open.file.bytes < FILE_TARGET_BYTES) return open;
    if (open !== undefined) await files.close(open.fd);
    open = undefined;
    const name = `${hour}-${String(++number).padStart(6, '0')}.receipts`;
    const fd = await files.open(`${directory}/${name}`, 'wx');
    const file = { name, hour, bytes: 0 };
    open = { fd, file };
    known.push(file);
    await files.syncDirectory(directory);
    await dropOld();
    return open;
  }

  async function dropOld(): Promise<void> {
    const oldestHour = hourOf(options.now() - options.retentionHours * 3_600_000);
    let total = known.reduce((sum, file) => sum + file.bytes, 0);
    while (known.length > 1 && (known[0]!.hour < oldestHour || total > options.maxBytes)) {
      const dropped = known.shift()!;
      total -= dropped.bytes;
      await removeIfThere(files, `${directory}/${dropped.name}`);
    }
  }

  async function append(receipts: readonly ReceiptEntry[]): Promise<void> {
    const { fd, file } = await openFor(hourOf(options.now()));
    const frames = encodeFrames(receipts, options.now(), crc32c);
    try {
      const end = await writeAll(files, fd, frames, file.bytes);
      await syncFile(files, fd);
      file.bytes = end;
    } catch (error) {
      // The end of this file is unknown now; the next append begins another one.
      open = undefined;
      await files.close(fd).catch(() => undefined);
      throw error;
    }
  }

  return {
    async load(book, capacity) {
      await files.makeDirectory(directory);
      for (const name of (await files.list(directory)).sort()) {
        const match = NAME.exec(name);
        if (match === null) continue;
        known.push({ name, hour: match[1]!, bytes: await files.size(`${directory}/${name}`) });
        number = Math.max(number, Number(match[2]));
      }
      const oldestHour = hourOf(options.now() - options.retentionHours * 3_600_000);
      const batches: ReceiptEntry[][] = [];
      let count = 0;
      for (const file of known.toReversed()) {
        if (file.hour < oldestHour || count >= capacity) break;
        try {
          const scan = scanFrames(await readWhole(files, `${directory}/${file.name}`), crc32c);
          for (const { payload } of scan.frames.toReversed()) {
            if (count >= capacity) break;
            if (payload[0] !== KIND_RECEIPTS) continue;
            const receipts = readReceipts(payload, HEAD_BYTES, payload.readUInt32LE(4));
            batches.push(receipts);
            count += receipts.length;
          }
          if (scan.damage.length > 0)
            log.warn({ file: file.name }, 'some receipts in the journal are damaged');
        } catch (error) {
          log.warn({ err: error, file: file.name }, 'a receipt journal file cannot be read');
        }
      }
      const stored = { stored: true };
      for (const receipts of batches.reverse()) book.add(receipts, stored);
    },
    append(receipts) {
      if (receipts.length === 0) return Promise.resolve();
      const done = chain.then(() => append(receipts));
      chain = done.catch(() => undefined);
      return done;
    },
    async close() {
      await chain;
      if (open !== undefined) await files.close(open.fd);
      open = undefined;
      known = [];
    },
  };
}

function encodeFrames(receipts: readonly ReceiptEntry[], nowMs: number, crc32c: Crc32c): Buffer[] {
  const frames: Buffer[] = [];
  let from = 0;
  while (from < receipts.length) {
    let to = from;
    let bytes = 0;
    while (to < receipts.length && bytes < FRAME_TARGET_BYTES) bytes += receiptsBytes([receipts[to++]!]);
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + HEAD_BYTES + bytes);
    frame[FRAME_HEADER_BYTES] = KIND_RECEIPTS;
    frame.writeUInt32LE(to - from, FRAME_HEADER_BYTES + 4);
    frame.writeDoubleLE(nowMs, FRAME_HEADER_BYTES + 8);
    writeReceipts(frame, FRAME_HEADER_BYTES + HEAD_BYTES, receipts.slice(from, to));
    sealFrame(frame, 0, HEAD_BYTES + bytes, crc32c);
    frames.push(frame);
    from = to;
  }
  return frames;
}

/** `2026112303` for 03:00 to 03:59 UTC of that day. */
function hourOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, '').slice(0, 10);
}
