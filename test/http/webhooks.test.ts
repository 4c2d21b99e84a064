import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { hasGenuineSignature, startReceiver, type Receiver } from '../modules/webhooks/receiver.js';
import { openLog, type TestLog } from '../store/events/logs.js';
import { startPostgresProxy } from '../support/postgres-proxy.js';
import { startEngine, type EngineProcess } from '../support/engine-process.js';

interface Document {
  readonly id: string;
  readonly version: number;
  readonly secret?: string;
  readonly [member: string]: unknown;
}

describe('webhooks over HTTP', () => {
  let postgres: TestPostgres;
  let engine: EngineProcess;
  let other: TestLog;
  let receiver: Receiver;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    receiver = await startReceiver();
    engine = await startEngine({
      DATABASE_URL: postgres.server.url,
      MPLP_WEBHOOK_ALLOW_NETWORKS: '127.0.0.0/8',
    });
    other = await openLog(() => postgres.server.url);
    await until(async () => (await send('GET', '')).status === 200);
  });
  afterAll(async () => {
    await other.close();
    expect(await engine.close()).toBe(0);
    await receiver.close();
    await postgres.close();
  });

  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${engine.url}/v1.0/webhooks${path}`, {
      method,
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined
        ? {}
        : {
            body:
              typeof body === 'string' || body instanceof Uint8Array
                ? (body as string)
                : JSON.stringify(body),
          }),
    });
  const create = async (body: object): Promise<Document> => {
    const response = await send('POST', '', body);
    expect(response.status).toBe(201);
    return (await response.json()) as Document;
  };

  it('are created, shown, changed and deleted; the secret is shown once', async () => {
    const created = await send('POST', '', {
      url: receiver.url,
      types: ['context.*'],
      description: 'of the tests',
    });
    expect(created.status).toBe(201);
    const webhook = (await created.json()) as Document;
    expect(created.headers.get('location')).toBe(`/v1.0/webhooks/${webhook.id}`);
    expect(created.headers.get('etag')).toBe('"1"');
    const { secret, ...rest } = webhook;
    expect(secret).toMatch(/^whsec_/);
    expect(rest).toMatchObject({
      url: receiver.url,
      types: ['context.*'],
      status: 'active',
      created_by: 'admin',
    });

    const one = await send('GET', `/${webhook.id}`);
    expect(one.headers.get('etag')).toBe('"1"');
    expect(await one.json()).toEqual(rest);

    const change = { url: receiver.url, types: ['role.*'], status: 'disabled' };
    const changed = await send('PUT', `/${webhook.id}`, change, { 'if-match': '"1"' });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(await changed.json()).toMatchObject({
      ...change,
      version: 2,
      description: null,
      disabled_reason: 'requested',
    });
    for (const tag of ['"1"', '"3"', 'W/"2"', '"x"']) {
      const lost = await send('PUT', `/${webhook.id}`, change, { 'if-match': tag });
      expect([tag, lost.status]).toEqual([tag, 412]);
      expect((await send('DELETE', `/${webhook.id}`, undefined, { 'if-match': tag })).status).toBe(412);
    }
    expect((await send('PUT', `/${webhook.id}`, change, { 'if-match': '2' })).status).toBe(400);
    expect((await send('DELETE', `/${webhook.id}`, undefined, { 'if-match': '"2"' })).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await send(method, `/${webhook.id}`)).status).toBe(404);
    expect((await send('PUT', `/${webhook.id}`, change)).status).toBe(404);
    expect((await send('POST', `/${webhook.id}/test`)).status).toBe(404);
    expect((await send('GET', `/${webhook.id}/deliveries`)).status).toBe(404);
  });

  it('are listed page by page, newest first, without secrets', async () => {
    const made: string[] = [];
    for (let n = 0; n < 7; n++) made.push((await create({ url: receiver.url, types: ['none.at_all'] })).id);
    // All in one millisecond.
    for (const [n, id] of made.entries())
      await ask(
        postgres.server.url,
        `UPDATE webhooks SET created_at = '2031-01-31 09:30:00.00700${n}Z' WHERE id = '${id}'`,
      );
    const seen: string[] = [];
    const cursors: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const text = await (await send('GET', `?limit=3${cursor && `&cursor=${cursor}`}`)).text();
      expect(text).not.toContain('whsec_');
      const page = JSON.parse(text) as { webhooks: Document[]; next: string | null };
      seen.push(...page.webhooks.map(({ id }) => id));
      cursor = page.next;
      if (cursor !== null) cursors.push(Buffer.from(cursor, 'base64url').toString());
    }
    expect(seen).toEqual(made.reverse());
    const us = Date.UTC(2031, 0, 31, 9, 30) * 1000 + 7_000;
    expect(cursors).toEqual([`${us + 4} ${made[2]}`, `${us + 1} ${made[5]}`]);
    for (const id of made) await send('DELETE', `/${id}`);
    for (const query of ['?limit=0', '?limit=101', '?limit=x', '?cursor=x', '?cursor=', '?page=1'])
      expect([query, (await send('GET', query)).status]).toEqual([query, 400]);
  });

  it('get events, and tell of their deliveries and tests', async () => {
    const { id, secret = '' } = await create({ url: receiver.url, types: ['context.created'] });
    const sent = await other.append({ type: 'context.created', data: { n: 1 } });
    await until(() => receiver.received.some((one) => one.id === sent));
    const one = receiver.received.find((received) => received.id === sent);
    expect(one !== undefined && hasGenuineSignature(secret, one)).toBe(true);
    const deliveries = async () =>
      ((await (await send('GET', `/${id}/deliveries`)).json()) as { deliveries: Document[]; next: null })
        .deliveries;
    await until(async () => (await deliveries()).length === 1);
    expect((await deliveries())[0]).toMatchObject({
      event_id: sent,
      event_type: 'context.created',
      outcome: 'delivered',
      status_code: 204,
      error: null,
    });
    expect(await (await send('POST', `/${id}/test`)).json()).toMatchObject({
      outcome: 'delivered',
      status_code: 204,
    });
    await send('DELETE', `/${id}`);
  });

  it('speak MessagePack as well', async () => {
    const response = await send('POST', '', encode({ url: receiver.url, types: ['none.at_all'] }), {
      'content-type': 'application/msgpack',
      accept: 'application/msgpack',
    });
    expect(response.status).toBe(201);
    const { id } = decode(new Uint8Array(await response.arrayBuffer())) as Document;
    expect((await send('DELETE', `/${id}`)).status).toBe(204);
  });

  it('say what is wrong with a request, and keep nothing of it', async () => {
    const url = receiver.url;
    const wrong: [body: unknown, pointer: string][] = [
      [[], ''],
      ['{"url":', ''],
      [{}, '/url'],
      [{ url: 1 }, '/url'],
      [{ url: 'not an address' }, '/url'],
      [{ url: 'ftp://example.com/' }, '/url'],
      [{ url: 'unix:/var/run/docker.sock' }, '/url'],
      [{ url: 'gopher://127.0.0.1/' }, '/url'],
      [{ url: 'javascript:alert(1)' }, '/url'],
      [{ url: 'https://user:secret@example.com/' }, '/url'],
      [{ url: 'https://example.com/#x' }, '/url'],
      [{ url: `https://example.com/${'x'.repeat(3_000)}` }, '/url'],
      [{ url: 'http://10.0.0.1/' }, '/url'],
      [{ url: 'http://169.254.169.254/latest/meta-data' }, '/url'],
      [{ url: 'http://[::1]/' }, '/url'],
      [{ url: 'http://[64:ff9b::7f00:1]/' }, '/url'],
      [{ url, types: 'context.*' }, '/types'],
      [{ url, types: [] }, '/types'],
      [{ url, types: [1] }, '/types'],
      [{ url, types: ['Context'] }, '/types'],
      [{ url, types: Array(51).fill('a') }, '/types'],
      [{ url, status: 'on' }, '/status'],
      [{ url, description: 1 }, '/description'],
      [{ url, description: 'a\u0000b' }, '/description'],
      [{ url, description: 'x'.repeat(2_000) }, '/description'],
      [{ url, secret: 'whsec_mine' }, '/secret'],
      [`{"url":"${url}","url":"${url}"}`, '/url'],
      [`{"url":"${url}","__proto__":{}}`, '/__proto__'],
    ];
    for (const [body, pointer] of wrong) {
      const response = await send('POST', '', body);
      const problem = (await response.json()) as { errors: { pointer: string }[] };
      expect([body, response.status], JSON.stringify(problem)).toEqual([body, 400]);
      if (typeof body !== 'string' || pointer !== '')
        expect([body, problem.errors[0]?.pointer]).toEqual([body, pointer]);
    }
    expect((await send('POST', '', { url: `${'x'.repeat(70_000)}` })).status).toBe(413);
    expect((await send('POST', '', 'url=1', { 'content-type': 'text/plain' })).status).toBe(415);
    for (const id of ['1', 'x'.repeat(300), '%00', randomUUID(), "'; DROP TABLE webhooks"]) {
      const response = await send('GET', `/${encodeURIComponent(id)}`);
      expect([id, response.status]).toEqual([id, 404]);
    }
    expect(((await (await send('GET', '')).json()) as { webhooks: unknown[] }).webhooks).toEqual([]);
    expect(engine.stderr).not.toContain('a request failed');
  });

  it('are a hundred at most', async () => {
    const all: Response[] = [];
    for (let n = 0; n < 11; n++)
      all.push(
        ...(await Promise.all(
          Array.from({ length: 10 }, () => send('POST', '', { url: receiver.url, status: 'disabled' })),
        )),
      );
    expect(all.filter(({ status }) => status === 201)).toHaveLength(100);
    const refused = all.find(({ status }) => status !== 201);
    expect(refused?.status).toBe(422);
    expect(await refused?.json()).toMatchObject({ type: 'https://mplp.dev/errors/MPLP_ERR_WEBHOOKS_LIMIT' });
  });
});

it('an idle engine asks Postgres a few times a minute, also with a webhook', async () => {
  const postgres = await startTestPostgres();
  const proxy = await startPostgresProxy(Number(new URL(postgres.server.url).port));
  const engine = await startEngine({
    DATABASE_URL: postgres.server.url.replace(/:\d+\//, `:${proxy.port}/`),
  });
  try {
    const send = (method: string, body?: string) =>
      fetch(`${engine.url}/v1.0/webhooks`, {
        method,
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body }),
      });
    await until(async () => (await send('GET')).status === 200);
    expect((await send('POST', '{"url":"https://1.1.1.1/","types":["none.at_all"]}')).status).toBe(201);
    // What the creation sets in motion.
    await delay(3_000);
    const before = proxy.statements;
    await delay(22_000);
    expect(proxy.statements - before).toBeGreaterThan(0);
    expect(proxy.statements - before).toBeLessThanOrEqual(2);
  } finally {
    await engine.close();
    await proxy.close();
    await postgres.close();
  }
}, 60_000);
