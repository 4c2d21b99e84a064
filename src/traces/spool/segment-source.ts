import type { SpoolPressure } from './contract.js';
import type { Failpoints } from './failpoints.js';

/** A stretch of a segment file: bytes [start, end). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One record of a sealed segment, as its sidecar tells. */
export interface StoredRecord {
  readonly offset: number;
  readonly bytes: number;
  readonly rows: number;
  readonly crc32c: number;
  readonly seqFirst: bigint;
  readonly seqLast: bigint;
}

/** A segment whose content is fixed for good. Its id is the deduplication token of its insert. */
export interface SealedSegment {
  readonly id: string;
  /** The segment file: concatenated ClickHouse Native blocks. */
  readonly path: string;
  /** Where to keep files about the segment (`<base>.split`). */
  readonly base: string;
  /** Where the records stand in the file: one stretch, unless damaged records were taken out. */
  readonly ranges: readonly ByteRange[];
  readonly bytes: number;
  readonly rows: number;
  /** Wall clock, milliseconds since the epoch. */
  readonly sealedAtMs: number;
  /** Found at start: an earlier process may have sent it. */
  readonly recovered: boolean;
  /** Recovery took damaged records out, so an earlier insert under this token may have held more rows. */
  readonly changed: boolean;
}

/** The loader's side of the spool. Segments come in order of their age. */
export interface SegmentSource {
  /** Set in crash tests only. */
  readonly failpoints: Failpoints | undefined;
  /** What is not stored yet, the young segment included. */
  pressure(): SpoolPressure;
  /**
   * The next sealed segment; waits for one. A waiting caller while nothing is being loaded is what makes the
   * spool seal a young segment, so that spans become queryable soon when there is little to do.
   * `undefined` when the signal is aborted or the spool was closed.
   */
  take(signal: AbortSignal): Promise<SealedSegment | undefined>;
  /** Records of a segment, read from its sidecar. */
  records(segment: SealedSegment): Promise<readonly StoredRecord[]>;
  /** The segment is stored: checkpoint, keep its receipts, delete it (rule I5). May be repeated when it throws. */
  complete(segment: SealedSegment): Promise<void>;
  /** The segment cannot be read: it stays on disk, is reported, and is tried again after the next start. */
  setAside(segment: SealedSegment, reason: string): void;
}
