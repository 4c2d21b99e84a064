export type { SpanLedger } from '../spool/span-ledger.js';

/** What is sent in one INSERT: ClickHouse Native blocks under a fixed token (rule I2). */
export interface InsertBatch {
  /** `insert_deduplication_token`: the same token always stands for the same bytes. */
  readonly token: string;
  readonly bytes: number;
  readonly rows: number;
  /** The blocks, from the start; may be called again for another attempt. A chunk is valid until the next is asked for. */
  open(): AsyncIterable<Uint8Array>;
}

/**
 * What to do after a failed insert.
 * `retry`: not now, later (down, overloaded, timeout, lost reply). `operator`: later too, but somebody must
 * act first (credentials, missing table, read-only). `poison`: this content will never be taken.
 */
export type InsertVerdict = 'retry' | 'operator' | 'poison';

/** Where segments go: ClickHouse, as the loader sees it. */
export interface SegmentSink {
  /** Resolves when ClickHouse has the rows durably. Any rejection but a poison one leaves the outcome open. */
  insert(batch: InsertBatch, signal: AbortSignal): Promise<void>;
  /** Rows of the span table with `first <= seq <= last`. */
  countSeqRange(first: bigint, last: bigint, signal: AbortSignal): Promise<number>;
  classify(error: unknown): InsertVerdict;
}

/** Spans that ClickHouse would not take, kept whole with the reason. */
export interface DeadLetter {
  /** The token of the refused insert. */
  readonly id: string;
  readonly rows: number;
  readonly bytes: number;
  /** What ClickHouse said. */
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly failedAtMs: number;
}

/** Where dead letters rest. */
export interface DeadLetterStore {
  /** The same id again replaces the letter. */
  put(letter: DeadLetter, block: Uint8Array): Promise<void>;
  list(): Promise<readonly DeadLetter[]>;
  /** The Native blocks of a letter, `undefined` when there is none. */
  read(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
}
