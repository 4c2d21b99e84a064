import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientError, createClient, type RetryOptions, type TailEvent } from '#dist/client/index.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The far end of the network: answers as the test says, and keeps what it was asked. */
async function serve(handler: Handler): Promise<{
  url: string;
  requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
}> {
  const requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      handler(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const receipt = {
  receipt: 'r',
  accepted: 1,
  rejected: 0,
  duplicates: 0,
  errors: [],
  errors_truncated: false,
};
const problem = (code: string, status: number) =>
  JSON.stringify({
    type: `https://mplp.dev/errors/${code}`,
    title: 'title',
    status,
    detail: 'what happened',
  });

function createPatient(url: string, delays: number[]) {
  const retry: RetryOptions = {
    maxAttempts: 4,
    maxDelayMs: 20,
    onRetry: (_error, delayMs) => delays.push(delayMs),
  };
  return createClient({ url, key: 'secret', retry });
}

describe('requests', () => {
  it('carry the key, the type and the body', async () => {
    const { url, requests } = await serve((_request, response) => response.end(JSON.stringify(receipt)));
    await createClient({ url, key: 'secret' }).sendBody('{}\n', 'application/x-ndjson', {
      idempotencyKey: 'k',
      durability: 'stored',
    });
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: '/v1.0/traces?durability=stored',
      body: '{}\n',
    });
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'content-type': 'application/x-ndjson',
      'idempotency-key': 'k',
    });
  });

  it('are tried again after 429 and 503, as late as Retry-After says', async () => {
    const answers = [
      (response: ServerResponse) =>
        response.writeHead(429, { 'retry-after': '0.01' }).end(problem('MPLP_ERR_TRACES_OVERLOADED', 429)),
      (response: ServerResponse) => response.writeHead(503).end('not json'),
      (response: ServerResponse) => response.writeHead(202).end(JSON.stringify(receipt)),
    ];
    const { url, requests } = await serve((_request, response) => answers.shift()?.(response));
    const delays: number[] = [];
    expect(await createPatient(url, delays).sendSpans([])).toEqual(receipt);
    expect(requests).toHaveLength(3);
    expect(requests[2]?.body).toBe(requests[0]?.body);
    expect(delays).toHaveLength(2);
    expect(delays[0]).toBeGreaterThanOrEqual(10);
    expect(delays[0]).toBeLessThanOrEqual(13);
  });

  it('are tried again after a lost connection only where that is harmless', async () => {
    const { url, requests } = await serve((request) => request.socket.destroy());
    const delays: number[] = [];
    const client = createPatient(url, delays);
    await expect(client.sendSpans([])).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(requests).toHaveLength(4);
    await expect(client.replayDeadLetters('all')).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(requests).toHaveLength(5);
  });

  it('are not tried again after other faults, which keep the code and the problem', async () => {
    const { url, requests } = await serve((_request, response) =>
      response.writeHead(400).end(problem('MPLP_ERR_TRACES_INVALID', 400)),
    );
    const error = await createPatient(url, [])
      .sendSpans([])
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      code: 'MPLP_ERR_TRACES_INVALID',
      status: 400,
      message: 'what happened',
      problem: { title: 'title' },
    });
    expect(requests).toHaveLength(1);
  });

  it('stop waiting when they are aborted', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(429, { 'retry-after': '60' }).end(problem('MPLP_ERR_TRACES_OVERLOADED', 429)),
    );
    const stop = new AbortController();
    const client = createClient({ url, retry: { onRetry: () => stop.abort(new Error('enough')) } });
    await expect(client.sendSpans([], { signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('reading', () => {
  it('follows the pages of a trace', async () => {
    const { url, requests } = await serve((request, response) => {
      const isFirst = !request.url?.includes('cursor');
      response.end(
        JSON.stringify({
          trace_id: 't',
          total_spans: 2,
          truncated: false,
          next: isFirst ? 'c+1' : null,
          spans: [],
        }),
      );
    });
    const pages = [];
    for await (const page of createClient({ url }).readSpans('t')) pages.push(page);
    expect(pages).toHaveLength(2);
    expect(requests[1]?.url).toContain('cursor=c%2B1');
  });

  it('takes apart the events of the live tail, wherever the chunks end', async () => {
    const stream =
      'retry: 2000\n: open\n\nevent: span\nid: 1\ndata: {"a":"é"}\n\n: still here\n\nevent: missed\r\ndata: {"missed":7}\r\n\r\nevent: other\ndata: 1\n\n';
    for (const size of [1, 7, 1000]) {
      const { url, requests } = await serve(async (_request, response) => {
        const bytes = Buffer.from(stream);
        for (let at = 0; at < bytes.length; at += size) {
          response.write(bytes.subarray(at, at + size));
          await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      });
      const events: TailEvent[] = [];
      for await (const event of createClient({ url }).tail({ status: 'failure', agent_id: undefined }))
        events.push(event);
      expect(events).toEqual([
        { kind: 'open' },
        { kind: 'span', span: { a: 'é' } },
        { kind: 'missed', count: 7 },
      ]);
      expect(requests[0]?.url).toBe('/v1.0/traces/stream?status=failure');
      server?.close();
    }
  });

  it('tells the engine from anything else that answers', async () => {
    const { url } = await serve((_request, response) =>
      response
        .writeHead(503)
        .end(JSON.stringify({ status: 'not ready', parts: { store: { ok: false, detail: 'down' } } })),
    );
    expect(await createClient({ url }).getReadiness()).toEqual({
      ready: false,
      parts: { store: { ok: false, detail: 'down' } },
    });
    server?.close();
    const other = await serve((_request, response) => response.end('hello'));
    await expect(createClient({ url: other.url }).getReadiness()).rejects.toMatchObject({
      code: 'UNEXPECTED',
    });
  });
});
