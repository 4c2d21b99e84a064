/**
 * What the intake hands to the spool and what it gets back. An appended record is durable when its promise
 * resolves: data and sidecar were written and synced (reliability rule I1).
 */

/** The verdict on one request, kept beside the record so that it survives a restart. */
export interface ReceiptEntry {
  /** UUIDv4 text; also the public receipt id. */
  readonly receipt: string;
  readonly projectId: string;
  /** 32 hex digits: content hash of the body, or the hash of the client's `Idempotency-Key`. */
  readonly hash: string;
  /** 32 hex digits: content hash of the body when `hash` is that of a key; the key with another body is refused. */
  readonly content?: string | undefined;
  readonly accepted: number;
  readonly rejected: number;
}

export interface SpoolRecord {
  /** A complete ClickHouse Native block. The spool may keep using it until the promise settles. */
  readonly block: Uint8Array;
  readonly rows: number;
  readonly crc32c: number;
  /** Lowest sequence number in the block, which is that of a row; none is higher than `seqLast`. */
  readonly seqFirst: bigint;
  readonly seqLast: bigint;
  readonly receipts: readonly ReceiptEntry[];
}

export interface Commit {
  /** Segment that holds the record. */
  readonly segment: string;
  /** Resolves when ClickHouse has the segment (or its poison is in the dead letters). Never rejects; never resolves if the engine stops first. */
  readonly stored: Promise<void>;
}

export interface SpoolPressure {
  /** False: the spool refuses appends (full, disk reserve reached, or failed). */
  readonly accepts: boolean;
  readonly code: 'ok' | 'full' | 'disk' | 'failed';
  /** When to try again, from the measured drain rate; 1 to 60. */
  readonly retryAfterSeconds: number;
  readonly unstoredBytes: number;
  readonly unstoredRows: number;
  readonly oldestUnstoredAgeMs: number;
}

export interface Spool {
  /** Throws an `MplpError` (`MPLP_ERR_TRACES_SPOOL_FULL`, `MPLP_ERR_TRACES_SPOOL_FAILED`): then nothing was acknowledged. */
  append(record: SpoolRecord): Promise<Commit>;
  pressure(): SpoolPressure;
  close(): Promise<void>;
}

export interface KnownReceipt extends ReceiptEntry {
  readonly status: 'spooled' | 'stored';
}

/** Receipts and batch hashes of the last day, rebuilt from the sidecars at start. */
export interface ReceiptBook {
  findByHash(projectId: string, hash: string): KnownReceipt | undefined;
  findById(projectId: string, receipt: string): KnownReceipt | undefined;
}
