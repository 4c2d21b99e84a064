import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Logger } from '../../observability/log.js';
import type { ByteRange, SealedSegment, SegmentSource, StoredRecord } from '../spool/segment-source.js';
import { createBackoff, pause } from './backoff.js';
import type { DeadLetterStore, InsertBatch, InsertVerdict, SegmentSink } from './contract.js';
import type { LoaderMetrics } from './loader-metrics.js';
import { findPresence } from './presence.js';
import { readSplit, writeSplit, type Part } from './split-file.js';

const READ_CHUNK_BYTES = 512 * 1024;
/** Slowest transfer that is waited for without a timeout doubling first. */
const SLOWEST_BYTES_PER_SECOND = 1024 * 1024;
const MAX_READ_FAILURES = 5;
/** So many dead letters from one segment and nothing stored: then it is not the content that is wrong. */
const MAX_DEAD_WITHOUT_SUCCESS = 64;
/** An insert that failed so often, while so many others went in, fails because of what it holds. */
const SUSPECT_FAILURES = 10;
const SUSPECT_SUCCESSES = 3;

export interface DeliveryOptions {
  readonly source: SegmentSource;
  readonly sink: SegmentSink;
  readonly deadLetters: DeadLetterStore;
  readonly log: Logger;
  readonly metrics: LoaderMetrics;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly insertTimeoutMs: number;
  readonly maxInsertTimeoutMs: number;
  readonly dedupHorizonMs: number;
  /** Inserts that went in so far, of any segment. */
  readonly successes: () => number;
  /** Something failed and is tried again; `undefined` when the next insert succeeded. */
  readonly onTrouble: (verdict: InsertVerdict | undefined, error?: unknown) => void;
}

export interface Delivered {
  readonly storedRows: number;
  readonly deadRows: number;
}

/**
 * Brings one segment into ClickHouse and does not give up. Resolves when every row is stored or a dead letter;
 * with `'aborted'` when the signal says stop; with `'unreadable'` when the segment file cannot be read.
 */
export async function deliverSegment(
  options: DeliveryOptions,
  segment: SealedSegment,
  signal: AbortSignal,
): Promise<Delivered | 'aborted' | 'unreadable'> {
  const { source, sink, log, metrics } = options;
  const { failpoints } = source;
  let records: readonly StoredRecord[] | undefined;
  const allRecords = async (): Promise<readonly StoredRecord[]> =>
    (records ??= await source.records(segment));

  let parts: Part[];
  let splitLost = false;
  try {
    parts = (await readSplit(segment)) ?? [];
  } catch (error) {
    log.error({ err: error, segment: segment.id }, 'the split file of a segment cannot be read');
    splitLost = true;
    parts = [];
  }
  if (parts.length === 0)
    parts = [{ token: segment.id, from: 0, to: Number.MAX_SAFE_INTEGER, state: 'pending' }];
  let dead = parts.filter(({ state }) => state === 'dead').length;
  let stored = parts.filter(({ state }) => state === 'stored').length;

  for (let index = 0; index < parts.length;) {
    const part = parts[index]!;
    if (part.state !== 'pending') {
      index++;
      continue;
    }
    const outcome = await deliverPart(part);
    if (outcome === 'aborted' || outcome === 'unreadable') return outcome;
    if (outcome === 'stored') {
      part.state = 'stored';
      stored++;
      if (parts.length > 1) await persist();
      continue;
    }
    const to = Math.min(part.to, (await allRecords()).length);
    if (to - part.from > 1) {
      const middle = (part.from + to) >>> 1;
      parts.splice(
        index,
        1,
        { token: `${part.token}/0`, from: part.from, to: middle, state: 'pending' },
        { token: `${part.token}/1`, from: middle, to, state: 'pending' },
      );
      await persist();
      failpoints?.hit('loader.split');
      continue;
    }
    await bury(part, outcome.poison);
    part.state = 'dead';
    dead++;
    await persist();
  }

  let deadRows = 0;
  if (dead > 0) {
    const all = await allRecords();
    for (const { state, from, to } of parts) if (state === 'dead') deadRows += rowsOf(all.slice(from, to));
  }
  return { storedRows: segment.rows - deadRows, deadRows };

  async function deliverPart(part: Part): Promise<'stored' | 'aborted' | 'unreadable' | { poison: unknown }> {
    const backoff = createBackoff(options.initialBackoffMs, options.maxBackoffMs);
    const isWhole = part.to === Number.MAX_SAFE_INTEGER;
    // A client may wrap what the reading throws, so the reading itself says that it failed.
    let readFailed = false;
    const onReadError = (): void => void (readFailed = true);
    const batch = isWhole
      ? fileBatch(segment.path, segment.ranges, segment.rows, part.token, onReadError)
      : recordsBatch(segment.path, (await allRecords()).slice(part.from, part.to), part.token, onReadError);
    let timeoutMs = options.insertTimeoutMs;
    let readFailures = 0;
    // When the first send happened whose outcome is not known. An earlier process may have sent what was recovered.
    const ageMs = Math.abs(Date.now() - segment.sealedAtMs);
    let unsureSinceMs = segment.recovered ? performance.now() - ageMs : undefined;
    let mustAsk = segment.changed || splitLost;
    let failures = 0;
    const successesBefore = options.successes();
    for (;;) {
      if (signal.aborted) return 'aborted';
      try {
        if (
          mustAsk ||
          (unsureSinceMs !== undefined && performance.now() - unsureSinceMs > options.dedupHorizonMs)
        ) {
          const asked = (await allRecords()).slice(part.from, part.to);
          const presence = await findPresence(
            sink,
            asked,
            AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          );
          log.warn(
            { segment: segment.id, token: part.token, presence },
            'asked ClickHouse whether it has a segment',
          );
          if (presence === 'all') return 'stored';
          mustAsk = false;
          unsureSinceMs = undefined;
        }
        unsureSinceMs ??= performance.now();
        await insertOnce(batch, timeoutMs);
        options.onTrouble(undefined);
        return 'stored';
      } catch (error) {
        if (signal.aborted) return 'aborted';
        if (readFailed && ++readFailures >= MAX_READ_FAILURES) return 'unreadable';
        if (isTimeout(error)) timeoutMs = Math.min(timeoutMs * 2, options.maxInsertTimeoutMs);
        let verdict = readFailed || isTimeout(error) ? 'retry' : sink.classify(error);
        readFailed = false;
        if (verdict === 'poison' && (stored > 0 || dead < MAX_DEAD_WITHOUT_SUCCESS)) return { poison: error };
        if (verdict === 'poison') verdict = 'operator';
        const othersWentIn = options.successes() - successesBefore >= SUSPECT_SUCCESSES;
        if (verdict === 'retry' && ++failures >= SUSPECT_FAILURES && othersWentIn) {
          // A limit it breaks, or a fault it triggers in the server. Its outcome must be known before it is split.
          const presence = await findPresenceOf(part, timeoutMs).catch(() => 'unknown');
          if (presence === 'all') return 'stored';
          if (presence === 'none') return { poison: error };
        }
        metrics.failed(verdict);
        options.onTrouble(verdict, error);
        const delayMs = backoff.nextMs();
        log.warn(
          { err: error, segment: segment.id, token: part.token, verdict, delayMs },
          'an insert failed; it is tried again',
        );
        await pause(delayMs, signal);
      }
    }
  }

  async function findPresenceOf(part: Part, timeoutMs: number): Promise<'all' | 'some' | 'none'> {
    const asked = (await allRecords()).slice(part.from, part.to);
    return findPresence(sink, asked, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  }

  async function insertOnce(batch: InsertBatch, timeoutMs: number): Promise<void> {
    failpoints?.hit('loader.send');
    const startedMs = performance.now();
    const limitMs = Math.ceil(timeoutMs + (batch.bytes / SLOWEST_BYTES_PER_SECOND) * 1000);
    const timeout = AbortSignal.timeout(limitMs);
    const unstable = failpoints?.planted('token-omitted') === true;
    const sent = unstable ? { ...batch, token: randomUUID() } : batch;
    await settled(sink.insert(sent, AbortSignal.any([signal, timeout])), signal, timeout);
    metrics.inserted(batch.rows, batch.bytes, performance.now() - startedMs);
    failpoints?.hit('loader.inserted');
  }

  async function persist(): Promise<void> {
    const backoff = createBackoff(options.initialBackoffMs, options.maxBackoffMs);
    while (!signal.aborted) {
      try {
        return await writeSplit(segment, parts);
      } catch (error) {
        log.error({ err: error, segment: segment.id }, 'the split of a segment cannot be written');
        await pause(backoff.nextMs(), signal);
      }
    }
  }

  async function bury(part: Part, error: unknown): Promise<void> {
    const mine = (await allRecords()).slice(part.from, part.to);
    const batch = recordsBatch(segment.path, mine, part.token, () => undefined);
    const chunks: Uint8Array[] = [];
    for await (const chunk of batch.open()) chunks.push(Buffer.from(chunk));
    const message = error instanceof Error ? error.message : String(error);
    const letter = {
      id: part.token,
      rows: batch.rows,
      bytes: batch.bytes,
      error: message,
      failedAtMs: Date.now(),
    };
    await options.deadLetters.put(letter, Buffer.concat(chunks));
    failpoints?.hit('loader.dead-lettered');
    log.error(
      { token: part.token, rows: batch.rows, err: error },
      'ClickHouse will not take these spans; they are dead letters now',
    );
  }
}

/** Waits for the insert, but no longer than the signals allow, should a client ignore them. */
async function settled(insert: Promise<void>, ...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(any.reason as Error);
    if (any.aborted) stop();
    else any.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([insert, aborted]);
  } catch (error) {
    // Cut by a signal, whatever the client made of it.
    throw any.aborted ? any.reason : error;
  } finally {
    any.removeEventListener('abort', stop);
    insert.catch(() => undefined);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

function rowsOf(records: readonly StoredRecord[]): number {
  return records.reduce((sum, { rows }) => sum + rows, 0);
}

function recordsBatch(
  path: string,
  records: readonly StoredRecord[],
  token: string,
  onReadError: () => void,
): InsertBatch {
  const ranges: { start: number; end: number }[] = [];
  for (const { offset, bytes } of records) {
    const last = ranges.at(-1);
    if (last?.end === offset) last.end += bytes;
    else ranges.push({ start: offset, end: offset + bytes });
  }
  return fileBatch(path, ranges, rowsOf(records), token, onReadError);
}

function fileBatch(
  path: string,
  ranges: readonly ByteRange[],
  rows: number,
  token: string,
  onReadError: () => void,
): InsertBatch {
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return { token, bytes, rows, open: () => readRanges(path, ranges, onReadError) };
}

async function* readRanges(
  path: string,
  ranges: readonly ByteRange[],
  onReadError: () => void,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    onReadError();
    throw error;
  });
  // One buffer for the whole segment: pieces of hundreds of megabytes a second would keep the collector busy.
  const chunk = Buffer.allocUnsafeSlow(READ_CHUNK_BYTES);
  try {
    for (const { start, end } of ranges) {
      for (let at = start; at < end;) {
        const { bytesRead } = await file
          .read(chunk, 0, Math.min(chunk.length, end - at), at)
          .catch((error: unknown) => {
            onReadError();
            throw error;
          });
        if (bytesRead === 0) {
          onReadError();
          throw new Error(`${path} ends too early`);
        }
        at += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    }
  } finally {
    await file.close();
  }
}
