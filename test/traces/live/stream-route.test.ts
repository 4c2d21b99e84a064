import { expect, test } from 'vitest';
import { createStreamRoutes } from '#dist/http/routes/traces-stream.js';
import { createTailHub, type TailHub } from '#dist/traces/live/index.js';
import type { HttpRequest, Socket } from '#dist/http/contract.js';

function openStream(hub: TailHub, query = '', heartbeatMs = 60_000) {
  const abort = new AbortController();
  const request = {
    method: 'GET',
    path: '/v1.0/traces/stream',
    params: {},
    query: new URLSearchParams(query),
    header: () => '',
    body: () => Promise.reject(new Error('has none')),
    principal: { subject: 'test', projectId: 'p', may: () => true },
    signal: abort.signal,
    traceId: 't',
  } satisfies HttpRequest;
  const { routes } = createStreamRoutes({ hub, heartbeatMs });
  const reply = routes[0]!.handle(request) as {
    body: AsyncIterable<Uint8Array>;
    headers: Record<string, string>;
  };
  const chunks = reply.body[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await chunks.next();
    return done === true ? undefined : Buffer.from(value).toString();
  };
  return { abort, reply, chunks, read };
}

function publish(hub: TailHub, ...spans: string[]): void {
  const body = Buffer.from(spans.join('\n'));
  const matches: number[] = [];
  let at = 0;
  for (const span of spans) {
    matches.push(1, at, at + Buffer.byteLength(span));
    at += Buffer.byteLength(span) + 1;
  }
  const matchesDropped = new Uint32Array();
  hub.publish({
    form: 'ndjson',
    body,
    matches: Uint32Array.from(matches),
    matchesDropped,
    version: hub.version,
  });
}

test('an event stream: greeting, spans joined into one chunk, then waiting', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const { reply, read, chunks } = openStream(hub);
  expect(reply.headers['content-type']).toContain('text/event-stream');
  expect(await read()).toMatch(/^retry: \d+\n: .*\n\n$/);
  publish(hub, '{"n":1}', '{"n":2}');
  expect(await read()).toBe('event: span\nid: 1\ndata: {"n":1}\n\nevent: span\nid: 2\ndata: {"n":2}\n\n');
  const waiting = read();
  publish(hub, '{"n":3}');
  expect(await waiting).toContain('data: {"n":3}');
  await chunks.return?.();
  expect(hub.subscribers).toBe(0);
});

test('a reader that was away is told what it missed', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 8 });
  const { read } = openStream(hub);
  await read();
  publish(hub, '{"n":1}', '{"n":2}', '{"n":3}');
  expect(await read()).toBe('event: span\nid: 1\ndata: {"n":1}\n\nevent: missed\ndata: {"missed":2}\n\n');
});

test('heartbeats keep an idle stream open', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const { read, chunks } = openStream(hub, '', 1);
  await read();
  expect(await read()).toMatch(/^: .*\n\n$/);
  await chunks.return?.();
});

test('a client that goes away, before or while it reads, leaves nothing behind', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const never = openStream(hub);
  const reading = openStream(hub);
  await reading.read();
  const waiting = reading.read();
  expect(hub.subscribers).toBe(2);
  never.abort.abort();
  reading.abort.abort();
  expect(await waiting).toBeUndefined();
  expect(hub.subscribers).toBe(0);
});

test('the hub closing ends the stream', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  const { read } = openStream(hub);
  await read();
  const waiting = read();
  await hub.close();
  expect(await waiting).toBeUndefined();
});

test('bad filters are a 400 before any stream opens', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 1024 });
  expect(() => openStream(hub, 'agent_id=x')).toThrowError(expect.objectContaining({ status: 400 }));
  expect(hub.subscribers).toBe(0);
});

test('WebSocket: spans as text frames, waiting while the socket is full, told of the gap after', () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 8 });
  const sent: unknown[] = [];
  let bufferedBytes = 0;
  let closedWith: number | undefined;
  const socket: Socket = {
    get bufferedBytes() {
      return bufferedBytes;
    },
    send: (message) => sent.push(JSON.parse(String(message))) > 0,
    close: (code) => void (closedWith = code),
  };
  const { webSockets } = createStreamRoutes({ hub });
  const handler = webSockets[0]!.open(socket, {
    path: '/v1.0/traces/stream',
    query: new URLSearchParams('status=failure'),
    principal: { subject: 'test', projectId: 'p', may: () => true },
  });
  expect(hub.filters()).toEqual([{ projectId: 'p', status: 'failure' }]);
  publish(hub, '{"n":1}');
  bufferedBytes = 1024 * 1024;
  publish(hub, '{"n":2}', '{"n":3}', '{"n":4}');
  expect(sent).toEqual([{ span: { n: 1 } }]);
  bufferedBytes = 0;
  handler.drain();
  expect(sent).toEqual([{ span: { n: 1 } }, { span: { n: 2 } }, { missed: 2 }]);
  handler.closed(1000);
  expect(hub.subscribers).toBe(0);
  publish(hub, '{"n":5}');
  expect(sent).toHaveLength(3);
  expect(closedWith).toBeUndefined();
});

test('WebSocket: the hub closing closes the socket with 1001', async () => {
  const hub = createTailHub({ maxBufferedBytesPerSubscriber: 8 });
  let closedWith: number | undefined;
  const socket: Socket = { bufferedBytes: 0, send: () => true, close: (code) => void (closedWith = code) };
  createStreamRoutes({ hub }).webSockets[0]!.open(socket, {
    path: '/v1.0/traces/stream',
    query: new URLSearchParams(),
    principal: { subject: 'test', projectId: 'p', may: () => true },
  });
  await hub.close();
  expect(closedWith).toBe(1001);
});
