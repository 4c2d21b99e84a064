import { afterEach, describe, expect, it } from 'vitest';
import { Registry } from 'prom-client';
import {
  createRedisLink,
  createRedisMetrics,
  type RedisLimits,
  type RedisLink,
} from '#dist/store/redis/index.js';
import { createTestLog } from '../../support/log-lines.js';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { freePort, hasRedis, REDIS_PASSWORD, startTestRedis } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

const quick: Partial<RedisLimits> = { retryMs: 20, maxRetryMs: 50, connectMs: 300, heartbeatMs: 100 };

describe.skipIf(!hasRedis)('a connection to Redis', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const startRedis = async (...more: string[]) => {
    const redis = await startTestRedis({ more });
    closers.push(() => redis.close());
    return redis;
  };
  const open = (url: string, limits: Partial<RedisLimits> = {}) => {
    const registry = new Registry();
    const { log, lines } = createTestLog();
    const metrics = createRedisMetrics(registry);
    const link = createRedisLink({ url, name: 'test', log, metrics, limits: { ...quick, ...limits } });
    closers.push(() => link.close());
    return { link, lines, registry };
  };
  const asksFor = (link: RedisLink, text: string) => link.run((client) => client.echo(text));
  const failures = async (registry: Registry, reason: string) =>
    Number(
      new RegExp(`errors_total\\{connection="test",reason="${reason}"\\} (\\d+)`).exec(
        await registry.metrics(),
      )?.[1] ?? 0,
    );

  it('runs operations, in the database that the URL names', async () => {
    const redis = await startRedis();
    const { link } = open(redis.url);
    await until(() => link.isUp);
    expect(await asksFor(link, 'hello')).toEqual({ value: 'hello' });
    expect(link.detail).toBe('');
    await link.run((client) => client.set('a', '1'));
    expect(await redis.client.get('a')).toBe('1');
    expect(redis.client.options.db).toBe(1);
  });

  it('gives nothing while Redis is away, says why, logs it once, and goes on when it comes', async () => {
    const port = await freePort();
    const { link, lines, registry } = open(`redis://:${REDIS_PASSWORD}@127.0.0.1:${port}`);
    await until(() => link.detail.includes('ECONNREFUSED'));
    expect(await asksFor(link, 'x')).toBeUndefined();
    const redis = await startTestRedis({ port });
    closers.push(() => redis.close());
    await until(() => link.isUp);
    expect(await asksFor(link, 'x')).toEqual({ value: 'x' });
    expect(await registry.metrics()).toMatch(/mplp_redis_up\{connection="test"\} 1/);
    for (let i = 0; i < 3; i++) {
      await redis.restart();
      await until(() => link.isUp);
    }
    expect(lines.filter((line) => line.includes('goes on without'))).toHaveLength(1);
    expect(lines.join()).not.toContain(REDIS_PASSWORD);
  });

  it('says that the password is wrong without saying the password', async () => {
    const redis = await startRedis();
    const { link, lines } = open(redis.url.replace(REDIS_PASSWORD, 'not-the-password'));
    await until(() => link.detail !== '' && !link.detail.includes('yet'));
    expect(link.detail).toBe('Redis: WRONGPASS');
    expect(lines.join()).not.toContain('not-the-password');
  });

  it('gives up a Redis that answers nothing, and one operation takes no longer than that', async () => {
    const redis = await startRedis();
    const { link, registry } = open(redis.url);
    await until(() => link.isUp);
    redis.pause();
    for (let i = 0; i < 3; i++) expect(await asksFor(link, 'x')).toBeUndefined();
    expect(link.isUp).toBe(false);
    expect(await failures(registry, 'timeout')).toBe(3);
    // Nothing waits any more.
    expect(await asksFor(link, 'x')).toBeUndefined();
    expect(await failures(registry, 'timeout')).toBe(3);
    redis.resume();
    await until(() => link.isUp);
    expect(await asksFor(link, 'x')).toEqual({ value: 'x' });
  });

  it('notices a peer that vanished without a word, also when nobody asks', async () => {
    const redis = await startRedis();
    const proxy = await startFaultProxy(`http://127.0.0.1:${redis.port}`);
    closers.push(() => proxy.close());
    const { link } = open(redis.url.replace(String(redis.port), new URL(proxy.url).port));
    await until(() => link.isUp);
    proxy.fault = { kind: 'hang' };
    await until(() => !link.isUp);
    proxy.fault = { kind: 'none' };
    await until(() => link.isUp);
  });

  it('begins no more operations than it may have under way', async () => {
    const redis = await startRedis();
    const { link, registry } = open(redis.url, { maxInFlight: 10, maxTimeouts: 1_000, heartbeatMs: 60_000 });
    await until(() => link.isUp);
    redis.pause();
    const results = await Promise.all(Array.from({ length: 50 }, () => asksFor(link, 'x')));
    expect(results.filter((result) => result !== undefined)).toEqual([]);
    expect(await failures(registry, 'overload')).toBe(40);
    redis.resume();
    await until(async () => (await asksFor(link, 'x')) !== undefined);
  });

  it('takes a no for a no: nothing comes of the operation, and the connection stays', async () => {
    const redis = await startRedis();
    const { link, registry } = open(redis.url);
    await until(() => link.isUp);
    await redis.client.lpush('list', 'x');
    expect(await link.run((client) => client.get('list'))).toBeUndefined();
    expect(
      await link.run(() => {
        throw new Error('of the caller');
      }),
    ).toBeUndefined();
    expect(await failures(registry, 'refused')).toBe(1);
    expect(link.isUp).toBe(true);
  });

  it('needs no password that Redis does not ask for, and says nothing on the console', async () => {
    const redis = await startRedis('--requirepass', '');
    const { link } = open(redis.url);
    await until(() => link.isUp);
    expect(await asksFor(link, 'x')).toEqual({ value: 'x' });
  });

  it('closes at once, whatever it is doing', async () => {
    const redis = await startRedis();
    redis.pause();
    const { link } = open(redis.url, { connectMs: 60_000 });
    await link.close();
    expect(await asksFor(link, 'x')).toBeUndefined();
    redis.resume();
  });
});
