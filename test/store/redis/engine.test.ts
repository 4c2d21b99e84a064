import { expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { freePort, hasRedis, REDIS_PASSWORD, startTestRedis } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

interface Readiness {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

const readiness = async (engine: EngineProcess): Promise<Readiness> =>
  (await (await fetch(`${engine.url}/ready`)).json()) as Readiness;

it.skipIf(!hasRedis)('is ready without its Redis, says so, and uses it when it comes', async () => {
  const port = await freePort();
  const url = `redis://:${REDIS_PASSWORD}@127.0.0.1:${port}`;
  const engine = await startEngine({ REDIS_URL: url });
  try {
    await until(
      async () => (await readiness(engine)).parts['redis']?.detail.includes('ECONNREFUSED') === true,
    );
    expect(await readiness(engine)).toMatchObject({
      status: 'ready',
      parts: { redis: { ok: false, optional: true } },
    });
    const redis = await startTestRedis({ port });
    await until(async () => (await readiness(engine)).parts['redis']?.ok === true);
    await redis.close();
    await until(async () => (await readiness(engine)).parts['redis']?.ok === false);
    const metrics = await fetch(`${engine.url}/metrics`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    const text = await metrics.text();
    expect(text).toMatch(/^mplp_redis_up\{connection="commands"\} 0$/m);
    expect(text).toMatch(/^mplp_cache_misses_total 0$/m);
    expect(engine.stderr).not.toContain(REDIS_PASSWORD);
  } finally {
    expect(await engine.close()).toBe(0);
  }
});

it('has a cache, and no part of that name, without Redis', async () => {
  const engine = await startEngine();
  try {
    expect((await readiness(engine)).parts['redis']).toBeUndefined();
    const metrics = await fetch(`${engine.url}/metrics`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    expect(await metrics.text()).toMatch(/^mplp_cache_bytes 0$/m);
  } finally {
    expect(await engine.close()).toBe(0);
  }
});
