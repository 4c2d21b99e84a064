import type { NativeAddon, SpanDecoder } from '../../native/index.js';
import type { Commit, ReceiptEntry, Spool } from '../spool/index.js';

/** Rows after which the open block is not added to while a sync runs; the next one waits its turn. */
const MAX_GROUP_ROWS = 65_536;

interface Member {
  readonly entry: ReceiptEntry;
  readonly resolve: (commit: Commit) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Small bodies share one block: all that arrive while the disk syncs the last group become the next one. Under
 * light load a body is written at once, under heavy load thousands share a sync; nobody waits for a timer.
 */
export interface OpenGroup {
  readonly decoder: SpanDecoder;
  /** Registers what was just appended to the decoder; resolves when it is durable. */
  join(entry: ReceiptEntry, seqFirst: bigint, seqLast: bigint): Promise<Commit>;
  /** False while a full group waits for the disk. */
  readonly hasRoom: boolean;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
}

export function createOpenGroup(native: NativeAddon, spool: Spool): OpenGroup {
  const decoder = native.createSpanDecoder();
  let members: Member[] = [];
  let seqFirst = 0n;
  let seqLast = 0n;
  let buffer = new Uint8Array(256 * 1024);
  let writing = false;
  let scheduled = false;
  let whenIdle: (() => void)[] = [];

  async function write(): Promise<void> {
    scheduled = false;
    if (writing || members.length === 0) return;
    writing = true;
    const group = members;
    members = [];
    try {
      const needed = decoder.maxBlockBytes;
      if (buffer.length < needed) buffer = new Uint8Array(needed + (needed >> 1));
      const block = decoder.take(buffer);
      const commit = await spool.append({
        block: buffer.subarray(0, block.bytes),
        rows: block.rows,
        crc32c: block.crc32c,
        seqFirst,
        seqLast,
        receipts: group.map((member) => member.entry),
      });
      for (const member of group) member.resolve(commit);
    } catch (error) {
      for (const member of group) member.reject(error);
    }
    writing = false;
    if (members.length > 0) void write();
    else {
      for (const resolve of whenIdle) resolve();
      whenIdle = [];
    }
  }

  return {
    decoder,
    get hasRoom() {
      return decoder.rows < MAX_GROUP_ROWS;
    },
    join(entry, first, last) {
      if (members.length === 0) [seqFirst, seqLast] = [first, last];
      else {
        if (first < seqFirst) seqFirst = first;
        if (last > seqLast) seqLast = last;
      }
      return new Promise((resolve, reject) => {
        members.push({ entry, resolve, reject });
        // The end of this turn of the loop: requests that the same poll delivered share the group.
        if (!writing && !scheduled) {
          scheduled = true;
          setImmediate(() => void write());
        }
      });
    },
    idle() {
      if (!writing && members.length === 0) return Promise.resolve();
      return new Promise((resolve) => whenIdle.push(resolve));
    },
  };
}
