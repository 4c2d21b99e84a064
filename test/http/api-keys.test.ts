import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { ask, startTestPostgres, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { startPostgresProxy } from '../support/postgres-proxy.js';
import { connectRaw } from '../support/raw-http.js';
import { sampleSpan } from '../support/sample-span.js';
import { until } from '../support/until.js';

type Key = { id: string; key: string; subject: string };
const { ADMIN, DEVELOPER, VIEWER } = predefinedRoles;
const POLICY_VIOLATION = 1008;

describe('API keys while Postgres is away', () => {
  it('go on taking in spans, and new ones get a 503', async () => {
    const postgres = await startTestPostgres();
    const proxy = await startPostgresProxy(postgres.server.port);
    const url = postgres.server.url.replace(`:${postgres.server.port}/`, `:${proxy.port}/`);
    const engine = await startEngineWithState({ DATABASE_URL: url });
    const call = (key: string, method: string, path: string, body?: object): Promise<Response> =>
      fetch(`${engine.url}/v1.0/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const asAdmin = { headers: { authorization: `Bearer ${engine.key}` } };
    const make = async (subject: string): Promise<string> => {
      const roles = [ADMIN.id];
      const response = await call(engine.key, 'POST', 'api-keys', { subject, name: 'x', roles });
      return ((await response.json()) as Key).key;
    };
    try {
      const [known, unknown] = [await make('agent:known'), await make('agent:unknown')];
      // Keys are kept as soon as this engine follows the event log.
      await until(async () =>
        /mplp_events_following 1/.test(await (await fetch(`${engine.url}/metrics`, asAdmin)).text()),
      );
      expect((await call(known, 'POST', 'traces', sampleSpan())).status).toBe(202);
      proxy.isUp = false;
      for (let times = 0; times < 5; times++) {
        expect((await call(known, 'POST', 'traces', sampleSpan())).status).toBe(202);
        expect((await call(known, 'GET', 'traces')).status).toBe(200);
        for (const [key, method, path, body] of [
          [known, 'GET', 'contexts', undefined],
          [known, 'POST', 'roles', { name: 'x' }],
          [engine.key, 'GET', 'roles', undefined],
          [unknown, 'GET', 'traces', undefined],
          [unknown, 'POST', 'traces', sampleSpan()],
        ] as const) {
          const response = await call(key, method, path, body);
          expect([path, response.status]).toEqual([path, 503]);
          expect(response.headers.has('retry-after')).toBe(true);
        }
        expect((await call(engine.key, 'POST', 'traces', sampleSpan())).status).toBe(202);
      }
      proxy.isUp = true;
      await until(async () => (await call(unknown, 'POST', 'traces', sampleSpan())).status === 202);
    } finally {
      await engine.close();
      await proxy.close();
      await postgres.close();
    }
  });
});

/** Two engines on one Postgres, without Redis. */
describe('API keys', () => {
  let postgres: TestPostgres;
  let engines: [EngineProcess, EngineProcess];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    const env = { DATABASE_URL: postgres.server.url, MPLP_ADMIN_KEY: 'admin-key-of-both-engines' };
    engines = await Promise.all([startEngineWithState(env), startEngineWithState(env)]);
  });
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    await postgres.close();
  });

  const at = (n: number): EngineProcess => engines[n] as EngineProcess;
  const call = (
    key: string,
    method: string,
    path: string,
    body?: unknown,
    { engine = 0, headers = {} }: { engine?: number; headers?: Record<string, string> } = {},
  ): Promise<Response> =>
    fetch(`${at(engine).url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const admin = (method: string, path: string, body?: unknown, headers = {}): Promise<Response> =>
    call(at(0).key, method, path, body, { headers });
  const make = async (more: object = {}, creator = at(0).key): Promise<Key> => {
    const body = { subject: `agent:${randomUUID()}`, name: 'test', ...more };
    const response = await call(creator, 'POST', '/v1.0/api-keys', body);
    expect(response.status).toBe(201);
    return (await response.json()) as Key;
  };
  const statusOf = async (response: Promise<Response>): Promise<number> => (await response).status;

  it('show their secret once, and never again', async () => {
    const response = await admin('POST', '/v1.0/api-keys', {
      subject: 'human:ada',
      name: 'laptop',
      expires_at: '2999-01-01T00:00:00Z',
      roles: [VIEWER.id],
    });
    expect(response.status).toBe(201);
    const made = (await response.json()) as Key & { name: string };
    expect(made.key).toMatch(new RegExp(`^mplp_key_${made.id.replaceAll('-', '')}_[\\w-]{43}$`));
    expect(response.headers.get('location')).toBe(`/v1.0/api-keys/${made.id}`);
    const { key, ...document } = made;
    expect(await (await admin('GET', `/v1.0/api-keys/${made.id}`)).json()).toEqual(document);
    const list = await (await admin('GET', '/v1.0/api-keys?subject=human:ada')).text();
    expect(JSON.parse(list)).toEqual({ api_keys: [document], next: null });
    expect(list).not.toContain(key.slice(-43));
    const tables = await ask<{ row: string }>(
      postgres.server.url,
      `SELECT api_keys::text AS row FROM api_keys UNION ALL SELECT outbox::text FROM outbox
       UNION ALL SELECT idempotency_keys::text FROM idempotency_keys`,
    );
    expect(tables.length).toBeGreaterThan(0);
    expect(tables.filter(({ row }) => row.includes(key.slice(-43)))).toEqual([]);
    // The role came along.
    expect(await statusOf(call(key, 'GET', '/v1.0/contexts'))).toBe(200);
    expect(await statusOf(call(key, 'POST', '/v1.0/contexts', {}))).toBe(403);
  });

  it('are made once for one idempotency key, whose second answer has no secret', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { subject: 'agent:once', name: 'once' };
    const first = (await (await admin('POST', '/v1.0/api-keys', body, headers)).json()) as Key;
    const again = await admin('POST', '/v1.0/api-keys', body, headers);
    const { key, ...rest } = first;
    expect([again.status, await again.json()]).toEqual([201, rest]);
    const kept = await ask<{ reply: string }>(
      postgres.server.url,
      'SELECT reply::text AS reply FROM idempotency_keys',
    );
    expect(kept.some(({ reply }) => reply.includes(key.slice(-43)))).toBe(false);
    expect(await statusOf(admin('POST', '/v1.0/api-keys', { ...body, name: 'other' }, headers))).toBe(422);
  });

  it('are refused with a pointer for what is wrong, and nothing is half-made', async () => {
    const missing = randomUUID();
    for (const [body, status, pointer] of [
      [{ name: 'x' }, 400, '/subject'],
      [{ subject: 'ada', name: 'x' }, 400, '/subject'],
      [{ subject: 'agent:a' }, 400, '/name'],
      [{ subject: 'agent:a', name: '' }, 400, '/name'],
      [{ subject: 'agent:a', name: 'a\0' }, 400, '/name'],
      [{ subject: 'agent:a', name: 'x', expires_at: 1 }, 400, '/expires_at'],
      [{ subject: 'agent:a', name: 'x', roles: VIEWER.id }, 400, '/roles'],
      [{ subject: 'agent:a', name: 'x', roles: ['viewer'] }, 400, '/roles/0'],
      [{ subject: 'agent:a', name: 'x', project_id: '../x' }, 400, '/project_id'],
      [{ subject: 'agent:a', name: 'x', secret_sha256: 'x' }, 400, '/secret_sha256'],
    ] as const) {
      const response = await admin('POST', '/v1.0/api-keys', body);
      expect([JSON.stringify(body), response.status]).toEqual([JSON.stringify(body), status]);
      expect(await response.json()).toMatchObject({ errors: [{ pointer }] });
    }
    const body = { subject: 'agent:half', name: 'x', roles: [VIEWER.id, missing] };
    const response = await admin('POST', '/v1.0/api-keys', body);
    expect(response.status).toBe(404);
    expect(((await response.json()) as { detail: string }).detail).toContain(missing);
    expect(await (await admin('GET', '/v1.0/api-keys?subject=agent:half')).json()).toMatchObject({
      api_keys: [],
    });
    expect(await (await admin('GET', '/v1.0/assignments?subject=agent:half')).json()).toMatchObject({
      assignments: [],
    });
    expect(await statusOf(admin('GET', `/v1.0/api-keys/${missing}`))).toBe(404);
    expect(await statusOf(admin('DELETE', `/v1.0/api-keys/${missing}`))).toBe(404);
    expect(await statusOf(admin('GET', '/v1.0/api-keys/constructor'))).toBe(400);
    expect(await statusOf(admin('POST', '/v1.0/api-keys', `{"name":"${'x'.repeat(5 * 1024 * 1024)}"}`))).toBe(
      413,
    );
  });

  it('send spans, large ones too, with the first request and with those after it', async () => {
    const role = (await (
      await admin('POST', '/v1.0/roles', {
        name: 'sender',
        permissions: [{ resource: 'trace', actions: ['write'] }],
      })
    ).json()) as { id: string };
    for (const bytes of [10, 900_000]) {
      const { key } = await make({ roles: [role.id] });
      for (let times = 0; times < 3; times++) {
        const spans = Array.from({ length: 3 }, () => sampleSpan({ payload: 'x'.repeat(bytes) }));
        const response = await call(key, 'POST', '/v1.0/traces', spans);
        expect(response.status).toBe(202);
        expect(await response.json()).toMatchObject({ accepted: 3 });
      }
      expect(await statusOf(call(key, 'GET', '/v1.0/traces'))).toBe(403);
    }
    const stranger = await make();
    for (const size of [10, 900_000]) {
      const refused = await call(stranger.key, 'POST', '/v1.0/traces', [
        sampleSpan({ payload: 'x'.repeat(size) }),
      ]);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ permission: { resource: 'trace', action: 'write' } });
    }
  });

  it('are looked up while clients come and go, and nothing is left behind', async () => {
    const { key } = await make({ roles: [VIEWER.id] });
    for (let round = 0; round < 40; round++) {
      const unknown = key.slice(0, -43) + randomBytes(32).toString('base64url');
      const connection = await connectRaw(at(0).url);
      await connection.write(
        `POST /v1.0/traces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${unknown}\r\ncontent-length: 5000\r\n\r\n[{`,
      );
      if (round % 2 === 0) connection.destroy();
      else {
        await connection.write(`}]${' '.repeat(4_996)}`);
        expect(await connection.until('401')).toContain('MPLP_ERR_SECURITY_UNAUTHENTICATED');
        // The connection stays usable for the next request.
        await connection.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
        await connection.until('"status":"ok"');
        connection.destroy();
      }
      const socket = new WebSocket(`${at(0).url.replace('http', 'ws')}/v1.0/events`, {
        headers: { authorization: `Bearer ${unknown}` },
      });
      socket.on('error', () => undefined);
      await new Promise<void>((resolve) => {
        socket.once('unexpected-response', (_, response) => {
          expect(response.statusCode).toBe(401);
          resolve();
        });
        if (round % 2 === 0) socket.once('close', () => resolve());
        if (round % 2 === 0) setImmediate(() => socket.terminate());
      });
      socket.terminate();
    }
    expect((await fetch(`${at(0).url}/health`)).status).toBe(200);
    expect(await statusOf(call(key, 'GET', '/v1.0/contexts'))).toBe(200);
  });

  it('are revoked at both engines, and their sockets and streams are closed', async () => {
    const senders = (await (
      await admin('POST', '/v1.0/roles', {
        name: 'all sockets',
        permissions: [
          { resource: 'trace', actions: ['*'] },
          { resource: 'event', actions: ['read'] },
          { resource: 'context', actions: ['read'] },
        ],
      })
    ).json()) as { id: string };
    const made = await make({ roles: [senders.id] });
    const paths = ['/v1.0/traces/ws', '/v1.0/events', '/v1.0/traces/stream', '/v1.0/contexts/ws?node_id=n'];
    const codes: Promise<number>[] = [];
    for (const engine of [0, 1])
      for (const path of paths) {
        const socket = new WebSocket(`${at(engine).url.replace('http', 'ws')}${path}`, {
          headers: { authorization: `Bearer ${made.key}` },
        });
        codes.push(new Promise((resolve) => socket.once('close', resolve)));
        await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      }
    const streams: Promise<string>[] = [];
    for (const engine of [0, 1])
      for (const path of ['/v1.0/events', '/v1.0/traces/stream']) {
        const stream = await call(made.key, 'GET', path, undefined, { engine });
        expect(stream.status).toBe(200);
        streams.push(
          stream.text().then(
            () => 'ended',
            () => 'cut',
          ),
        );
      }
    // The admin's own stay.
    const kept = new WebSocket(`${at(1).url.replace('http', 'ws')}/v1.0/events`, {
      headers: { authorization: `Bearer ${at(1).key}` },
    });
    await new Promise((resolve, reject) => kept.once('open', resolve).once('error', reject));
    expect(await statusOf(admin('DELETE', `/v1.0/api-keys/${made.id}`))).toBe(204);
    expect(await statusOf(call(made.key, 'GET', '/v1.0/contexts'))).toBe(401);
    await until(
      async () => (await call(made.key, 'GET', '/v1.0/contexts', undefined, { engine: 1 })).status === 401,
    );
    expect(await Promise.all(codes)).toEqual(Array(8).fill(POLICY_VIOLATION));
    expect(await Promise.all(streams)).toEqual(Array(4).fill('cut'));
    expect(kept.readyState).toBe(WebSocket.OPEN);
    kept.close();
  });

  it('lose a right at both engines when the role loses it', async () => {
    const role = (await (
      await admin('POST', '/v1.0/roles', {
        name: 'r',
        permissions: [{ resource: 'context', actions: ['read'] }],
      })
    ).json()) as { id: string };
    const { key } = await make({ roles: [role.id] });
    for (const engine of [0, 1])
      expect(await statusOf(call(key, 'GET', '/v1.0/contexts', undefined, { engine }))).toBe(200);
    expect(await statusOf(admin('PUT', `/v1.0/roles/${role.id}`, { name: 'r' }))).toBe(200);
    expect(await statusOf(call(key, 'GET', '/v1.0/contexts'))).toBe(403);
    await until(
      async () => (await call(key, 'GET', '/v1.0/contexts', undefined, { engine: 1 })).status === 403,
    );
  });

  it('end at their time', async () => {
    const { key, id } = await make({ roles: [VIEWER.id], expires_at: '2999-01-01T00:00:00Z' });
    await ask(
      postgres.server.url,
      `UPDATE api_keys SET document = jsonb_set(document::jsonb, '{expires_at}', '"2020-01-01T00:00:00Z"')::json
       WHERE id = '${id}'`,
    );
    expect(await statusOf(call(key, 'GET', '/v1.0/contexts'))).toBe(401);
  });

  it('cross no project: neither keys, roles, assignments nor contexts of another one', async () => {
    const operator = await make({ project_id: 'project-b', subject: 'human:bea', roles: [ADMIN.id] });
    const inB = (method: string, path: string, body?: unknown): Promise<Response> =>
      call(operator.key, method, path, body);
    const role = (await (await admin('POST', '/v1.0/roles', { name: 'of a' })).json()) as { id: string };
    const context = (await (await admin('POST', '/v1.0/contexts', {})).json()) as { id: string };
    const key = await make();
    const own = (await (await inB('POST', '/v1.0/roles', { name: 'of b' })).json()) as { id: string };
    for (const [method, path, body] of [
      ['GET', `/v1.0/roles/${role.id}`, undefined],
      ['PUT', `/v1.0/roles/${role.id}`, { name: 'x' }],
      ['DELETE', `/v1.0/roles/${role.id}`, undefined],
      ['GET', `/v1.0/roles/${role.id}/effective`, undefined],
      ['POST', `/v1.0/roles/${role.id}/assignments`, { subject: 'human:bea' }],
      ['POST', `/v1.0/roles/${own.id}/inherit`, { parent_role_id: role.id }],
      ['POST', '/v1.0/roles', { name: 'x', inheritance: { parent_roles: [role.id] } }],
      ['POST', '/v1.0/api-keys', { subject: 'human:bea', name: 'x', roles: [role.id] }],
      ['GET', `/v1.0/api-keys/${key.id}`, undefined],
      ['DELETE', `/v1.0/api-keys/${key.id}`, undefined],
      ['GET', `/v1.0/contexts/${context.id}`, undefined],
    ] as const)
      expect([method, path, await statusOf(inB(method, path, body))]).toEqual([method, path, 404]);
    expect(await (await inB('GET', '/v1.0/api-keys')).json()).toMatchObject({
      api_keys: [{ id: operator.id }],
    });
    expect(await (await inB('GET', '/v1.0/roles?name=of%20a')).json()).toMatchObject({ roles: [] });
    expect(
      await statusOf(inB('POST', '/v1.0/api-keys', { subject: 'human:x', name: 'x', project_id: 'default' })),
    ).toBe(403);
    for (const path of ['/metrics', '/v1.0/dead-letters']) expect(await statusOf(inB('GET', path))).toBe(403);
  });

  it('give no more than their maker may give', async () => {
    const role = (await (
      await admin('POST', '/v1.0/roles', {
        name: 'keys',
        permissions: [{ resource: 'api_key', actions: ['*'] }],
      })
    ).json()) as { id: string };
    const maker = await make({ roles: [role.id] });
    await make({}, maker.key);
    const body = { subject: 'agent:x', name: 'x' };
    for (const more of [{ roles: [ADMIN.id] }, { project_id: 'elsewhere' }]) {
      const response = await call(maker.key, 'POST', '/v1.0/api-keys', { ...body, ...more });
      expect(response.status).toBe(403);
    }
  });

  it('name their subject where something is changed', async () => {
    const { key, subject } = await make({ roles: [DEVELOPER.id] });
    const context = (await (await call(key, 'POST', '/v1.0/contexts', {})).json()) as { metadata: object };
    expect(context.metadata).toMatchObject({ created_by: subject });
  });
});
