import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { CacheKey, StateCache, VersionedValue } from '#dist/store/cache/index.js';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
import type { TestRedis } from '../../support/redis-server.js';
import {
  briefKey,
  contextKey,
  createGate,
  openCache,
  redisLimits,
  untilTrusted,
  type TestCache,
  type TestCacheOptions,
} from './caches.js';

/** What may happen to two engines that share a database and a Redis. */
export type Step =
  | { readonly do: 'read'; readonly node: number; readonly key: number; readonly isSlow: boolean }
  | { readonly do: 'finish load'; readonly which: number }
  | { readonly do: 'update' | 'delete'; readonly node: number; readonly key: number }
  | { readonly do: 'hear'; readonly node: number; readonly events: number }
  | { readonly do: 'restart node' | 'reset'; readonly node: number }
  | { readonly do: 'cut' | 'heal'; readonly node: number; readonly kind: 'down' | 'hang' | 'lose-reply' }
  | { readonly do: 'flush' | 'evict clock' | 'kill Redis' | 'save Redis' | 'roll Redis back' }
  /** As a replica: it answers with what it has. */
  | { readonly do: 'refuse writes' | 'take writes' }
  | { readonly do: 'evict'; readonly key: number };

const node = fc.nat(1);
const key = fc.nat(3);
const constant = <T extends Step['do']>(name: T) => fc.constant(name);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 18,
      arbitrary: fc.record({ do: constant('read'), node, key, isSlow: fc.nat(3).map((n) => n === 0) }),
    },
    { weight: 6, arbitrary: fc.record({ do: constant('finish load'), which: fc.nat(9) }) },
    { weight: 6, arbitrary: fc.record({ do: constant('update'), node, key }) },
    { weight: 1, arbitrary: fc.record({ do: constant('delete'), node, key }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: constant('hear'), node, events: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: constant('restart node'), node }) },
    { weight: 1, arbitrary: fc.record({ do: constant('reset'), node }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('cut' as const, 'heal' as const, 'heal' as const),
        node,
        kind: fc.constantFrom('down' as const, 'hang' as const, 'lose-reply' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom(
          ...(['flush', 'evict clock', 'kill Redis', 'save Redis', 'roll Redis back'] as const),
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('refuse writes' as const, 'take writes' as const) }),
    },
    { weight: 1, arbitrary: fc.record({ do: constant('evict'), key }) },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);

interface Row {
  version: number;
  exists: boolean;
  /** Number of the commit that made it so. */
  commit: number;
}

interface Node {
  readonly proxy: FaultProxy;
  opened: TestCache;
  cache: StateCache;
  /** Events heard: all before this one. */
  cursor: number;
  /** Commits that this engine knows of, by key: it may serve nothing older. */
  readonly told: number[];
}

/** How a cache is made; the planted bugs make one that is wrong. */
export type OpenCache = (options: TestCacheOptions) => { opened: TestCache; cache: StateCache };

export const openRight: OpenCache = (options) => {
  const opened = openCache(options);
  return { opened, cache: opened.cache };
};

/** Time for answers of Redis and for new connections, so that something is found there now and then. */
const PAUSES_MS: Partial<Record<Step['do'], number>> = {
  read: 4,
  'finish load': 4,
  heal: 30,
  'restart node': 30,
  'kill Redis': 30,
  flush: 25,
};

const keyOf = (key: number): CacheKey => (key % 2 === 0 ? briefKey : contextKey)(`row ${key}`);

/**
 * Runs the steps on two engines with real caches and a real Redis, beside a database in memory. What each read gives is
 * compared with what its engine had been told when it got it.
 *
 * @returns how many reads were served by Redis
 * @throws Error that says which engine served what, and what it knew
 */
export async function runCluster(redis: TestRedis, all: readonly Step[], open: OpenCache): Promise<number> {
  await redis.client.replicaof('NO', 'ONE');
  await redis.client.flushall();
  const rows: Row[] = Array.from({ length: 4 }, () => ({ version: 1, exists: true, commit: 0 }));
  const history: boolean[][] = rows.map(() => [true]);
  const log: { readonly key: number; readonly version: number; readonly commit: number }[] = [];
  let commits = 0;
  const loads: { readonly open: () => void }[] = [];
  const reads: Promise<void>[] = [];
  let saved: Map<string, Buffer> | undefined;
  const faults: string[] = [];

  const start = (proxy: FaultProxy) =>
    open({
      url: redis.url.replace(String(redis.port), new URL(proxy.url).port),
      hasBus: true,
      redis: { ...redisLimits, replyMs: 50, maxTimeouts: 2 },
      level: { maxFloors: 3 },
    });
  const nodes: Node[] = await Promise.all(
    [0, 1].map(async () => {
      const proxy = await startFaultProxy(`http://127.0.0.1:${redis.port}`);
      return { proxy, ...start(proxy), cursor: 0, told: rows.map(() => 0) };
    }),
  );
  for (const { cache } of nodes) cache.reset();
  for (const { opened } of nodes) await untilTrusted(opened);
  const hitsOf = (opened: TestCache) => opened.metric('mplp_cache_hits_total{level="l2"}');
  let hits = 0;
  for (const { opened } of nodes) hits -= await hitsOf(opened);

  const read = (number: number, at: number, isSlow: boolean): void => {
    const reader = nodes[number] as Node;
    const { cache } = reader;
    const load = async (): Promise<VersionedValue<number> | undefined> => {
      const { version, exists, commit } = rows[at] as Row;
      if (isSlow) {
        const gate = createGate();
        loads.push(gate);
        await gate.opened;
      }
      return exists ? { version, value: commit } : undefined;
    };
    reads.push(
      Promise.resolve(cache.read(keyOf(at), load)).then((result) => {
        // An engine that was restarted meanwhile answers nobody any more.
        if (reader.cache !== cache) return;
        const told = reader.told[at] ?? 0;
        const past = history[at] ?? [];
        const isRight =
          result === undefined
            ? past.some((exists, commit) => !exists && commit >= told)
            : result.value >= told && past[result.value] === true;
        if (!isRight)
          faults.push(
            `engine ${number} served ${JSON.stringify(result)} of row ${at}, knowing of commit ${told}`,
          );
      }),
    );
  };
  const change = (number: number, at: number, exists: boolean): void => {
    const row = rows[at] as Row;
    if (!exists && !row.exists) return;
    const version = exists ? (row.exists ? row.version + 1 : 1) : Infinity;
    rows[at] = { version: exists ? version : 0, exists, commit: ++commits };
    const past = history[at] as boolean[];
    while (past.length < commits) past.push(past[past.length - 1] as boolean);
    past.push(exists);
    log.push({ key: at, version, commit: commits });
    const by = nodes[number] as Node;
    // Of a row that came again under its id, an engine that has not heard of that knows nothing by its own change.
    const isKnown =
      version === 1 ||
      log.every(
        ({ key, version: each, commit }, index) =>
          key !== at ||
          commit === commits ||
          index < by.cursor ||
          Number.isFinite(each) ||
          commit < (by.told[at] ?? 0),
      );
    by.cache.invalidate(keyOf(at), version);
    if (isKnown) by.told[at] = commits;
  };
  const tell = (to: Node, at: number, version: number, commit: number): void => {
    to.cache.invalidate(keyOf(at), version);
    to.told[at] = Math.max(to.told[at] ?? 0, commit);
  };
  const textOf = (at: number) => `mplp:default:${keyOf(at).kind}:row%0020${at}`;

  const take = async (step: Step): Promise<void> => {
    const on = 'node' in step ? (nodes[step.node] as Node) : (nodes[0] as Node);
    switch (step.do) {
      case 'read':
        return read(step.node, step.key, step.isSlow);
      case 'finish load':
        return void loads.splice(step.which % Math.max(1, loads.length), 1)[0]?.open();
      case 'update':
      case 'delete':
        return change(step.node, step.key, step.do === 'update');
      case 'hear':
        for (const event of log.slice(on.cursor, on.cursor + step.events))
          tell(on, event.key, event.version, event.commit);
        on.cursor = Math.min(log.length, on.cursor + step.events);
        return;
      case 'restart node': {
        const { opened } = on;
        Object.assign(on, start(on.proxy), { cursor: log.length });
        // As an engine does when it has its place in the events.
        on.cache.reset();
        rows.forEach(({ commit }, at) => (on.told[at] = commit));
        hits += await hitsOf(opened);
        return opened.close();
      }
      case 'reset':
        on.cursor = log.length;
        on.cache.reset();
        return rows.forEach(({ commit }, at) => (on.told[at] = commit));
      case 'cut':
        on.proxy.fault = { kind: step.kind };
        return;
      case 'heal':
        on.proxy.fault = { kind: 'none' };
        return;
      case 'refuse writes':
        return void (await redis.client.replicaof('127.0.0.1', 9));
      case 'take writes':
        return void (await redis.client.replicaof('NO', 'ONE'));
      case 'flush':
        return void (await redis.client.flushall());
      case 'evict clock':
        return void (await redis.client.del('mplp:clock'));
      case 'evict':
        return void (await redis.client.del(textOf(step.key)));
      case 'kill Redis':
        return redis.restart();
      case 'save Redis':
        saved = new Map();
        for (const name of await redis.client.keys('mplp:*'))
          saved.set(name, (await redis.client.getBuffer(name)) as Buffer);
        return;
      case 'roll Redis back':
        if (saved === undefined) return;
        // As after a crash with an old snapshot: no connection outlives that.
        await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await redis.client.flushall();
        for (const [name, value] of saved) await redis.client.set(name, value, 'PX', 60_000);
    }
  };

  try {
    for (const step of all) {
      // What a replica refuses, it refuses to the tests, too.
      await take(step).catch((error: Error) => {
        if (!error.message.startsWith('READONLY')) throw error;
      });
      await delay(PAUSES_MS[step.do] ?? 1);
    }
  } finally {
    for (const { proxy } of nodes) proxy.fault = { kind: 'none' };
    const settled = Promise.all(reads);
    let isSettled = false;
    void settled.finally(() => (isSettled = true)).catch(() => undefined);
    // Loads that are repeated open further gates.
    while (!isSettled) {
      for (const { open: finish } of loads.splice(0)) finish();
      await delay(1);
    }
    for (const { opened, proxy } of nodes) {
      hits += await hitsOf(opened);
      await opened.close();
      await proxy.close();
    }
    await settled;
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return hits;
}
