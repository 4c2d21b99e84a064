import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callEngine } from '../support/call-engine.js';
import { startTestPostgres, until } from '../embedded/postgres/embedded-postgres.js';
import { startPostgresProxy } from '../support/postgres-proxy.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';

type Document = Record<string, unknown> & { id: string; metadata: Record<string, unknown> };

describe('contexts', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngineWithState();
  });
  afterAll(() => engine.close());

  const call = callEngine(() => engine, '/v1.0/contexts');
  const create = async (more: Record<string, unknown> = {}): Promise<Document> => {
    const response = await call('POST', '', { status: 'active', lifecycle_stage: 'planning', ...more });
    expect(response.status).toBe(201);
    return (await response.json()) as Document;
  };
  const problem = async (response: Response): Promise<Record<string, unknown>> => {
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    return (await response.json()) as Record<string, unknown>;
  };

  it('come back as they were sent, with id, times and ETag', async () => {
    const sent = {
      version: '1.0',
      status: 'active',
      lifecycle_stage: 'planning',
      shared_state: { variables: { b: 1, a: [null, { 'x/y~z': 'ü' }] }, resources: {}, dependencies: ['d'] },
      access_control: { permissions: [], roles: [], policies: [] },
      x_future: { kept: true },
      metadata: { tags: ['t'], created_by: 'alice' },
    };
    const created = await call('POST', '', sent);
    expect(created.status).toBe(201);
    expect(created.headers.get('etag')).toBe('"1"');
    const document = (await created.json()) as Document;
    expect(created.headers.get('location')).toBe(`/v1.0/contexts/${document.id}`);
    expect(document).toMatchObject(sent);
    expect(Date.parse(document.metadata['created_at'] as string)).toBeGreaterThan(Date.now() - 60_000);
    const read = await call('GET', `/${document.id}`);
    expect(read.headers.get('etag')).toBe('"1"');
    expect(await read.json()).toEqual(document);
    expect((await call('GET', `/${document.id}`, undefined, { 'if-none-match': '"1"' })).status).toBe(304);
    // What is sent first comes first.
    expect(JSON.stringify(document['shared_state'])).toBe(JSON.stringify(sent.shared_state));
  });

  it('get what their sender leaves out, and take the draft of 0.9', async () => {
    const document = await create();
    expect(document).toMatchObject({ version: '1.0', shared_state: {} });
    const draft = {
      context_id: randomUUID(),
      version: '1.0',
      timestamp: '2026-01-01T00:00:00Z',
      global_state: { project_id: 'p', session_id: 's', environment: 'staging' },
      shared_data: { variables: {}, artifacts: [], knowledge_base: [] },
    };
    const response = await call('POST', '', draft);
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ id: draft.context_id, global_state: draft.global_state });
  });

  it('are refused with a pointer for each fault', async () => {
    const cases: [unknown, string][] = [
      [{ id: 'ctx-123' }, '/id'],
      [{ status: 'paused' }, '/status'],
      [{ shared_state: [] }, '/shared_state'],
      [{ metadata: { tags: 'x' } }, '/metadata/tags'],
      [{ shared_state: { variables: { 'a\0b': 1 } } }, '/shared_state/variables/a\0b'],
      ['[]', ''],
      ['"x"', ''],
    ];
    for (const [body, pointer] of cases) {
      const response = await call('POST', '', body);
      expect(response.status).toBe(400);
      expect((await problem(response))['errors']).toMatchObject([{ pointer }]);
    }
    for (const body of ['', '{', '{"a":1,"a":2}', '{"__proto__":{}}'])
      expect((await call('POST', '', body)).status).toBe(400);
    expect((await call('POST', '', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    const { id } = await create();
    expect((await call('POST', '', { id })).status).toBe(409);
    expect((await call('PUT', `/${id}`, { id: randomUUID() })).status).toBe(400);
    const missing = randomUUID();
    for (const [method, path] of [
      ['GET', ''],
      ['PUT', ''],
      ['DELETE', ''],
      ['PUT', '/status'],
      ['POST', '/variables'],
      ['GET', '/variables/k'],
      ['POST', '/snapshots'],
      ['GET', '/snapshots'],
      ['POST', '/sync'],
    ] as const) {
      const bodies: Record<string, unknown> = {
        '/status': { status: 'failed' },
        '/variables': { key: 'k', value: 1 },
        '/sync': {},
        '': {},
      };
      const body = method === 'GET' || method === 'DELETE' ? undefined : bodies[path];
      const response = await call(method, `/${missing}${path}`, body);
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(((await problem(response))['detail'] as string).includes(missing)).toBe(true);
    }
    expect((await call('GET', '/ctx-123')).status).toBe(400);
  });

  it('change only from the version that the caller has seen', async () => {
    const { id } = await create();
    const put = (n: number, tag?: string): Promise<Response> =>
      call(
        'PUT',
        `/${id}`,
        { shared_state: { variables: { n } } },
        tag === undefined ? {} : { 'if-match': tag },
      );
    const second = await put(1, '"1"');
    expect([second.status, second.headers.get('etag')]).toEqual([200, '"2"']);
    const late = await put(2, '"1"');
    expect(late.status).toBe(412);
    expect(await problem(late)).toMatchObject({ version: 2 });
    expect((await put(3, 'W/"2"')).status).toBe(412);
    expect((await put(3, '*')).headers.get('etag')).toBe('"3"');
    // Of many that have seen one version, one wins.
    const race = await Promise.all(Array.from({ length: 20 }, (_, n) => put(n, '"3"')));
    expect(race.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
    expect((await call('DELETE', `/${id}`, undefined, { 'if-match': '"3"' })).status).toBe(412);
    expect((await call('DELETE', `/${id}`, undefined, { 'if-match': '"4"' })).status).toBe(204);
    expect((await call('GET', `/${id}`)).status).toBe(404);
  });

  it('lose no variable of many that are set at a time', async () => {
    const { id } = await create();
    const set = (key: string, value: unknown): Promise<Response> =>
      call('POST', `/${id}/variables`, { key, value });
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => set(`k${n}`, { n })));
    expect(replies.every(({ status }) => status === 201)).toBe(true);
    const all = (await (await call('GET', `/${id}/variables`)).json()) as { variables: object };
    expect(all.variables).toEqual(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, { n }])));
    expect((await call('GET', `/${id}`)).headers.get('etag')).toBe('"51"');
    const odd = 'a/b c%?ü';
    expect((await set(odd, null)).status).toBe(201);
    const one = await call('GET', `/${id}/variables/${encodeURIComponent(odd)}`);
    expect(await one.json()).toEqual({ key: odd, value: null, version: 52 });
    expect((await set(odd, 2)).status).toBe(200);
    expect((await call('DELETE', `/${id}/variables/${encodeURIComponent(odd)}`)).status).toBe(204);
    expect((await call('DELETE', `/${id}/variables/${encodeURIComponent(odd)}`)).status).toBe(404);
    // What every object has is no variable.
    for (const method of ['GET', 'DELETE'])
      expect((await call(method, `/${id}/variables/toString`)).status).toBe(404);
    for (const body of [
      { key: 1, value: 1 },
      { key: '' },
      { key: 'k' },
      { key: '__proto__', value: 1 },
      { k: 1 },
    ])
      expect((await call('POST', `/${id}/variables`, body)).status).toBe(400);
    expect((await set('large', 'x'.repeat(1024 * 1024 - 2))).status).toBe(201);
    const tooLarge = await set('large', 'x'.repeat(1024 * 1024 - 1));
    expect(tooLarge.status).toBe(422);
    expect((await problem(tooLarge))['errors']).toMatchObject([{ pointer: '/value' }]);
  });

  it('go from one status to a legal next one only, and say which are', async () => {
    const { id } = await create();
    const to = (body: object): Promise<Response> => call('PUT', `/${id}/status`, body);
    const suspended = await to({ status: 'suspended', reason: 'manual_pause' });
    expect(await suspended.json()).toMatchObject({
      status: 'suspended',
      metadata: { status_reason: 'manual_pause' },
    });
    const illegal = await to({ status: 'completed' });
    expect(illegal.status).toBe(409);
    expect(await problem(illegal)).toMatchObject({
      from: 'suspended',
      to: 'completed',
      legal: ['active', 'failed'],
    });
    expect((await to({ status: 'suspended' })).headers.get('etag')).toBe('"2"');
    expect((await to({ status: 'paused' })).status).toBe(400);
    expect((await to({})).status).toBe(400);
    expect((await to({ status: 'active', lifecycle_stage: 'completion' })).status).toBe(409);
    expect((await to({ status: 'active', lifecycle_stage: 'execution' })).status).toBe(200);
    expect((await call('PUT', `/${id}`, { status: 'completed', lifecycle_stage: 'planning' })).status).toBe(
      200,
    );
    const closed = await call('PUT', `/${id}`, { status: 'active' });
    expect(await problem(closed)).toMatchObject({ status: 409, legal: [] });
  });

  it('are kept as snapshots that share what did not change, and restored as a new version', async () => {
    const variables = { big: 'x'.repeat(10_000), small: 1, empty: {} };
    const { id, ...before } = await create({ shared_state: { variables, resources: { r: [1] } } });
    const snap = async (): Promise<Record<string, string>> => {
      const response = await call('POST', `/${id}/snapshots`);
      expect(response.status).toBe(201);
      return (await response.json()) as Record<string, string>;
    };
    const [first, same] = [await snap(), await snap()];
    expect(first['sha256']).toBe(same['sha256']);
    await call('POST', `/${id}/variables`, { key: 'small', value: 2 });
    const second = await snap();
    expect(second['sha256']).not.toBe(first['sha256']);
    const page = (await (await call('GET', `/${id}/snapshots?limit=2`)).json()) as {
      snapshots: { id: string }[];
      next: string;
    };
    expect(page.snapshots.map((each) => each.id)).toEqual([second['id'], same['id']]);
    const rest = (await (await call('GET', `/${id}/snapshots?limit=2&cursor=${page.next}`)).json()) as object;
    expect(rest).toMatchObject({ snapshots: [{ id: first['id'] }], next: null });
    const kept = (await (await call('GET', `/${id}/snapshots/${first['id']}`)).json()) as {
      document: Document;
    };
    expect(kept.document['shared_state']).toEqual(before['shared_state']);
    const restored = await call('POST', `/${id}/restore`, { snapshot_id: first['id'] });
    expect(restored.headers.get('etag')).toBe('"3"');
    expect(await restored.json()).toMatchObject({ shared_state: before['shared_state'] });
    expect((await call('POST', `/${id}/restore`, { snapshot_id: randomUUID() })).status).toBe(404);
    expect((await call('POST', `/${id}/restore`, {})).status).toBe(400);
  });

  it('are listed newest first, by filters, page after page without gap or double', async () => {
    const session = randomUUID();
    const ids: string[] = [];
    for (let n = 0; n < 7; n++)
      ids.unshift((await create({ global_state: { session_id: session, environment: 'staging' } })).id);
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const path = `?session_id=${session}&environment=staging&status=active&limit=3${cursor}`;
      const page = (await (await call('GET', path)).json()) as { contexts: Document[]; next: string | null };
      seen.push(...page.contexts.map(({ id }) => id));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(seen).toEqual(ids);
    const newest = (await (await call('GET', '?limit=7')).json()) as { contexts: Document[] };
    expect(newest.contexts.map(({ id }) => id)).toEqual(ids);
    expect((await call('GET', '')).status).toBe(200);
    for (const query of ['?limit=0', '?limit=x', '?cursor=abc', '?nothing=1', `?status=${'x'.repeat(300)}`])
      expect((await call('GET', query)).status).toBe(400);
    expect(await (await call('GET', '?status=none')).json()).toEqual({ contexts: [], next: null });
  });

  it('are created once for one idempotency key, however often and at once it is sent', async () => {
    const key = randomUUID();
    const send = (body: object): Promise<Response> => call('POST', '', body, { 'idempotency-key': key });
    const replies = await Promise.all(Array.from({ length: 5 }, () => send({ x_name: 'once' })));
    const ids = await Promise.all(replies.map(async (reply) => ((await reply.json()) as Document).id));
    expect(new Set(ids).size).toBe(1);
    expect(replies.map(({ status }) => status)).toEqual(Array<number>(5).fill(201));
    expect(replies[0]?.headers.get('location')).toBe(`/v1.0/contexts/${ids[0]}`);
    const other = await send({ x_name: 'other' });
    expect(other.status).toBe(422);
    const bad = randomUUID();
    expect((await call('POST', '', { status: 'x' }, { 'idempotency-key': bad })).status).toBe(400);
    expect((await call('POST', '', { status: 'active' }, { 'idempotency-key': bad })).status).toBe(201);
  });

  it('are served as MessagePack and under the other base path', async () => {
    const { id } = await create();
    const response = await fetch(`${engine.url}/api/v1/mplp/contexts/${id}`, {
      headers: { authorization: `Bearer ${engine.key}`, accept: 'application/msgpack' },
    });
    expect(response.headers.get('content-type')).toBe('application/msgpack');
    expect((await fetch(`${engine.url}/v1.0/contexts/${id}`)).status).toBe(401);
  });
});

describe('contexts of an engine whose Postgres goes away', () => {
  it('are answered 503 with Retry-After, also those that were read before, and as before when it is back', async () => {
    const postgres = await startTestPostgres();
    const { url } = postgres.server;
    const proxy = await startPostgresProxy(Number(new URL(url).port));
    const engine = await startEngineWithState({ DATABASE_URL: url.replace(/:\d+\//, `:${proxy.port}/`) });
    const call = callEngine(() => engine, '/v1.0/contexts');
    try {
      const { id } = (await (await call('POST', '', {})).json()) as Document;
      expect((await call('GET', `/${id}`)).status).toBe(200);
      proxy.isUp = false;
      // Until the engine has seen its connections end, what it has in memory is right.
      await until(async () => (await call('GET', `/${id}`)).status === 503);
      for (const [method, path, body] of [
        ['GET', `/${id}`],
        ['GET', ''],
        ['POST', '', {}],
        ['POST', `/${id}/variables`, { key: 'k', value: 1 }],
        ['DELETE', `/${id}`],
      ] as const) {
        const reply = await call(method, path, body);
        expect([method, path, reply.status]).toEqual([method, path, 503]);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      proxy.isUp = true;
      await until(async () => (await call('GET', `/${id}`)).status === 200);
      const changed = await call('POST', `/${id}/variables`, { key: 'k', value: 2 });
      expect(await changed.json()).toEqual({ key: 'k', value: 2, version: 2 });
    } finally {
      await engine.close();
      await proxy.close();
      await postgres.close();
    }
  });
});
