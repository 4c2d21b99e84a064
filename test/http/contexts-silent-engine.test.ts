import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { plantedEnv } from '../support/plant.js';

/**
 * Two engines, the first of which tells nobody of what it commits, as one that dies between COMMIT and NOTIFY: until the next
 * poll, 20 seconds later, the second one has not heard of it.
 */
describe('contexts that another engine has changed without a word', () => {
  let postgres: TestPostgres;
  let engines: EngineProcess[] = [];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    const env = {
      DATABASE_URL: postgres.server.url,
      CLICKHOUSE_URL: 'http://127.0.0.1:9',
      MPLP_ADMIN_KEY: 'admin-key-of-both-engines',
    };
    const silent = plantedEnv({
      file: 'store/events/outbox-reader.js',
      from: '!takeAppended(sql)',
      to: 'takeAppended(sql) || true',
    });
    engines = await Promise.all([startEngineWithState({ ...env, ...silent }), startEngineWithState(env)]);
  });
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await postgres.close();
  });

  const call = (
    at: number,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const { url, key } = engines[at] as EngineProcess;
    return fetch(`${url}/v1.0/${path.startsWith('api-keys') ? '' : 'contexts'}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const etagAt = async (at: number, id: string): Promise<string | null> =>
    (await call(at, 'GET', `/${id}`)).headers.get('etag');
  /** A context at version 1, which the second engine holds in its cache. */
  const cached = async (): Promise<string> => {
    const { id } = (await (await call(0, 'POST', '', {})).json()) as { id: string };
    await until(async () => (await etagAt(1, id)) === '"1"');
    expect((await call(0, 'POST', `/${id}/variables`, { key: 'n', value: 1 })).status).toBe(201);
    // Else this would try nothing.
    expect(await etagAt(1, id)).toBe('"1"');
    return id;
  };

  it('are not left as they are because an older version was so already', async () => {
    const id = await cached();
    expect((await call(0, 'PUT', `/${id}/status`, { status: 'suspended' })).status).toBe(200);
    const reply = await call(1, 'PUT', `/${id}/status`, { status: 'active' });
    expect([reply.status, reply.headers.get('etag')]).toEqual([200, '"4"']);
    expect(await reply.json()).toMatchObject({ status: 'active', shared_state: { variables: { n: 1 } } });
  });

  it('are served as new as a reply that was written down there and is given again here', async () => {
    const id = await cached();
    const headers = { 'idempotency-key': randomUUID() };
    const send = (at: number) => call(at, 'POST', `/${id}/variables`, { key: 'k', value: 2 }, headers);
    expect(await (await send(0)).json()).toEqual({ key: 'k', value: 2, version: 3 });
    expect(await (await send(1)).json()).toEqual({ key: 'k', value: 2, version: 3 });
    expect(await etagAt(1, id)).toBe('"3"');
  });

  it('are gone here when the answer that they were deleted there is given again', async () => {
    const id = await cached();
    const headers = { 'idempotency-key': randomUUID() };
    expect((await call(0, 'DELETE', `/${id}`, undefined, headers)).status).toBe(204);
    expect((await call(1, 'DELETE', `/${id}`, undefined, headers)).status).toBe(204);
    expect((await call(1, 'GET', `/${id}`)).status).toBe(404);
  });

  it('cannot be read any more with a key that was revoked there, once the answer is given again', async () => {
    const roles = [predefinedRoles.VIEWER.id];
    const made = await call(0, 'POST', 'api-keys', { subject: 'agent:a', name: 'k', roles });
    expect(made.status).toBe(201);
    const { id, key } = (await made.json()) as { id: string; key: string };
    const read = async () => (await call(1, 'GET', '', undefined, { authorization: `Bearer ${key}` })).status;
    expect(await read()).toBe(200);
    const headers = { 'idempotency-key': randomUUID() };
    expect((await call(0, 'DELETE', `api-keys/${id}`, undefined, headers)).status).toBe(204);
    expect(await read()).toBe(200);
    expect((await call(1, 'DELETE', `api-keys/${id}`, undefined, headers)).status).toBe(204);
    expect(await read()).toBe(401);
  });
});
