import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CacheKey, StateCache } from '#dist/store/cache/index.js';
import { hasRedis, startTestRedis, type TestRedis } from '../../support/redis-server.js';
import { openRight, runCluster, steps, type OpenCache } from './cluster-model.js';

const RUNS = 25;

describe.skipIf(!hasRedis)('two engines on one Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.close());
  let hits = 0;
  const property = (open: OpenCache) =>
    fc.asyncProperty(steps, async (all) => {
      hits += await runCluster(redis, all, open);
    });

  it(
    'serve nothing older than what they were told, whatever happens to Redis',
    { timeout: 120_000 },
    async () => {
      await fc.assert(property(openRight), { numRuns: RUNS, endOnFailure: true });
      // Redis had its part in it.
      expect(hits).toBeGreaterThan(0);
    },
  );

  /** Caches that are wrong, each in one way. The property has to find each of them. */
  const planted: Record<string, OpenCache> = {
    'a change that nobody tells the cache of': (options) => {
      const { opened, cache } = openRight(options);
      return { opened, cache: { ...cache, invalidate: () => undefined } };
    },
    'a load under way that a change does not mark': (options) => {
      const { opened, cache } = openRight(options);
      return { opened, cache: withoutFlightMarks(cache) };
    },
    'a value in Redis that is believed whatever was told': (options) =>
      openRight({
        ...options,
        changeLevel: (level) => ({ ...level, invalidate: () => true, heardOf: () => undefined }),
      }),
  };
  for (const [bug, open] of Object.entries(planted)) {
    it(`are caught with ${bug}`, { timeout: 120_000 }, async () => {
      const outcome = await fc.check(property(open), { numRuns: 200, endOnFailure: true });
      expect(outcome.failed).toBe(true);
      expect(String(outcome.errorInstance)).toMatch(/engine \d served .* knowing of commit/);
    });
  }
});

/** Changes throw out what is held; a load that is under way is kept when it ends, as it is. */
function withoutFlightMarks(cache: StateCache): StateCache {
  const nameOf = (key: CacheKey) => JSON.stringify(key);
  const held = new Map<string, unknown>();
  return {
    ...cache,
    async read(key, load) {
      if (!held.has(nameOf(key))) held.set(nameOf(key), await load());
      return held.get(nameOf(key)) as Awaited<ReturnType<typeof load>>;
    },
    invalidate: (key) => void held.delete(nameOf(key)),
    reset: () => held.clear(),
  };
}
