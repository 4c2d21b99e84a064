import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { startFaultProxy, type Fault, type FaultProxy } from '../support/fault-proxy.js';
import { startPostgresProxy, type PostgresProxy } from '../support/postgres-proxy.js';
import { hasRedis, startTestRedis, type TestRedis } from '../support/redis-server.js';

/** Two engines, a Redis that does what it likes, and the answers that are the same all the time. */
describe.skipIf(!hasRedis)('state over HTTP, and a Redis that fails', () => {
  let postgres: TestPostgres;
  let toPostgres: PostgresProxy;
  let redis: TestRedis;
  let proxy: FaultProxy;
  let engines: EngineProcess[] = [];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    toPostgres = await startPostgresProxy(postgres.server.port);
    redis = await startTestRedis();
    proxy = await startFaultProxy(`http://127.0.0.1:${redis.port}`);
    const env = {
      CLICKHOUSE_URL: 'http://127.0.0.1:9',
      DATABASE_URL: postgres.server.url.replace(/:\d+\//, `:${toPostgres.port}/`),
      REDIS_URL: redis.url.replace(String(redis.port), new URL(proxy.url).port),
      MPLP_ADMIN_KEY: 'admin-key-of-both-engines',
    };
    engines = await Promise.all([startEngineWithState(env), startEngineWithState(env)]);
  });
  afterAll(async () => {
    proxy.fault = { kind: 'none' };
    await Promise.all(engines.map((engine) => engine.close()));
    await proxy.close();
    await redis.close();
    await toPostgres.close();
    await postgres.close();
  });

  const call = (
    at: number,
    method: string,
    path: string,
    body?: object,
    key = (engines[at] as EngineProcess).key,
  ): Promise<Response> =>
    fetch(`${(engines[at] as EngineProcess).url}/v1.0/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const create = async (): Promise<string> =>
    ((await (await call(0, 'POST', 'contexts', {})).json()) as { id: string }).id;
  const makeKey = async (): Promise<{ id: string; key: string }> => {
    const roles = [predefinedRoles.VIEWER.id];
    const made = await call(0, 'POST', 'api-keys', { subject: 'agent:redis', name: 'k', roles });
    return (await made.json()) as { id: string; key: string };
  };
  const statusWith = async (at: number, key: string): Promise<number> =>
    (await call(at, 'GET', 'contexts', undefined, key)).status;

  /** Changes that go from one engine to the other, and what each of them answers meanwhile. */
  async function expectRight(): Promise<void> {
    const id = await create();
    const { id: keyId, key } = await makeKey();
    for (const at of [0, 1]) await until(async () => (await statusWith(at, key)) === 200);
    for (let version = 2; version <= 9; version++) {
      const [by, other] = [version % 2, (version + 1) % 2];
      const reply = await call(by, 'POST', `contexts/${id}/variables`, { key: 'n', value: version });
      expect([200, 201]).toContain(reply.status);
      expect(await reply.json()).toEqual({ key: 'n', value: version, version });
      // Who made it knows it at once; the other one hears of it by the event log, whatever Redis does.
      const read = async (at: number): Promise<unknown> =>
        (await call(at, 'GET', `contexts/${id}/variables/n`)).json();
      expect(await read(by)).toEqual({ key: 'n', value: version, version });
      await until(async () => ((await read(other)) as { version: number }).version === version);
    }
    // Closed at once where it is revoked, and soon at the other one; never open again after that.
    expect((await call(0, 'DELETE', `api-keys/${keyId}`)).status).toBe(204);
    expect(await statusWith(0, key)).toBe(401);
    await until(async () => (await statusWith(1, key)) === 401);
    for (const at of [0, 1, 0, 1]) expect(await statusWith(at, key)).toBe(401);
    expect((await call(1, 'DELETE', `contexts/${id}`)).status).toBe(204);
    expect((await call(1, 'GET', `contexts/${id}`)).status).toBe(404);
    await until(async () => (await call(0, 'GET', `contexts/${id}`)).status === 404);
  }

  const faults: [string, Fault][] = [
    ['there', { kind: 'none' }],
    ['away', { kind: 'down' }],
    ['hanging', { kind: 'hang' }],
    ['slow', { kind: 'slow', bytesPerSecond: 2_000 }],
    ['late', { kind: 'late', delayMs: 40 }],
    ['losing replies', { kind: 'lose-reply' }],
  ];
  it.each(faults)('is right with a Redis that is %s', async (_, fault) => {
    proxy.fault = fault;
    try {
      await expectRight();
    } finally {
      proxy.fault = { kind: 'none' };
    }
  });

  it('is right while Redis is flushed and its keys are evicted, again and again', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-random');
    let isOver = false;
    const spoiling = (async () => {
      for (let n = 0; !isOver; n++) {
        if (n % 2 === 0) await redis.client.flushall();
        // Less than it holds without a single value, so that whatever is written is evicted or refused.
        await redis.client.config('SET', 'maxmemory', n % 4 < 2 ? '1' : '0');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await redis.client.config('SET', 'maxmemory', '0');
    })();
    try {
      await expectRight();
    } finally {
      isOver = true;
      await spoiling;
    }
  });

  it('fails closed with Redis and Postgres away: a key that nobody can ask for opens nothing', async () => {
    const { key } = await makeKey();
    proxy.fault = { kind: 'down' };
    toPostgres.isUp = false;
    try {
      for (const at of [0, 1]) {
        const reply = await call(at, 'GET', 'contexts', undefined, key);
        expect(reply.status).toBe(503);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await statusWith(at, `${key.slice(0, -1)}x`)).not.toBe(200);
        expect((await call(at, 'POST', 'contexts', {})).status).toBe(503);
      }
    } finally {
      toPostgres.isUp = true;
      proxy.fault = { kind: 'none' };
    }
    for (const at of [0, 1]) await until(async () => (await statusWith(at, key)) === 200);
  });
});
