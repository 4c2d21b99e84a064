import type { Logger } from '../../observability/log.js';
import { errnoOf, readWhole, replaceFile, syncFile, writeAll, type SpoolFiles } from './files.js';
import { encodeFrame, scanFrames, type Crc32c } from './frames.js';

/*
 * `sequence`: two frames (`frames.ts`), written in turn, so that the other one stands when a write is torn. They are
 * overwritten in place: that takes no room, and so works on a full disk. The highest number of the two is what counts.
 *   0 u8 kind 5 · 4 u32 format version · 8 u64 highest sequence number
 */
const FILE = 'sequence';
const KIND_SEQUENCE = 5;
const VERSION = 1;
const PAYLOAD_BYTES = 16;

/**
 * The highest sequence number that a stored span may have. Numbers follow the wall clock, and a clock may be set
 * back while the engine is down. Without the mark the next start would number a newer revision of a span below
 * the older one, and repeat numbers by which the loader asks ClickHouse whether it has a record.
 *
 * While a segment lies in the spool its sidecar tells its numbers; the mark is kept before the sidecar goes.
 */
export interface SequenceMark {
  /** 0 in a new spool. */
  readonly highest: bigint;
  /** Raises the mark in memory. */
  note(sequence: bigint): void;
  /** Takes over what an earlier start kept, and makes the file where it is missing. */
  load(): Promise<void>;
  /** Makes the mark durable as it is now. Rejects when the disk does not take it; may be repeated. */
  keep(): Promise<void>;
}

export function createSequenceMark(
  files: SpoolFiles,
  directory: string,
  crc32c: Crc32c,
  log: Logger,
): SequenceMark {
  const path = `${directory}/${FILE}`;
  let highest = 0n;
  let kept = 0n;
  let isThere = false;
  let slot = 0;
  let chain: Promise<void> = Promise.resolve();

  function note(sequence: bigint): void {
    if (sequence > highest) highest = sequence;
  }

  function frameOf(sequence: bigint): Buffer {
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload[0] = KIND_SEQUENCE;
    payload.writeUInt32LE(VERSION, 4);
    payload.writeBigUInt64LE(sequence, 8);
    return encodeFrame(payload, crc32c);
  }

  async function read(): Promise<void> {
    const { frames, damage, tail } = scanFrames(await readWhole(files, path), crc32c);
    const kinds = frames.filter(
      ({ payload: { 0: kind, length } }) => kind === KIND_SEQUENCE && length >= PAYLOAD_BYTES,
    );
    const numbers = kinds.map(({ payload }) => payload.readBigUInt64LE(8));
    numbers.forEach(note);
    kept = highest;
    isThere = numbers.length === 2 && damage.length === 0 && tail === 'clean';
    slot = numbers[0] === highest ? 1 : 0;
    if (!isThere) log.warn({ frames: frames.length }, 'the sequence mark is damaged; it is made anew');
  }

  async function write(): Promise<void> {
    const target = highest;
    if (isThere && target <= kept) return;
    const frame = frameOf(target);
    if (isThere) {
      const fd = await files.open(path, 'r+');
      try {
        await writeAll(files, fd, [frame], slot * frame.length);
        await syncFile(files, fd);
      } finally {
        await files.close(fd);
      }
      slot = 1 - slot;
    } else {
      await replaceFile(files, directory, FILE, [frame, frame]);
      isThere = true;
    }
    kept = target;
  }

  function keep(): Promise<void> {
    const done = chain.then(write);
    chain = done.catch(() => undefined);
    return done;
  }

  return {
    get highest() {
      return highest;
    },
    note,
    async load() {
      try {
        await read();
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT')
          log.error({ err: error }, 'the sequence mark cannot be read; numbers follow the clock alone');
      }
      // Now, while there is room. Without it the first stored segment tries again.
      await keep().catch((error: unknown) => log.warn({ err: error }, 'the sequence mark cannot be written'));
    },
    keep,
  };
}
