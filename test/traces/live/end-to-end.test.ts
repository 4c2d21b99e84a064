import { get, type IncomingMessage } from 'node:http';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { spanOf, uuid } from '../query/fixture.js';

let engine: EngineProcess;
beforeAll(async () => (engine = await startEngine({ MPLP_TAIL_BUFFER_BYTES: String(256 * 1024) })));
afterAll(() => engine.close());

async function post(body: string | Uint8Array, type: string): Promise<void> {
  const response = await fetch(`${engine.url}/v1.0/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': type },
    body,
  });
  expect(response.status).toBe(202);
  await response.arrayBuffer();
}

interface Tail {
  readonly spans: Record<string, unknown>[];
  missed: number;
  close(): void;
}

async function openEvents(query = ''): Promise<Tail & { readonly response: IncomingMessage }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${engine.key}`, accept: 'text/event-stream' };
    get(`${engine.url}/v1.0/traces/stream${query}`, { headers, agent: false }, resolve).on('error', reject);
  });
  const tail = {
    spans: [] as Record<string, unknown>[],
    missed: 0,
    response,
    close: () => void response.destroy(),
  };
  let rest = '';
  response.setEncoding('utf8');
  response.on('error', () => {});
  response.on('data', (chunk: string) => {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data === undefined) continue;
      const value = JSON.parse(data) as Record<string, unknown>;
      if (event.startsWith('event: missed')) tail.missed += Number(value['missed']);
      else tail.spans.push(value);
    }
  });
  return tail;
}

async function openSocket(query = ''): Promise<Tail & { readonly socket: WebSocket }> {
  const socket = new WebSocket(`${engine.url.replace('http', 'ws')}/v1.0/traces/stream${query}`, [
    'mplp',
    `bearer.${engine.key}`,
  ]);
  const tail = { spans: [] as Record<string, unknown>[], missed: 0, socket, close: () => socket.terminate() };
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { span?: Record<string, unknown>; missed?: number };
    if (message.span !== undefined) tail.spans.push(message.span);
    else tail.missed += message.missed ?? 0;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return tail;
}

const waitFor = (count: () => number, wanted: number) => expect.poll(count, { timeout: 15_000 }).toBe(wanted);

test('spans of every form reach event streams and sockets, filtered', async () => {
  const all = await openEvents();
  const byAgent = await openSocket(`?agent_id=${uuid('d', 2).toUpperCase()}`);
  const failures = await openEvents('?status=failure&action=search');
  const spans = [
    spanOf({ span: 1, agent: 1, action: 'plan', startMs: 0 }),
    spanOf({ span: 2, agent: 2, action: 'search', status: 'failure', startMs: 1 }),
    spanOf({ span: 3, agent: 2, action: 'answer', status: 'failure', startMs: 2 }),
  ];
  await post(JSON.stringify(spans[0], null, 2), 'application/json');
  await post(`${JSON.stringify(spans[1])}\n{"broken":true}\n`, 'application/x-ndjson');
  await post(encode(spans[2]), 'application/msgpack');
  await waitFor(() => all.spans.length, 3);
  await waitFor(() => byAgent.spans.length, 2);
  await waitFor(() => failures.spans.length, 1);
  expect(all.spans).toEqual(spans);
  expect(byAgent.spans).toEqual([spans[1], spans[2]]);
  expect(failures.spans).toEqual([spans[1]]);
  for (const tail of [all, byAgent, failures]) tail.close();
});

test('bodies that a decoder thread takes are seen as well', async () => {
  const tail = await openSocket(`?context_id=${uuid('c', 5)}`);
  const spans = Array.from({ length: 400 }, (_, i) =>
    spanOf({
      span: 1000 + i,
      context: i % 2 === 0 ? 5 : 6,
      startMs: i,
      parameters: { text: 'x'.repeat(200) },
    }),
  );
  await post(spans.map((span) => JSON.stringify(span)).join('\n'), 'application/x-ndjson');
  await waitFor(() => tail.spans.length + tail.missed, 200);
  expect(tail.spans.every((span) => span['context_id'] === uuid('c', 5))).toBe(true);
  tail.close();
});

test('slow readers are told how many spans they missed; a quick one misses none', async () => {
  const quick = await openSocket('?action=flood');
  const slowEvents = await openEvents('?action=flood');
  const slowSocket = await openSocket('?action=flood');
  slowEvents.response.pause();
  slowSocket.socket.pause();
  const bodies = 400;
  const perBody = 10;
  for (let body = 0; body < bodies; body++) {
    const spans = Array.from({ length: perBody }, (_, i) =>
      spanOf({
        span: 10_000 + body * perBody + i,
        action: 'flood',
        startMs: i,
        parameters: { text: 'x'.repeat(8_000) },
      }),
    );
    await post(spans.map((span) => JSON.stringify(span)).join('\n'), 'application/x-ndjson');
    // The quick reader is given its turn.
    await waitFor(() => quick.spans.length + quick.missed, (body + 1) * perBody);
  }
  expect(quick.missed).toBe(0);
  slowEvents.response.resume();
  slowSocket.socket.resume();
  await waitFor(() => slowEvents.spans.length + slowEvents.missed, bodies * perBody);
  await waitFor(() => slowSocket.spans.length + slowSocket.missed, bodies * perBody);
  expect(slowEvents.missed).toBeGreaterThan(0);
  expect(slowSocket.missed).toBeGreaterThan(0);
  for (const tail of [quick, slowEvents, slowSocket]) tail.close();
}, 60_000);

test('a reader that takes nothing for a while is not cut, and learns what it missed', async () => {
  const slow = await openEvents('?action=pause');
  slow.response.pause();
  const bodies = 70;
  for (let body = 0; body < bodies; body++) {
    const spans = Array.from({ length: 10 }, (_, i) =>
      spanOf({
        span: 50_000 + body * 10 + i,
        action: 'pause',
        startMs: i,
        parameters: { text: 'x'.repeat(8_000) },
      }),
    );
    await post(spans.map((span) => JSON.stringify(span)).join('\n'), 'application/x-ndjson');
  }
  // uWebSockets.js alone gives such a reader up after ten seconds.
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  slow.response.resume();
  await waitFor(() => slow.spans.length + slow.missed, bodies * 10);
  expect(slow.missed).toBeGreaterThan(0);
  slow.close();
}, 60_000);

test('bad filters are a 400 problem, on the socket before it opens; no key is a 401', async () => {
  const response = await fetch(`${engine.url}/v1.0/traces/stream?agent=1`, {
    headers: { authorization: `Bearer ${engine.key}` },
  });
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  expect(JSON.stringify(await response.json())).toContain('?agent');
  await expect(openSocket('?status=ok')).rejects.toThrow(/400/);
  expect((await fetch(`${engine.url}/v1.0/traces/stream`)).status).toBe(401);
});

test('the filters of clients that are gone are free again', async () => {
  for (let round = 0; round < 3; round++) {
    const tails = await Promise.all(
      Array.from({ length: 32 }, (_, i) => openEvents(`?action=round-${round}-${i}`)),
    );
    const response = await fetch(`${engine.url}/v1.0/traces/stream?action=too-many`, {
      headers: { authorization: `Bearer ${engine.key}` },
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    tails.forEach((tail) => tail.close());
    const open = async () => {
      const metrics = await fetch(`${engine.url}/metrics`, {
        headers: { authorization: `Bearer ${engine.key}` },
      });
      return /^mplp_tail_subscribers (\d+)/m.exec(await metrics.text())?.[1];
    };
    await expect.poll(open, { timeout: 15_000 }).toBe('0');
  }
});
