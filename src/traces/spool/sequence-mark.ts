import type { Logger } from '../../observability/log.js';
import { errnoOf, readWhole, replaceFile, type SpoolFiles } from './files.js';

const FILE = 'sequence.json';
const NUMBER = /^\d{1,20}$/;

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
  /** Takes over what an earlier start kept. */
  load(): Promise<void>;
  /** Makes the mark durable as it is now. Rejects when the disk does not take it; may be repeated. */
  keep(): Promise<void>;
}

export function createSequenceMark(files: SpoolFiles, directory: string, log: Logger): SequenceMark {
  let highest = 0n;
  let kept = 0n;
  let chain: Promise<void> = Promise.resolve();

  function note(sequence: bigint): void {
    if (sequence > highest) highest = sequence;
  }

  async function write(): Promise<void> {
    const target = highest;
    if (target <= kept) return;
    const text = JSON.stringify({ version: 1, highest: target.toString() });
    await replaceFile(files, directory, FILE, [Buffer.from(`${text}\n`)]);
    kept = target;
  }

  return {
    get highest() {
      return highest;
    },
    note,
    async load() {
      try {
        const text = (await readWhole(files, `${directory}/${FILE}`)).toString();
        const known = JSON.parse(text) as { highest?: unknown };
        if (typeof known.highest !== 'string' || !NUMBER.test(known.highest))
          throw new TypeError('no sequence number');
        kept = BigInt(known.highest);
        note(kept);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return;
        log.error({ err: error }, 'sequence.json cannot be read; sequence numbers follow the clock alone');
      }
    },
    keep() {
      const done = chain.then(write);
      chain = done.catch(() => undefined);
      return done;
    },
  };
}
