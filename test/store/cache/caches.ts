import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { createRedisBus, type Bus } from '#dist/store/bus/index.js';
import {
  createRedisLevel,
  createStateCache,
  defaultCacheTtls,
  type CacheKey,
  type RedisLevelLimits,
  type SecondLevel,
  type StateCache,
  type StateCacheOptions,
  type VersionedValue,
} from '#dist/store/cache/index.js';
import {
  createRedisLink,
  createRedisMetrics,
  type RedisLimits,
  type RedisLink,
} from '#dist/store/redis/index.js';
import { createTestLog } from '../../support/log-lines.js';
import { until } from '../../support/until.js';

export interface TestCache {
  readonly cache: StateCache;
  readonly registry: Registry;
  readonly link: RedisLink | undefined;
  /** The value of a metric, by its name and labels as Prometheus writes them. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

export interface TestCacheOptions extends Partial<StateCacheOptions> {
  /** With Redis, when given. */
  readonly url?: string;
  readonly hasBus?: boolean;
  readonly redis?: Partial<RedisLimits>;
  readonly level?: Partial<RedisLevelLimits>;
  /** Plants a bug in the second level. */
  readonly changeLevel?: (level: SecondLevel) => SecondLevel;
}

/** Faults show soon, and a busy machine is none. */
export const redisLimits: Partial<RedisLimits> = {
  replyMs: 500,
  retryMs: 20,
  maxRetryMs: 50,
  connectMs: 500,
};

/** A cache as an engine has it. */
export function openCache(options: TestCacheOptions = {}): TestCache {
  const registry = new Registry();
  const { log } = createTestLog();
  let link: RedisLink | undefined;
  let bus: Bus | undefined;
  let { second } = options;
  if (options.url !== undefined) {
    const { url } = options;
    const limits = { ...redisLimits, ...options.redis };
    const metrics = createRedisMetrics(registry);
    link = createRedisLink({ url, name: 'commands', log, metrics, limits });
    if (options.hasBus === true) bus = createRedisBus({ url, link, log, metrics, limits });
    second = createRedisLevel({ link, registry, limits: { retryMs: 20, ...options.level } });
    second = options.changeLevel?.(second) ?? second;
  }
  const cache = createStateCache({
    maxBytes: 1024 * 1024,
    registry,
    ttls,
    ...options,
    ...(second === undefined ? {} : { second }),
    ...(bus === undefined ? {} : { bus }),
  });
  return {
    cache,
    registry,
    link,
    async metric(name) {
      const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name} `));
      return Number(line?.slice(name.length + 1) ?? NaN);
    },
    async close() {
      await cache.close();
      await bus?.close();
      await link?.close();
    },
  };
}

/** Waits until Redis is believed: what one cache loads is found by another. */
export async function untilTrusted(one: TestCache): Promise<void> {
  const hits = () => one.metric('mplp_cache_hits_total{level="l2"}');
  const before = await hits();
  await until(async () => {
    const key = briefKey(`probe-${Math.random()}`);
    for (let i = 0; i < 2; i++) {
      await one.cache.read(key, async () => ({ version: 1, value: 'probe' }));
      await delay(20);
    }
    return (await hits()) > before;
  });
}

export const contextKey = (id: string): CacheKey => ({ projectId: 'default', kind: 'context', id });
/** Of a kind that memory forgets at once, so that the next read goes to Redis. */
export const briefKey = (id: string): CacheKey => ({ projectId: 'default', kind: 'brief', id });
const ttls = { ...defaultCacheTtls, brief: { l1Ms: 1, l2Ms: 60_000 } };

/** A database of one row, that counts how often it was read. */
export function createRow(version = 1) {
  const row = {
    version,
    loads: 0,
    load: async (): Promise<VersionedValue<string>> => {
      row.loads++;
      return { version: row.version, value: `v${row.version}` };
    },
  };
  return row;
}

/** Something that waits until it is opened. */
export function createGate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
