import type { Logger } from '../../observability/log.js';
import type { DeadLetter, DeadLetterStore, InsertBatch, SegmentSink } from './contract.js';

/** Keeps letters in `first`; in `second` when `first` does not take one. Lists and reads both. */
export function joinDeadLetterStores(
  first: DeadLetterStore,
  second: DeadLetterStore,
  log: Logger,
): DeadLetterStore {
  return {
    async put(letter, block) {
      try {
        await first.put(letter, block);
      } catch (error) {
        log.warn(
          { err: error, id: letter.id },
          'a dead letter goes to a file, since ClickHouse does not take it',
        );
        await second.put(letter, block);
      }
    },
    async list() {
      const letters = [...(await first.list()), ...(await second.list())];
      return letters.sort((a, b) => a.failedAtMs - b.failedAtMs);
    },
    read: async (id) => (await second.read(id)) ?? (await first.read(id)),
    async remove(id) {
      await second.remove(id);
      await first.remove(id);
    },
  };
}

export interface ReplayResult {
  readonly replayed: readonly string[];
  readonly failed: readonly { readonly id: string; readonly error: string }[];
}

/**
 * Inserts dead letters again, for when what refused them was mended, and removes those that went in. A token of
 * its own makes a repeated replay of one letter safe.
 */
export async function replayDeadLetters(
  store: DeadLetterStore,
  sink: SegmentSink,
  which: readonly string[] | 'all',
  signal: AbortSignal,
): Promise<ReplayResult & { readonly rows: number }> {
  const known = new Map((await store.list()).map((letter) => [letter.id, letter] as const));
  const replayed: string[] = [];
  const failed: { id: string; error: string }[] = [];
  let rows = 0;
  for (const id of which === 'all' ? known.keys() : which) {
    const letter = known.get(id);
    const block = letter === undefined ? undefined : await store.read(id);
    if (letter === undefined || block === undefined) {
      failed.push({ id, error: 'There is no such dead letter.' });
      continue;
    }
    try {
      await sink.insert(replayBatch(letter, block), signal);
    } catch (error) {
      failed.push({ id, error: error instanceof Error ? error.message : String(error) });
      continue;
    }
    await store.remove(id);
    replayed.push(id);
    rows += letter.rows;
  }
  return { replayed, failed, rows };
}

function replayBatch(letter: DeadLetter, block: Uint8Array): InsertBatch {
  return {
    token: `${letter.id}/replay`,
    bytes: block.byteLength,
    rows: letter.rows,
    async *open() {
      yield block;
    },
  };
}
