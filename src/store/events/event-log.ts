import { Counter, Gauge, type Registry } from 'prom-client';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import type { PostgresStore } from '../postgres/index.js';
import type { EventLog, SubscribeOptions } from './contract.js';
import { createOutboxReader } from './outbox-reader.js';
import { checkKept, readEdges, readEnd, readPage, type StoredEvent } from './outbox-table.js';
import { parseCursor, toCursor, type Position } from './position.js';
import { removeOldEvents } from './retention.js';
import { createSubscriber, type LogView, type Subscriber } from './subscriber.js';

export interface EventLogOptions {
  readonly store: PostgresStore;
  readonly log: Logger;
  readonly registry: Registry;
  readonly limits?: Partial<EventLogLimits>;
}

export interface EventLogLimits {
  /** Events are removed when they are older. */
  readonly retentionMs: number;
  /** Longest time between two looks at the table. */
  readonly pollMs: number;
  readonly maxSubscribers: number;
  /** Reads of the table for subscribers that are behind, at a time: a crowd of them leaves connections to others. */
  readonly maxReaders: number;
  /** Least time between two removals of old events. */
  readonly cleanUpMs: number;
}

export const defaultEventLogLimits: EventLogLimits = {
  retentionMs: 7 * 24 * 3_600_000,
  pollMs: 20_000,
  maxSubscribers: 20_000,
  maxReaders: 2,
  cleanUpMs: 600_000,
};

const RETRY_AFTER_SECONDS = 10;

/** The one log of what happens to state. Starts to follow at once, and goes on whatever becomes of Postgres. */
export function createEventLog(options: EventLogOptions): EventLog {
  const { store, log } = options;
  const limits: EventLogLimits = { ...defaultEventLogLimits, ...options.limits };
  const subscribers = new Set<Subscriber>();
  const subscribersByProject = new Map<string | undefined, Set<Subscriber>>();
  const onClosed = new Map<Subscriber, () => void>();
  const slots = createSlots(limits.maxReaders);
  let isClosed = false;
  let cleanedAtMs = performance.now() - limits.cleanUpMs;
  let cleaning: Promise<void> = Promise.resolve();

  const metrics = createEventMetrics(
    options.registry,
    () => subscribers.size,
    () => reader.isFollowing,
  );
  const reader = createOutboxReader({
    store,
    log,
    pollMs: limits.pollMs,
    onEvents(events, from) {
      metrics.events.inc(events.length);
      dispatch(events, from);
      cleanUpSometimes();
    },
    onStarted: () => subscribers.forEach((subscriber) => subscriber.start()),
    onGap: () => subscribers.forEach((subscriber) => subscriber.gap()),
  });
  function dispatch(events: readonly StoredEvent[], from: Position): void {
    const byProject = new Map<string, StoredEvent[]>();
    for (const stored of events) {
      const of = byProject.get(stored.event.projectId);
      if (of === undefined) byProject.set(stored.event.projectId, [stored]);
      else of.push(stored);
    }
    for (const [project, of] of byProject)
      subscribersByProject.get(project)?.forEach((subscriber) => subscriber.offer(of, from));
    subscribersByProject.get(undefined)?.forEach((subscriber) => subscriber.offer(events, from));
  }

  /** Old events are removed by whoever uses the log. */
  function cleanUpSometimes(): void {
    if (isClosed || performance.now() - cleanedAtMs < limits.cleanUpMs) return;
    cleanedAtMs = performance.now();
    cleaning = removeOldEvents(store, limits.retentionMs).catch((error: unknown) =>
      log.warn({ err: error }, 'old events were not removed'),
    );
  }

  function subscribe(given: SubscribeOptions): Subscriber {
    if (isClosed) throw new MplpError('MPLP_ERR_EVENTS_LIMIT', 'The engine is shutting down.', retryLater);
    if (subscribers.size >= limits.maxSubscribers)
      throw new MplpError(
        'MPLP_ERR_EVENTS_LIMIT',
        `${limits.maxSubscribers} readers follow events here already.`,
        retryLater,
      );
    const view: LogView = {
      head: () => reader.head,
      readPage: (range) => slots.run(() => store.query((sql) => readPage(sql, range))),
      readEdges: () => slots.run(() => store.query(readEdges)),
      log,
      onClose: () => forget(subscriber),
    };
    const subscriber: Subscriber = createSubscriber(given, view);
    subscribers.add(subscriber);
    const group = subscribersByProject.get(given.projectId) ?? new Set();
    subscribersByProject.set(given.projectId, group.add(subscriber));
    if (given.onClosed !== undefined) onClosed.set(subscriber, () => given.onClosed?.());
    return subscriber;
  }

  function forget(subscriber: Subscriber): void {
    subscribers.delete(subscriber);
    onClosed.delete(subscriber);
    const group = subscribersByProject.get(subscriber.projectId);
    group?.delete(subscriber);
    if (group?.size === 0) subscribersByProject.delete(subscriber.projectId);
  }

  return {
    subscribe,
    async position() {
      const { head } = reader;
      if (head !== undefined && reader.isFollowing) return toCursor(head);
      return toCursor(await store.query(readEnd));
    },
    async checkCursor(cursor) {
      const position = parseCursor(cursor);
      checkKept(position, await slots.run(() => store.query(readEdges)));
    },
    get isFollowing() {
      return reader.isFollowing;
    },
    async close() {
      if (!isClosed) {
        isClosed = true;
        const told = [...onClosed.values()];
        for (const subscriber of [...subscribers]) subscriber.close();
        for (const tell of told) tell();
      }
      await reader.close();
      await cleaning;
    },
  };
}

const retryLater = { retryAfterSeconds: RETRY_AFTER_SECONDS };

/** Lets `count` pieces of work run at a time, the others in the order they came. */
function createSlots(count: number): { run<T>(work: () => Promise<T>): Promise<T> } {
  const waiters: (() => void)[] = [];
  let free = count;
  return {
    async run(work) {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiters.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiters.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}

function createEventMetrics(registry: Registry, subscribers: () => number, isFollowing: () => boolean) {
  const registers = [registry];
  new Gauge({
    name: 'mplp_events_subscribers',
    help: 'Readers that follow events, those of the engine itself included.',
    registers,
    collect() {
      this.set(subscribers());
    },
  });
  new Gauge({
    name: 'mplp_events_following',
    help: 'Whether events are being followed: 0 while Postgres is away.',
    registers,
    collect() {
      this.set(isFollowing() ? 1 : 0);
    },
  });
  return {
    events: new Counter({
      name: 'mplp_events_total',
      help: 'Events that this engine has read from the log.',
      registers,
    }),
  };
}
