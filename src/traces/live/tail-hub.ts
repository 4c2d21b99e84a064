import { Counter, Gauge, type Registry } from 'prom-client';
import { MplpError } from '../../errors/index.js';
import type { TailFilter } from '../../native/contract.js';
import { compactSpan } from './compact-json.js';
import type { TailBatch, TailSink } from './contract.js';
import { tailFilterKey } from './tail-filter.js';
import { TailQueue } from './tail-queue.js';

/** The native filter mask has this many bits. */
const MAX_FILTERS = 32;
/** Filter lists remembered for bodies that were decoded before the latest change. */
const REMEMBERED_VERSIONS = 1024;
const RETRY_AFTER_SECONDS = 10;

/** One span on its way to subscribers. The frames are filled in when first needed and then shared. */
export interface TailSpan {
  /** Counts up from 1 as long as the hub lives. */
  readonly number: number;
  readonly json: Buffer;
  sse?: Buffer;
  socket?: string;
}

export type TailEvent =
  { readonly kind: 'span'; readonly span: TailSpan } | { readonly kind: 'missed'; readonly count: number };

export interface TailSubscription {
  /** The next event, or `undefined` when nothing waits; `onEvents` is called when that changes. */
  next(): TailEvent | undefined;
  /** True once the subscription or the hub is closed. */
  readonly closed: boolean;
  /** Idempotent. */
  close(): void;
}

export interface TailHubOptions {
  /** Bytes of span JSON that wait for one subscriber before spans are counted as missed. */
  readonly maxBufferedBytesPerSubscriber: number;
  readonly registry?: Registry;
}

export interface TailHub extends TailSink {
  /**
   * `onEvents` is called without arguments when events wait after none did, and once when the hub closes; it must not
   * throw. Throws `MPLP_ERR_TRACES_TAIL_LIMIT` when 32 other filters are in use.
   */
  subscribe(filter: TailFilter, onEvents: () => void): TailSubscription;
  /** Throws what `subscribe` would throw. */
  check(filter: TailFilter): void;
  readonly subscribers: number;
  close(): Promise<void>;
}

interface Subscriber {
  readonly queue: TailQueue;
  readonly onEvents: () => void;
  readonly group: Group;
  closed: boolean;
}

/** All subscribers with the same filter; one bit of the native mask. */
interface Group {
  readonly filter: TailFilter;
  readonly members: Set<Subscriber>;
}

/** Hands accepted spans to live subscribers, before they are in ClickHouse. Bounded per subscriber. */
export function createTailHub(options: TailHubOptions): TailHub {
  const groups = new Map<string, Group>();
  const lists = new Map<number, readonly Group[]>([[0, []]]);
  const metrics = createMetrics(options.registry, () => subscriberCount());
  let version = 0;
  let filters: readonly TailFilter[] = [];
  let spanNumber = 0;
  let closed = false;

  function subscriberCount(): number {
    let count = 0;
    for (const group of groups.values()) count += group.members.size;
    return count;
  }

  function filtersChanged(): void {
    version += 1;
    const list = [...groups.values()];
    filters = list.map((group) => group.filter);
    lists.set(version, list);
    lists.delete(version - REMEMBERED_VERSIONS);
  }

  function check(filter: TailFilter): void {
    if (closed)
      throw new MplpError('MPLP_ERR_TRACES_DRAINING', 'The engine is stopping; no new live tail is opened.');
    if (groups.has(tailFilterKey(filter)) || groups.size < MAX_FILTERS) return;
    throw new MplpError(
      'MPLP_ERR_TRACES_TAIL_LIMIT',
      `The live tail serves ${MAX_FILTERS} different filters at a time, and all are in use. Ask with a filter that others use, or later.`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  function subscribe(filter: TailFilter, onEvents: () => void): TailSubscription {
    check(filter);
    const key = tailFilterKey(filter);
    let group = groups.get(key);
    if (group === undefined) {
      group = { filter, members: new Set() };
      groups.set(key, group);
      filtersChanged();
    }
    const subscriber: Subscriber = {
      queue: new TailQueue(options.maxBufferedBytesPerSubscriber),
      onEvents,
      group,
      closed: false,
    };
    group.members.add(subscriber);
    return {
      next: () => subscriber.queue.shift(),
      get closed() {
        return subscriber.closed;
      },
      close: () => leave(subscriber, key),
    };
  }

  function leave(subscriber: Subscriber, key: string): void {
    if (subscriber.closed) return;
    subscriber.closed = true;
    subscriber.queue.clear();
    subscriber.group.members.delete(subscriber);
    if (subscriber.group.members.size > 0 || groups.get(key) !== subscriber.group) return;
    groups.delete(key);
    filtersChanged();
  }

  function publish(batch: TailBatch): void {
    if (groups.size === 0) return;
    const list = lists.get(batch.version);
    const awake = new Set<Subscriber>();
    if (list === undefined) missAll(batch, awake);
    else {
      for (let at = 0; at + 2 < batch.matches.length; at += 3) offer(batch, at, list, awake);
      batch.matchesDropped.forEach((count, index) => {
        if (count > 0) for (const subscriber of list[index]?.members ?? []) miss(subscriber, count, awake);
      });
    }
    for (const subscriber of awake) subscriber.onEvents();
  }

  function offer(batch: TailBatch, at: number, list: readonly Group[], awake: Set<Subscriber>): void {
    const start = batch.matches[at + 1] as number;
    const end = batch.matches[at + 2] as number;
    let span: TailSpan | undefined;
    for (let mask = batch.matches[at] as number; mask !== 0; mask &= mask - 1) {
      const group = list[31 - Math.clz32(mask & -mask)];
      if (group === undefined) continue;
      for (const subscriber of group.members) {
        if (!subscriber.queue.hasRoom(end - start)) {
          miss(subscriber, 1, awake);
          continue;
        }
        span ??= { number: ++spanNumber, json: compactSpan(batch.form, batch.body.subarray(start, end)) };
        if (subscriber.queue.hasRoom(span.json.length)) {
          if (subscriber.queue.isEmpty) awake.add(subscriber);
          subscriber.queue.push(span);
        } else miss(subscriber, 1, awake);
      }
    }
  }

  function miss(subscriber: Subscriber, count: number, awake: Set<Subscriber>): void {
    if (subscriber.queue.isEmpty) awake.add(subscriber);
    subscriber.queue.miss(count);
    metrics?.missed.inc(count);
  }

  /** The filters changed so often while the body was decoded that nobody knows whose its spans are: say so to all. */
  function missAll(batch: TailBatch, awake: Set<Subscriber>): void {
    let count = batch.matches.length / 3;
    for (const dropped of batch.matchesDropped) count += dropped;
    if (count > 0)
      for (const group of groups.values())
        for (const subscriber of group.members) miss(subscriber, count, awake);
  }

  function close(): Promise<void> {
    closed = true;
    const members = [...groups.entries()].flatMap(([key, group]) =>
      [...group.members].map((m) => [key, m] as const),
    );
    for (const [key, member] of members) {
      leave(member, key);
      member.onEvents();
    }
    return Promise.resolve();
  }

  return {
    get version() {
      return version;
    },
    get subscribers() {
      return subscriberCount();
    },
    filters: () => filters,
    publish,
    check,
    subscribe,
    close,
  };
}

function createMetrics(registry: Registry | undefined, subscribers: () => number) {
  if (registry === undefined) return undefined;
  new Gauge({
    name: 'mplp_tail_subscribers',
    help: 'Open live tails.',
    registers: [registry],
    collect() {
      this.set(subscribers());
    },
  });
  return {
    missed: new Counter({
      name: 'mplp_tail_missed_spans_total',
      help: 'Spans that a live-tail subscriber did not get because it reads too slowly, summed over subscribers.',
      registers: [registry],
    }),
  };
}
