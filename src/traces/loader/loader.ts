import type { Registry } from 'prom-client';
import type { Logger } from '../../observability/log.js';
import type { SealedSegment, SegmentSource } from '../spool/segment-source.js';
import { createBackoff, pause } from './backoff.js';
import type { DeadLetter, DeadLetterStore, InsertVerdict, SegmentSink, SpanLedger } from './contract.js';
import { joinDeadLetterStores, replayDeadLetters, type ReplayResult } from './dead-letters.js';
import { deliverSegment, type DeliveryOptions } from './delivery.js';
import { createFileDeadLetters } from './file-dead-letters.js';
import { registerLoaderMetrics } from './loader-metrics.js';

const MAX_DELIVERY_FAILURES = 5;
const DRAIN_POLL_MS = 20;

export interface LoaderOptions {
  readonly source: SegmentSource;
  readonly sink: SegmentSink;
  /** Where dead letters go first; they go to files under the data folder when this fails. */
  readonly deadLetters: DeadLetterStore;
  readonly dataDir: string;
  readonly log: Logger;
  readonly registry?: Registry;
  readonly ledger?: SpanLedger;
  readonly timing?: Partial<LoaderTiming>;
}

export interface LoaderTiming {
  /** Inserts under way at a time. */
  readonly maxInFlight: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** An insert is cut after this and the time for its bytes at 1 MiB/s. Doubles with each timeout up to the maximum. */
  readonly insertTimeoutMs: number;
  readonly maxInsertTimeoutMs: number;
  /** An insert of unknown outcome that is older is looked up before it is repeated (rule I4). */
  readonly dedupHorizonMs: number;
  /** Time that `close` grants inserts under way. */
  readonly closeGraceMs: number;
}

const defaultTiming: LoaderTiming = {
  maxInFlight: 2,
  initialBackoffMs: 200,
  maxBackoffMs: 30_000,
  insertTimeoutMs: 60_000,
  maxInsertTimeoutMs: 900_000,
  dedupHorizonMs: 300_000,
  closeGraceMs: 5000,
};

export interface LoaderHealth {
  /** `retrying`: ClickHouse fails and is tried again. `operator`: somebody must act, see `detail`. */
  readonly status: 'ok' | 'retrying' | 'operator';
  readonly detail: string;
  /** How long it has been so. */
  readonly forMs: number;
}

export interface Loader {
  start(): void;
  health(): LoaderHealth;
  /** Waits until nothing is left to load, at most `timeoutMs`. False when something is. Seal the spool before. */
  drain(timeoutMs: number): Promise<boolean>;
  listDeadLetters(): Promise<readonly DeadLetter[]>;
  replayDeadLetters(which: readonly string[] | 'all'): Promise<ReplayResult>;
  /** Lets inserts under way finish for a while, then cuts them: they are repeated under the same token at the next start. */
  close(): Promise<void>;
}

/** Moves sealed segments into ClickHouse, one insert each, oldest first, for as long as it takes. */
export function createLoader(options: LoaderOptions): Loader {
  const { source, sink, log, ledger } = options;
  const timing = Object.freeze({ ...defaultTiming, ...options.timing });
  const deadLetters = joinDeadLetterStores(options.deadLetters, createFileDeadLetters(options.dataDir), log);
  const metrics = registerLoaderMetrics(options.registry);
  const stopTaking = new AbortController();
  const stopSending = new AbortController();
  let trouble: { verdict: InsertVerdict; detail: string; sinceMs: number } | undefined;
  let successes = 0;
  let workers: Promise<void>[] = [];

  const delivery: DeliveryOptions = {
    ...timing,
    source,
    sink,
    deadLetters,
    log,
    metrics,
    successes: () => successes,
    onTrouble(verdict, error) {
      if (verdict === undefined) {
        successes++;
        trouble = undefined;
      } else {
        const detail = error instanceof Error ? error.message : String(error);
        trouble = { verdict, detail, sinceMs: trouble?.sinceMs ?? performance.now() };
      }
    },
  };

  async function work(): Promise<void> {
    for (;;) {
      const segment = await source.take(stopTaking.signal);
      if (segment === undefined) return;
      await load(segment);
    }
  }

  async function load(segment: SealedSegment): Promise<void> {
    const { signal } = stopSending;
    const backoff = createBackoff(timing.initialBackoffMs, timing.maxBackoffMs);
    for (let failures = 0; !signal.aborted;) {
      try {
        const delivered = await deliverSegment(delivery, segment, signal);
        if (delivered === 'aborted') return;
        if (delivered === 'unreadable') return source.setAside(segment, 'its file cannot be read');
        ledger?.stored(delivered.storedRows);
        if (delivered.deadRows > 0) ledger?.deadLettered(delivered.deadRows);
        return await complete(segment, signal);
      } catch (error) {
        log.error({ err: error, segment: segment.id }, 'a segment cannot be loaded');
        if (++failures === MAX_DELIVERY_FAILURES)
          return source.setAside(segment, 'loading it fails for a local reason');
        await pause(backoff.nextMs(), signal);
      }
    }
  }

  /** The rows are stored, so only this step is repeated, never the insert. */
  async function complete(segment: SealedSegment, signal: AbortSignal): Promise<void> {
    const backoff = createBackoff(timing.initialBackoffMs, timing.maxBackoffMs);
    while (!signal.aborted) {
      try {
        return await source.complete(segment);
      } catch (error) {
        log.error(
          { err: error, segment: segment.id },
          'the checkpoint of a stored segment cannot be written',
        );
        await pause(backoff.nextMs(), signal);
      }
    }
  }

  async function close(): Promise<void> {
    stopTaking.abort();
    const cut = setTimeout(() => stopSending.abort(), timing.closeGraceMs);
    // Nothing under way will end well while ClickHouse fails.
    if (trouble !== undefined) stopSending.abort();
    await Promise.all(workers);
    clearTimeout(cut);
    stopSending.abort();
    metrics.unregister();
  }

  let closing: Promise<void> | undefined;
  return {
    start() {
      if (workers.length === 0) workers = Array.from({ length: timing.maxInFlight }, work);
    },
    health() {
      if (trouble === undefined) return { status: 'ok', detail: '', forMs: 0 };
      const { verdict, detail, sinceMs } = trouble;
      return {
        status: verdict === 'operator' ? 'operator' : 'retrying',
        detail,
        forMs: performance.now() - sinceMs,
      };
    },
    async drain(timeoutMs) {
      const until = performance.now() + timeoutMs;
      while (source.pressure().unstoredRows > 0) {
        if (performance.now() >= until || stopTaking.signal.aborted) return false;
        await pause(DRAIN_POLL_MS, stopTaking.signal);
      }
      return true;
    },
    listDeadLetters: () => deadLetters.list(),
    async replayDeadLetters(which) {
      const { rows, ...result } = await replayDeadLetters(deadLetters, sink, which, stopSending.signal);
      if (rows > 0) log.info({ rows, letters: result.replayed.length }, 'dead letters were replayed');
      return result;
    },
    close: () => (closing ??= close()),
  };
}
