import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { SyncClient } from '../support/sync-client.js';

/** Without Redis: what engines know of each other, they know by the event log. */
describe('contexts of two engines on one Postgres', () => {
  let postgres: TestPostgres;
  let engines: EngineProcess[] = [];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    const env = { DATABASE_URL: postgres.server.url };
    engines = await Promise.all([startEngineWithState(env), startEngineWithState(env)]);
  });
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await postgres.close();
  });

  const call = (
    engine: number,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const { url, key } = engines[engine] as EngineProcess;
    return fetch(`${url}/v1.0/contexts${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const create = async (): Promise<string> =>
    ((await (await call(0, 'POST', '', {})).json()) as { id: string }).id;
  const versionAt = async (engine: number, id: string): Promise<string | null> =>
    (await call(engine, 'GET', `/${id}`)).headers.get('etag');

  it('are the same at both, however often the other one has read them before', async () => {
    const id = await create();
    for (let version = 1; version <= 20; version++) {
      await until(async () => (await versionAt(1, id)) === `"${version}"`);
      const reply = await call(version % 2, 'POST', `/${id}/variables`, {
        key: `k${version}`,
        value: version,
      });
      expect(reply.status).toBe(201);
    }
    for (const engine of [0, 1]) await until(async () => (await versionAt(engine, id)) === '"21"');
    expect(await (await call(0, 'GET', `/${id}/variables`)).json()).toEqual(
      await (await call(1, 'GET', `/${id}/variables`)).json(),
    );
    expect((await call(1, 'DELETE', `/${id}`)).status).toBe(204);
    await until(async () => (await call(0, 'GET', `/${id}`)).status === 404);
  });

  it('lose no change that both make at a time', async () => {
    const id = await create();
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        call(n % 2, 'POST', `/${id}/variables`, { key: `k${n}`, value: n }),
      ),
    );
    expect(replies.every(({ status }) => status === 201)).toBe(true);
    for (const engine of [0, 1]) await until(async () => (await versionAt(engine, id)) === '"61"');
    const { variables } = (await (await call(1, 'GET', `/${id}/variables`)).json()) as { variables: object };
    expect(variables).toEqual(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${n}`, n])));
    // Of those that have seen one version, one wins, whichever engine they ask.
    const race = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        call(n % 2, 'PUT', `/${id}/status`, { status: 'suspended', reason: `${n}` }, { 'if-match': '"61"' }),
      ),
    );
    expect(race.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
  });

  it('reach a node at one engine when the other one changes them', async () => {
    const id = await create();
    const node = await SyncClient.open(engines[1] as EngineProcess, 'node1');
    node.subscribe(id);
    await node.until(() => node.version === 1);
    for (let n = 2; n <= 5; n++) await call(0, 'POST', `/${id}/variables`, { key: 'n', value: n });
    await node.until(() => node.version === 5);
    expect(node.document).toEqual(await (await call(0, 'GET', `/${id}`)).json());
    await node.close();
  });
});
