import type { StoredRecord } from '../spool/segment-source.js';
import type { SegmentSink } from './contract.js';

/** Records looked up one by one, each with a small query. */
const MAX_PROBES = 16;

/**
 * Whether ClickHouse has the rows already (rule I4). Asked when an insert may have succeeded so long ago that its
 * token may have left the deduplication window.
 *
 * The range of a record's sequence numbers can hold rows of others, because bodies are decoded side by side. But
 * its first number belongs to a row of its own, so this is what is looked for. (The last one need not: numbers
 * are reserved for refused spans, too.) `some` means that only part of the insert took effect, as after a crash
 * between the two day partitions of one block.
 */
export async function findPresence(
  sink: SegmentSink,
  records: readonly StoredRecord[],
  signal: AbortSignal,
): Promise<'all' | 'some' | 'none'> {
  let first = records[0]!.seqFirst;
  let last = records[0]!.seqLast;
  for (const { seqFirst, seqLast } of records) {
    if (seqFirst < first) first = seqFirst;
    if (seqLast > last) last = seqLast;
  }
  if ((await sink.countSeqRange(first, last, signal)) === 0) return 'none';
  const probes = new Set<bigint>();
  const step = Math.max(1, (records.length - 1) / (MAX_PROBES - 1));
  for (let at = 0; at <= records.length - 1; at += step) {
    probes.add(records[Math.round(at)]!.seqFirst);
  }
  let present = 0;
  for (const seq of probes) if ((await sink.countSeqRange(seq, seq, signal)) > 0) present++;
  if (present === 0) return 'none';
  return present === probes.size ? 'all' : 'some';
}
