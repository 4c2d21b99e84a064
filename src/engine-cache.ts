import type { Registry } from 'prom-client';
import type { Config } from './config/index.js';
import type { PartState } from './http/index.js';
import type { Logger } from './observability/log.js';
import { createLocalBus, createRedisBus, type Bus } from './store/bus/index.js';
import { createRedisLevel, createStateCache, type StateCache } from './store/cache/index.js';
import { createRedisLink, createRedisMetrics } from './store/redis/index.js';

export interface EngineCache {
  readonly cache: StateCache;
  readonly bus: Bus;
  /** For `/ready`; nothing without Redis. Asks nobody. */
  parts(): PartState[];
  /** To be called when nothing uses cache and bus any more. */
  close(): Promise<void>;
}

/** The cache of the modules' state and the bus between engines: with Redis when one is configured. Waits for nothing. */
export function createEngineCache(config: Config, log: Logger, registry: Registry): EngineCache {
  const { redisUrl: url, cacheBytes: maxBytes } = config;
  if (url === undefined) {
    const bus = createLocalBus({ log });
    const cache = createStateCache({ maxBytes, registry });
    return {
      cache,
      bus,
      parts: () => [],
      async close() {
        await cache.close();
        await bus.close();
      },
    };
  }
  const metrics = createRedisMetrics(registry);
  const link = createRedisLink({ url, name: 'commands', log, metrics });
  const bus = createRedisBus({ url, link, log, metrics });
  const cache = createStateCache({ maxBytes, registry, bus, second: createRedisLevel({ link, registry }) });
  return {
    cache,
    bus,
    parts: () => [{ name: 'redis', ok: link.isUp, detail: link.detail, optional: true }],
    async close() {
      await cache.close();
      await bus.close();
      await link.close();
    },
  };
}
