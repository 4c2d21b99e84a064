import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../observability/log.js';
import type { PostgresStore, Session, Sql } from '../postgres/index.js';
import { takeAppended } from './append.js';
import { checkKept, readEnd, readTail, type StoredEvent, type Tail } from './outbox-table.js';
import { backoffMs, createPause } from './pause.js';
import { comparePositions, type Position } from './position.js';

export interface OutboxReaderOptions {
  readonly store: PostgresStore;
  readonly log: Logger;
  /** Longest time between two looks at the table. */
  readonly pollMs: number;
  /** Called with each page of new events, in order. `from` is where the reader stood. It must not throw. */
  readonly onEvents: (events: readonly StoredEvent[], from: Position) => void;
  /** Called when the reader has its first position. */
  readonly onStarted: () => void;
  /** Called when events were removed before the reader has seen them. */
  readonly onGap: () => void;
}

export interface OutboxReader {
  /** All events up to here have been given to `onEvents`; `undefined` until Postgres has been reached. */
  readonly head: Position | undefined;
  readonly isFollowing: boolean;
  close(): Promise<void>;
}

/** NOTIFY is a hint that there is something to read. Its payload says which reader it comes from. */
const CHANNEL = 'mplp_events';
const PAGE_EVENTS = 500;
/** Looks are at least this far apart, so that under load one look finds the events of many transactions. */
const MIN_INTERVAL_MS = 5;
/** Events behind a transaction that still runs: nobody tells when it ends without a change. */
const HELD_BACK_MS = 10;
const MAX_HELD_BACK_MS = 1_000;
const RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** Asks the store only whether its tables are there. */
const MIGRATION_CHECK_MS = 50;
const DEADLINE_MS = 15_000;

/**
 * Follows the outbox from the time of its first look, on a connection of its own that listens.
 *
 * Sequences become visible out of order, so the order is (transaction_id, sequence), and nothing is read of
 * transactions that are not all over: with the oldest running one as the limit, nothing can appear behind the reader.
 * A transaction that runs long holds back what came after it, of every database of the server; it never loses it.
 *
 * It hears of the commits of its own process without Postgres, and then tells the readers of others, for many at a time.
 */
export function createOutboxReader(options: OutboxReaderOptions): OutboxReader {
  const { store, log, pollMs } = options;
  const pause = createPause();
  let head: Position | undefined;
  let session: Session | undefined;
  let isFollowing = false;
  let isClosed = false;
  let failures = 0;
  let heldBackLooks = 0;
  let lookedAtMs = -Infinity;
  /** This process has committed events that other readers have not been told of. */
  let hasNews = false;
  const readerId = randomUUID();

  const open = async (): Promise<Session> => {
    const opened = store.openSession({
      onDead: () => pause.wake(),
      onNotify: (_, from) => from === readerId || pause.wake(),
    });
    try {
      await bounded(opened, (sql) => sql.unsafe(`LISTEN ${CHANNEL}`));
      return opened;
    } catch (error) {
      opened.destroy();
      throw error;
    }
  };

  /** Gives the time until the next look. */
  const look = async (): Promise<number> => {
    if (session === undefined || session.isDead) session = await open();
    if (head === undefined) {
      head = await bounded(session, readEnd);
      options.onStarted();
      return 0;
    }
    const isTelling = hasNews;
    const from = head;
    const tail = await bounded(session, (sql) => readTail(sql, from, PAGE_EVENTS));
    take(tail, from);
    if (isTelling) {
      hasNews = false;
      await tellOthers(session);
    }
    if (tail.events.length === PAGE_EVENTS) return 0;
    if (head === undefined) return 0;
    heldBackLooks = tail.isHeldBack ? heldBackLooks + 1 : 0;
    return tail.isHeldBack ? backoffMs(heldBackLooks, HELD_BACK_MS, MAX_HELD_BACK_MS) : pollMs;
  };

  const tellOthers = async (through: Session): Promise<void> => {
    try {
      await bounded(through, (sql) => sql`SELECT pg_notify(${CHANNEL}, ${readerId})`);
    } catch (error) {
      hasNews = true;
      throw error;
    }
  };

  const take = (tail: Tail, from: Position): void => {
    let start = from;
    try {
      checkKept(from, tail);
    } catch (error) {
      log.error({ err: error }, 'events were removed before this engine has seen them');
      options.onGap();
      if (comparePositions(tail.horizon, from) < 0) {
        // Another database has taken the place of the one that was followed.
        head = undefined;
        return;
      }
      start = tail.horizon;
    }
    head = tail.events.at(-1)?.position ?? start;
    if (tail.events.length > 0) options.onEvents(tail.events, start);
  };

  const follow = async (): Promise<void> => {
    while (!isClosed) {
      let waitMs = MIGRATION_CHECK_MS;
      if (store.isMigrated) {
        try {
          lookedAtMs = performance.now();
          waitMs = await look();
          if (failures > 0) log.info('events are followed again');
          failures = 0;
          isFollowing = true;
        } catch (error) {
          session?.destroy();
          session = undefined;
          isFollowing = false;
          if (isClosed) return;
          if (failures === 0) log.warn({ err: error }, 'events cannot be followed; they wait in Postgres');
          waitMs = backoffMs(failures++, RETRY_MS, MAX_RETRY_MS);
          await pauseUnlessClosed(waitMs);
          continue;
        }
      }
      await pause.wait(waitMs);
      const restMs = lookedAtMs + MIN_INTERVAL_MS - performance.now();
      if (restMs > 0 && !isClosed) await delay(restMs);
    }
  };

  /** A dead connection wakes the reader, which must not make it hurry. */
  const pauseUnlessClosed = async (ms: number): Promise<void> => {
    for (const until = performance.now() + ms; !isClosed && performance.now() < until;)
      await pause.wait(until - performance.now());
  };

  const stopHearing = store.onCommitted((sql) => {
    if (!takeAppended(sql)) return;
    hasNews = true;
    pause.wake();
  });
  const followed = follow();
  return {
    get head() {
      return head;
    },
    get isFollowing() {
      return isFollowing && session?.isDead === false;
    },
    async close() {
      isClosed = true;
      stopHearing();
      pause.wake();
      await session?.close();
      await followed;
      // One that was being opened meanwhile.
      session?.destroy();
    },
  };
}

/** A connection that does not answer in time is broken. */
async function bounded<T>(session: Session, run: (sql: Sql) => Promise<T>): Promise<T> {
  const timer = setTimeout(() => session.destroy(), DEADLINE_MS);
  try {
    return await session.run(run);
  } finally {
    clearTimeout(timer);
  }
}
