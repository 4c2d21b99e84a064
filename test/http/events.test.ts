import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createEventRoutes } from '#dist/http/routes/events.js';
import type { HttpRequest } from '#dist/http/contract.js';
import { ask, startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { openLog, type TestLog } from '../store/events/logs.js';
import { startPostgresProxy, type PostgresProxy } from '../support/postgres-proxy.js';
import { startEngine, type EngineProcess } from '../support/engine-process.js';

interface Frame {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly data: unknown;
}

interface Stream {
  readonly frames: Frame[];
  /** Ids of blocks without data, the first of which says where the stream begins. */
  readonly cursors: string[];
  readonly names: string[];
  readonly response: IncomingMessage;
  isEnded: boolean;
}

describe('the event stream', () => {
  let postgres: TestPostgres;
  let proxy: PostgresProxy;
  let engine: EngineProcess;
  /** Another engine, as far as Postgres can tell. */
  let other: TestLog;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    proxy = await startPostgresProxy(Number(new URL(postgres.server.url).port));
    engine = await startEngine({ DATABASE_URL: postgres.server.url.replace(/:\d+\//, `:${proxy.port}/`) });
    other = await openLog(() => postgres.server.url);
    await until(async () => (await request('/v1.0/webhooks')).status === 200);
  });
  afterAll(async () => {
    await other.close();
    expect(await engine.close()).toBe(0);
    await proxy.close();
    await postgres.close();
  });

  const request = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(engine.url + path, { headers: { authorization: `Bearer ${engine.key}`, ...headers } });

  async function open(query = '', headers: Record<string, string> = {}): Promise<Stream> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const all = { authorization: `Bearer ${engine.key}`, ...headers };
      get(`${engine.url}/v1.0/events${query}`, { headers: all, agent: false }, resolve).on('error', reject);
    });
    const stream: Stream = { frames: [], cursors: [], names: [], response, isEnded: false };
    let rest = '';
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('close', () => (stream.isEnded = true));
    response.on('data', (chunk: string) => {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const [id, name, data] = ['id', 'event', 'data'].map(
          (field) => new RegExp(`^${field}: (.*)$`, 'm').exec(block)?.[1],
        );
        if (name !== undefined) stream.names.push(name);
        else if (data === undefined) stream.cursors.push(id ?? '');
        else {
          const frame = JSON.parse(data) as Frame;
          expect(frame.id).toBe(id);
          stream.frames.push(frame);
        }
      }
    });
    await until(() => stream.cursors.length > 0 || stream.isEnded || response.statusCode !== 200);
    return stream;
  }

  async function openSocket(query = '') {
    const socket = new WebSocket(`${engine.url.replace('http', 'ws')}/v1.0/events${query}`, [
      'mplp',
      `bearer.${engine.key}`,
    ]);
    const stream = {
      frames: [] as Frame[],
      cursors: [] as string[],
      errors: [] as { status: number }[],
      code: 0,
      socket,
    };
    socket.on('message', (text: Buffer) => {
      const frame = JSON.parse(text.toString()) as Frame & { cursor?: string; error?: { status: number } };
      if (frame.cursor !== undefined) stream.cursors.push(frame.cursor);
      else if (frame.error !== undefined) stream.errors.push(frame.error);
      else stream.frames.push(frame);
    });
    socket.on('close', (code) => (stream.code = code));
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    await until(() => stream.cursors.length > 0 || stream.errors.length > 0);
    return stream;
  }
  const ids = (stream: { frames: Frame[] }) => stream.frames.map(({ id }) => id);

  it('brings what happens, filtered, over both transports', async () => {
    const all = await open();
    expect(all.response.headers['content-type']).toContain('text/event-stream');
    const some = await open('?types=plan.*,role.created');
    const socket = await openSocket('?types=role.*');
    const sent = [
      await other.append({ type: 'plan.task.added', data: { n: 1 } }),
      await other.append({ type: 'role.created', version: 4, actor: 'a' }),
      await other.append({ projectId: 'of-somebody-else', type: 'role.created' }),
      await other.append({ type: 'context.updated' }),
    ];
    await until(() => all.frames.length === 3 && some.frames.length === 2 && socket.frames.length === 1);
    expect(ids(all)).toEqual([sent[0], sent[1], sent[3]]);
    expect(ids(some)).toEqual([sent[0], sent[1]]);
    expect(socket.frames[0]).toEqual(all.frames[1]);
    expect(Object.keys(all.frames[0] as Frame)).toEqual([
      'id',
      'type',
      'subject_id',
      'version',
      'data',
      'actor',
      'time',
    ]);
    expect(all.frames[1]).toMatchObject({ id: sent[1], type: 'role.created', version: 4, actor: 'a' });
    all.response.destroy();
    some.response.destroy();
    socket.socket.close();
  });

  it('goes on after a cursor, in the address, in Last-Event-ID, and over a WebSocket', async () => {
    const stream = await open();
    const sent: string[] = [];
    for (let n = 0; n < 250; n++) sent.push(await other.append({ version: n + 1 }));
    const start = stream.cursors[0] as string;
    const [whole, tail, socket] = [
      await open(`?after=${start}`),
      await open(`?after=${start}`, { 'last-event-id': sent[99] as string }),
      await openSocket(`?after=${sent[199]}`),
    ];
    await until(() => [stream, whole, tail, socket].every((each) => ids(each).includes(sent[249] as string)));
    expect(ids(stream)).toEqual(sent);
    expect(ids(whole)).toEqual(sent);
    expect(ids(tail)).toEqual(sent.slice(100));
    expect(ids(socket)).toEqual(sent.slice(200));
    for (const each of [stream, whole, tail]) each.response.destroy();
    socket.socket.close();
  });

  it('gives a reader that does not read for a while everything, in order', async () => {
    const [events, sockets] = [await open('?types=flood.*'), await openSocket('?types=flood.*')];
    events.response.pause();
    sockets.socket.pause();
    const sent: string[] = [];
    const text = 'x'.repeat(20_000);
    for (let n = 0; n < 1_200; n++) sent.push(await other.append({ type: 'flood.happened', data: { text } }));
    events.response.resume();
    sockets.socket.resume();
    await until(() => events.frames.length >= 1_200 && sockets.frames.length >= 1_200);
    expect(ids(events)).toEqual(sent);
    expect(ids(sockets)).toEqual(sent);
    events.response.destroy();
    sockets.socket.close();
  }, 90_000);

  it('refuses what it does not understand before it opens, and whoever may not', async () => {
    for (const query of [
      '?type=a',
      '?types=',
      '?types=A',
      '?types=a&types=b',
      '?subject_id=1',
      '?after=x',
      '?after=',
      '?limit=1',
    ]) {
      const response = await request(`/v1.0/events${query}`);
      expect([query, response.status]).toEqual([query, 400]);
      expect(((await response.json()) as { errors: unknown[] }).errors).toHaveLength(1);
    }
    await expect(openSocket('?types=A')).rejects.toThrow(/400/);
    expect((await fetch(`${engine.url}/v1.0/events`)).status).toBe(401);
  });

  it('answers 410 to a cursor whose successors are gone', async () => {
    const stream = await open();
    const old = await other.append();
    const last = await other.append();
    // The engine itself has seen what is removed.
    await until(() => ids(stream).includes(last));
    stream.response.destroy();
    const next = last.split('-');
    await ask(postgres.server.url, `DELETE FROM outbox WHERE sequence <= ${next[1]}`);
    await ask(
      postgres.server.url,
      `UPDATE outbox_horizon SET transaction_id = '${next[0]}', sequence = ${next[1]}`,
    );
    const response = await request(`/v1.0/events?after=${old}`);
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({
      type: 'https://mplp.dev/errors/MPLP_ERR_EVENTS_CURSOR_GONE',
    });
    const socket = await openSocket(`?after=${old}`);
    await until(() => socket.code !== 0);
    expect([socket.errors[0]?.status, socket.code]).toEqual([410, 4410]);
    const gone = await open(`?after=99999999999-1`);
    expect(gone.response.statusCode).toBe(410);
  });

  it('stays open while Postgres is away, and goes on; new streams are told to come back', async () => {
    const stream = await open();
    const start = stream.cursors[0] as string;
    proxy.isUp = false;
    for (const query of ['', `?after=${start}`]) {
      await until(async () => (await request(`/v1.0/events${query}`)).status === 503);
      const response = await request(`/v1.0/events${query}`);
      expect([query, response.status]).toEqual([query, 503]);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const socket = await openSocket();
    await until(() => socket.code !== 0);
    expect([socket.errors[0]?.status, socket.code]).toEqual([503, 1013]);
    const meanwhile = await other.append();
    const { pid } = postgres.server;
    process.kill(pid as number, 'SIGKILL');
    await until(() => postgres.server.state === 'up' && postgres.server.pid !== pid);
    proxy.isUp = true;
    let id = '';
    await until(() =>
      other.append().then(
        (appended) => (id = appended) !== '',
        () => false,
      ),
    );
    await until(() => ids(stream).includes(id));
    expect(ids(stream).slice(0, 1)).toEqual([meanwhile]);
    expect(stream.isEnded).toBe(false);
    stream.response.destroy();
  });
});

it('is answered 503 with Retry-After by an engine without Postgres', async () => {
  const engine = await startEngine();
  try {
    for (const path of ['/v1.0/events', '/v1.0/events?after=1-1', '/v1.0/webhooks']) {
      const response = await fetch(engine.url + path, { headers: { authorization: `Bearer ${engine.key}` } });
      expect([path, response.status]).toEqual([path, 503]);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
  } finally {
    expect(await engine.close()).toBe(0);
  }
});

describe('signs of life', () => {
  let postgres: TestPostgres;
  let opened: TestLog;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    opened = await openLog(() => postgres.server.url);
    await until(() => opened.events.isFollowing);
  });
  afterAll(async () => {
    await opened.close();
    await postgres.close();
  });

  it('carry the cursor on, although nothing matches, and end with the routes', async () => {
    const abort = new AbortController();
    const routes = createEventRoutes({ events: opened.events, heartbeatMs: 20 });
    const request = {
      method: 'GET',
      path: '/v1.0/events',
      params: {},
      query: new URLSearchParams('types=nothing.*'),
      header: () => '',
      body: () => Promise.reject(new Error('has none')),
      principal: { subject: 'test', projectId: 'default', may: () => true },
      signal: abort.signal,
      traceId: 't',
    } satisfies HttpRequest;
    const reply = await (routes.routes[0] as (typeof routes.routes)[number]).handle(request);
    const chunks = (reply.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    expect((await chunks.next()).value).toMatch(/^retry: \d+\n: events\nid: \d+-\d+\n\n$/);
    const id = await opened.append();
    let chunk = '';
    while (!chunk.includes(`id: ${id}\n`)) chunk = (await chunks.next()).value as string;
    expect(chunk).toBe(`: still here\nid: ${id}\n\n`);
    routes.close();
    for (let next = await chunks.next(); next.done !== true;) next = await chunks.next();
    expect(await opened.registry.metrics()).toMatch(/^mplp_events_subscribers 0$/m);
    await expect(async () =>
      (routes.routes[0] as (typeof routes.routes)[number]).handle(request),
    ).rejects.toMatchObject({
      status: 503,
    });
  });
});
