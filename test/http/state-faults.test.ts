import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngine, startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { plantedEnv } from '../support/plant.js';
import { startPostgresProxy, type CommitFault, type PostgresProxy } from '../support/postgres-proxy.js';
import { sampleSpan } from '../support/sample-span.js';
import { bugs } from '../support/state/bugs.js';

/** Spans only have to be safe on disk here. */
const NO_CLICKHOUSE = { CLICKHOUSE_URL: 'http://127.0.0.1:9' };

interface Reply {
  readonly status: number;
  readonly etag: string | null;
  readonly retryAfter: number;
  readonly body: Record<string, unknown>;
}

async function call(
  { url, key }: EngineProcess,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(`${url}/v1.0/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    retryAfter: Number(response.headers.get('retry-after')),
    body: (text === '' ? {} : JSON.parse(text)) as Reply['body'],
  };
}

const create = async (engine: EngineProcess): Promise<string> =>
  String((await call(engine, 'POST', 'contexts', {})).body['id']);
const set = (engine: EngineProcess, id: string, key: string, idempotencyKey?: string): Promise<Reply> =>
  call(
    engine,
    'POST',
    `contexts/${id}/variables`,
    { key, value: 1 },
    idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
  );
const sendSpan = async (engine: EngineProcess): Promise<number> =>
  (await call(engine, 'POST', 'traces', sampleSpan())).status;

describe('a change over HTTP, and a Postgres that fails in the middle of it', () => {
  let server: TestPostgres;
  let proxy: PostgresProxy;
  let engine: EngineProcess;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startTestPostgres();
    proxy = await startPostgresProxy(server.server.port);
    env = { ...NO_CLICKHOUSE, DATABASE_URL: server.server.url.replace(/:\d+\//, `:${proxy.port}/`) };
    engine = await startEngineWithState(env);
  });
  afterEach(async () => {
    proxy.onCommit = 'none';
    // Sessions whose other side is gone without a word hold their locks of tables, which would hold up a test that makes
    // a trigger.
    await ask(
      server.server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mplp' AND state <> 'idle'`,
    );
  });
  afterAll(async () => {
    expect(await engine.close()).toBe(0);
    await proxy.close();
    await server.close();
  });

  /** Past the proxy. */
  const stored = async (id: string) => {
    const [row] = await ask<{ version: number; keys: string[]; events: number[] }>(
      server.server.url,
      `SELECT version::int, coalesce((SELECT json_agg(key) FROM json_object_keys(document -> 'shared_state' -> 'variables') AS key), '[]') AS keys,
         (SELECT json_agg(version ORDER BY transaction_id, sequence) FROM outbox WHERE subject_id = contexts.id) AS events
       FROM contexts WHERE id = '${id}'`,
    );
    return row as { version: number; keys: string[]; events: number[] };
  };

  /** The first that does not agree, over changes each of which meets one fault: answer, version, variables, events. */
  async function disagreement(of: EngineProcess): Promise<string | undefined> {
    const places = ['statement', 'commit'] as const;
    const kinds: CommitFault[] = ['lose-reply', 'break', 'lose-request'];
    for (const isKeyed of [false, true])
      for (const place of places)
        for (const fault of kinds) {
          // The server would hold the rows of that transaction until its own time limit, which is tried elsewhere.
          if (isKeyed && place === 'statement' && fault === 'lose-request') continue;
          const id = await create(of);
          const [name, key] = [randomUUID(), isKeyed ? randomUUID() : undefined];
          if (place === 'commit') proxy.onCommit = fault;
          else proxy.failOn(name, fault);
          const reply = await set(of, id, name, key);
          proxy.onCommit = 'none';
          let last = reply;
          if (isKeyed)
            await until(async () => {
              last = await set(of, id, name, key);
              return last.status < 300;
            });
          const { version, keys, events } = await stored(id);
          const isMade = isKeyed || reply.status === 201;
          const expected = {
            version: isMade ? 2 : 1,
            keys: isMade ? [name] : [],
            events: isMade ? [1, 2] : [1],
          };
          const isRight =
            [201, 503].includes(reply.status) &&
            (reply.status === 201 ||
              (reply.retryAfter > 0 && /nothing was changed/.test(String(reply.body['detail'])))) &&
            JSON.stringify({ version, keys, events }) === JSON.stringify(expected) &&
            (!isMade || (last.status === 201 && last.body['version'] === 2));
          if (!isRight)
            return `${place} ${fault}${isKeyed ? ' with a key' : ''}: ${JSON.stringify({ reply, last, version, events })}`;
          await until(async () => (await call(of, 'GET', `contexts/${id}`)).etag === `"${version}"`);
        }
    return undefined;
  }

  it('is made once or not at all, as its answer says', async () => {
    expect(await disagreement(engine)).toBeUndefined();
    expect(await sendSpan(engine)).toBe(202);
  });

  it.each(['outboxOutside', 'replyOutside'] as const)(
    'would not be with the bug %s: this test can fail',
    async (bug) => {
      const planted = await startEngineWithState({ ...env, ...plantedEnv(...bugs[bug]) });
      try {
        expect(await disagreement(planted)).toBeDefined();
      } finally {
        await planted.close();
      }
    },
  );

  it('runs again when it loses against others, and is a 503 that changed nothing when it always loses', async () => {
    const statements = (code: string, times: number) => `
      CREATE SEQUENCE losses;
      CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('losses') <= ${times} THEN RAISE EXCEPTION 'lost' USING ERRCODE = '${code}'; END IF;
        RETURN NEW; END $$;
      CREATE TRIGGER lose BEFORE UPDATE ON contexts FOR EACH ROW EXECUTE FUNCTION lose()`;
    const cleanUp = 'DROP TRIGGER lose ON contexts; DROP FUNCTION lose; DROP SEQUENCE losses';
    for (const code of ['40001', '40P01'])
      for (const key of [undefined, randomUUID()]) {
        const id = await create(engine);
        await ask(server.server.url, statements(code, 2));
        expect((await set(engine, id, 'k', key)).status).toBe(201);
        await ask(server.server.url, cleanUp);
        await ask(server.server.url, statements(code, 1_000));
        const refused = await set(engine, id, 'l', key === undefined ? undefined : `${key}-2`);
        await ask(server.server.url, cleanUp);
        expect([refused.status, refused.body['detail']]).toEqual([
          503,
          expect.stringMatching(/busy with the same rows .* nothing was changed/),
        ]);
        expect(refused.retryAfter).toBeGreaterThan(0);
        expect(await stored(id)).toEqual({ version: 2, keys: ['k'], events: [1, 2] });
      }
  });

  it('runs again after a real deadlock with somebody else', async () => {
    const id = await create(engine);
    const key = randomUUID();
    const other = postgres(server.server.url, { max: 1, onnotice: () => undefined });
    try {
      const before = await deadlocks(server);
      const session = await other.reserve();
      // The server gives up the one that has waited for the usual second, which is the engine's.
      await session.unsafe(
        `SET deadlock_timeout = '60s'; BEGIN; SELECT 1 FROM contexts WHERE id = '${id}' FOR UPDATE`,
      );
      const reply = set(engine, id, 'k', key);
      await until(async () => (await ask(server.server.url, WAITING)).length > 0);
      await session.unsafe(
        `INSERT INTO idempotency_keys (project_id, key, request_sha256)
         VALUES ('default', '${key}', decode(repeat('00', 32), 'hex'))`,
      );
      await session.unsafe('ROLLBACK');
      expect((await reply).status).toBe(201);
      expect(await stored(id)).toEqual({ version: 2, keys: ['k'], events: [1, 2] });
      await until(async () => (await deadlocks(server)) > before);
    } finally {
      await other.end({ timeout: 1 });
    }
  });

  it('is a 503 that changed nothing while Postgres is a standby, and goes on when it leads again', async () => {
    const id = await create(engine);
    const lead = async (isLeading: boolean): Promise<void> => {
      // What a client of a server sees that a failover has made a standby.
      await ask(
        server.server.url,
        `ALTER SYSTEM SET default_transaction_read_only = ${isLeading ? 'off' : 'on'}`,
      );
      await ask(server.server.url, 'SELECT pg_reload_conf()');
    };
    const read = () => call(engine, 'GET', `contexts/${id}`);
    try {
      await lead(false);
      await until(async () => (await set(engine, id, 'k')).status === 503);
      for (const key of [undefined, randomUUID()]) {
        const refused = await set(engine, id, 'l', key);
        expect([refused.status, refused.retryAfter > 0, refused.body['detail']]).toEqual([
          503,
          true,
          expect.stringContaining('nothing was changed'),
        ]);
      }
      expect((await read()).status).toBe(200);
      expect(await sendSpan(engine)).toBe(202);
    } finally {
      await lead(true);
    }
    const { version } = await stored(id);
    await until(async () => (await set(engine, id, 'm')).status === 201);
    const { keys } = await stored(id);
    expect(keys).not.toContain('l');
    expect((await stored(id)).version).toBe(version + 1);
  });

  it('is a 503 that changed nothing when all connections wait for somebody else, and spans go on', async () => {
    const id = await create(engine);
    const other = postgres(server.server.url, { max: 1, onnotice: () => undefined });
    try {
      const session = await other.reserve();
      await session.unsafe(`BEGIN; SELECT 1 FROM contexts WHERE id = '${id}' FOR UPDATE`);
      const keys = Array.from({ length: 26 }, () => randomUUID());
      const replies = keys.map((key, n) => set(engine, id, `k${n}`, key));
      await until(async () => (await ask(server.server.url, WAITING)).length >= 20);
      const beside = call(engine, 'GET', 'contexts');
      expect(await sendSpan(engine)).toBe(202);
      const first = await Promise.race(replies);
      expect([first.status, first.body['detail']]).toEqual([
        503,
        expect.stringContaining('nothing was changed'),
      ]);
      expect(first.retryAfter).toBeGreaterThan(0);
      await session.unsafe('ROLLBACK');
      for (const { status } of await Promise.all(replies)) expect([201, 503]).toContain(status);
      expect([200, 503]).toContain((await beside).status);
      const again = await Promise.all(keys.map((key, n) => set(engine, id, `k${n}`, key)));
      expect(again.map(({ status }) => status)).toEqual(keys.map(() => 201));
      const { version, keys: names, events } = await stored(id);
      expect([version, names.length, events]).toEqual([27, 26, Array.from({ length: 27 }, (_, n) => n + 1)]);
    } finally {
      await other.end({ timeout: 1 });
    }
  });
});

/** Sessions of the engine that wait for a lock. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE application_name = 'mplp' AND wait_event_type = 'Lock'`;

async function deadlocks(server: TestPostgres): Promise<number> {
  const [row] = await ask<{ n: string }>(
    server.server.url,
    `SELECT pg_stat_clear_snapshot(), deadlocks::text AS n FROM pg_stat_database WHERE datname = 'mplp'`,
  );
  return Number(row?.n ?? 0);
}

it.concurrent(
  'answers every call for state 503 before Postgres has come, takes spans, and serves state once it is there',
  async () => {
    const server = await startTestPostgres();
    const proxy = await startPostgresProxy(server.server.port);
    proxy.isUp = false;
    const engine = await startEngine({
      ...NO_CLICKHOUSE,
      DATABASE_URL: server.server.url.replace(/:\d+\//, `:${proxy.port}/`),
    });
    try {
      const id = randomUUID();
      for (const [method, path, body] of [
        ['GET', `contexts/${id}`],
        ['GET', 'contexts'],
        ['POST', 'contexts', {}],
        ['PUT', `contexts/${id}`, {}],
        ['PUT', `contexts/${id}/status`, { status: 'failed' }],
        ['POST', `contexts/${id}/variables`, { key: 'k', value: 1 }],
        ['DELETE', `contexts/${id}/variables/k`],
        ['POST', `contexts/${id}/snapshots`, {}],
        ['POST', `contexts/${id}/restore`, { snapshot_id: id }],
        ['DELETE', `contexts/${id}`],
        ['GET', 'roles'],
        ['POST', 'roles', { name: 'r' }],
        ['GET', 'api-keys'],
        ['POST', 'api-keys', { name: 'k', subject: 'agent:a' }],
        ['GET', 'webhooks'],
        ['GET', 'events'],
      ] as const) {
        const reply = await call(engine, method, path, body);
        expect([method, path, reply.status]).toEqual([method, path, 503]);
        expect(reply.retryAfter).toBeGreaterThan(0);
      }
      expect(await sendSpan(engine)).toBe(202);
      proxy.isUp = true;
      await until(async () => (await call(engine, 'POST', 'contexts', {})).status === 201);
      expect((await call(engine, 'GET', 'roles')).status).toBe(200);
    } finally {
      expect(await engine.close()).toBe(0);
      await proxy.close();
      await server.close();
    }
  },
);

it.concurrent(
  'answers in a bounded time when the network hangs, and makes each change once',
  async () => {
    const server = await startTestPostgres();
    const proxy = await startPostgresProxy(server.server.port);
    const engine = await startEngineWithState({
      ...NO_CLICKHOUSE,
      DATABASE_URL: server.server.url.replace(/:\d+\//, `:${proxy.port}/`),
    });
    try {
      const [plain, keyed] = [await create(engine), await create(engine)];
      const key = randomUUID();
      proxy.isHanging = true;
      const replies = Promise.all([
        set(engine, plain, 'k'),
        set(engine, keyed, 'k', key),
        call(engine, 'GET', 'contexts'),
      ]);
      expect(await sendSpan(engine)).toBe(202);
      await delay(500);
      // What went into the void does not come back.
      proxy.isHanging = false;
      const [first, ...others] = await replies;
      for (const { status, retryAfter } of [first, ...others])
        if (status !== 201) expect([status, retryAfter > 0]).toEqual([503, true]);
      await until(async () => (await set(engine, keyed, 'k', key)).status === 201);
      const versions = [
        await call(engine, 'GET', `contexts/${plain}`),
        await call(engine, 'GET', `contexts/${keyed}`),
      ];
      expect(versions.map(({ etag }) => etag)).toEqual([first.status === 201 ? '"2"' : '"1"', '"2"']);
    } finally {
      expect(await engine.close()).toBe(0);
      await proxy.close();
      await server.close();
    }
  },
  60_000,
);
