import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { startPostgresProxy, type PostgresProxy } from '../support/postgres-proxy.js';

/** The first reaches Postgres directly, the second through a proxy that can take it away. */
describe('schemas of two engines on one Postgres', () => {
  let postgres: TestPostgres;
  let proxy: PostgresProxy;
  let engines: EngineProcess[] = [];
  let dataDir = '';
  const env = (): Record<string, string> => ({ DATABASE_URL: postgres.server.url });
  beforeAll(async () => {
    postgres = await startTestPostgres();
    proxy = await startPostgresProxy(postgres.server.port);
    dataDir = await mkdtemp(join(tmpdir(), 'mplp-schemas-'));
    const throughProxy = postgres.server.url.replace(`:${postgres.server.port}/`, `:${proxy.port}/`);
    engines = await Promise.all([
      startEngineWithState(env(), dataDir),
      startEngineWithState({ DATABASE_URL: throughProxy }),
    ]);
  });
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await proxy.close();
    await postgres.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const call = (engine: number, path: string, body?: object): Promise<Response> => {
    const { url, key } = engines[engine] as EngineProcess;
    return fetch(`${url}/v1.0/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const register = (engine: number, id: string, schema: unknown): Promise<Response> =>
    call(engine, 'schemas', { schema_id: id, schema });
  const isValid = async (engine: number, id: string, document: unknown): Promise<boolean> => {
    const reply = await call(engine, 'protocol/validate', { schema_id: id, document });
    expect(reply.status).toBe(200);
    return ((await reply.json()) as { valid: boolean }).valid;
  };

  it('are the same at both as soon as they are registered, and refer to each other', async () => {
    const [leaf, tree] = [`leaf-${randomUUID()}`, `tree-${randomUUID()}`];
    expect((await call(1, `schemas/${leaf}`)).status).toBe(404);
    expect((await register(0, leaf, { type: 'string' })).status).toBe(201);
    expect((await call(1, `schemas/${leaf}`)).status).toBe(200);
    expect((await register(1, leaf, { type: 'string' })).status).toBe(200);
    expect((await register(1, leaf, { type: 'number' })).status).toBe(409);
    const refers = { properties: { leaf: { $ref: `mplp-schema:///${leaf}` } } };
    expect((await register(1, tree, refers)).status).toBe(201);
    for (const engine of [0, 1])
      expect([await isValid(engine, tree, { leaf: 'x' }), await isValid(engine, tree, { leaf: 3 })]).toEqual([
        true,
        false,
      ]);
  });

  it('that both register at a time are those of one of them', async () => {
    for (let round = 0; round < 10; round++) {
      const id = `raced-${randomUUID()}`;
      const statuses = await Promise.all(
        [0, 1, 0, 1].map(async (engine, n) => (await register(engine, id, { minimum: n })).status),
      );
      expect(statuses.sort()).toEqual([201, 409, 409, 409]);
    }
  });

  it('are told of in the event log', async () => {
    const id = `told-${randomUUID()}`;
    const { url, key } = engines[1] as EngineProcess;
    const abort = new AbortController();
    const stream = await fetch(`${url}/v1.0/events?types=schema.*`, {
      headers: { authorization: `Bearer ${key}` },
      signal: abort.signal,
    });
    expect((await register(0, id, { type: 'string' })).status).toBe(201);
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of stream.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes(id) && text.endsWith('\n\n')) break;
    }
    abort.abort();
    const data = text.split('\n').find((line) => line.startsWith('data: ') && line.includes(id));
    expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject({
      type: 'schema.registered',
      version: 1,
      data: { schema_id: id, dialect: '2020-12' },
    });
  });

  it('are there after kill -9', async () => {
    const id = `kept-${randomUUID()}`;
    expect((await register(0, id, { type: 'string' })).status).toBe(201);
    await engines[0]?.kill();
    engines[0] = await startEngineWithState(env(), dataDir);
    expect(await isValid(0, id, 3)).toBe(false);
    expect((await register(0, id, { type: 'string' })).status).toBe(200);
  });

  it('that were used go on while Postgres is away, as do those of the protocol; the rest is a 503', async () => {
    const [used, unused] = [`used-${randomUUID()}`, `unused-${randomUUID()}`];
    await register(0, used, { type: 'string' });
    await register(0, unused, { type: 'string' });
    expect(await isValid(1, used, 'x')).toBe(true);
    proxy.isUp = false;
    try {
      expect([await isValid(1, used, 'x'), await isValid(1, used, 3)]).toEqual([true, false]);
      const plan = 'https://mplp.dev/schemas/v1.0/plan.json';
      expect(await isValid(1, plan, {})).toBe(false);
      expect((await call(1, `schemas/${encodeURIComponent(plan)}`)).status).toBe(200);
      for (const reply of [
        await call(1, 'protocol/validate', { schema_id: unused, document: 'x' }),
        await call(1, `schemas/${unused}`),
        await register(1, `new-${randomUUID()}`, {}),
        await call(1, 'schemas'),
      ]) {
        expect(reply.status).toBe(503);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        expect(await reply.json()).toMatchObject({
          type: 'https://mplp.dev/errors/MPLP_ERR_STORE_UNAVAILABLE',
        });
      }
    } finally {
      proxy.isUp = true;
    }
    await until(async () => (await call(1, `schemas/${unused}`)).status === 200);
    expect(await isValid(1, unused, 'x')).toBe(true);
  });
});
