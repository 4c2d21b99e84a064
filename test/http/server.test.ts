import { randomUUID } from 'node:crypto';
import { decode, encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../support/engine-process.js';
import { connectRaw } from '../support/raw-http.js';
import { sampleSpan } from '../support/sample-span.js';

describe('the server', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.close());

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(engine.url + path, {
      ...init,
      headers: { authorization: `Bearer ${engine.key}`, ...init.headers },
    });

  /** What comes back for a request written as it is, up to the head of the answer. */
  async function answerTo(request: string): Promise<string> {
    const connection = await connectRaw(engine.url);
    await connection.write(request);
    const answer = await connection.until(/\r\n\r\n/);
    connection.destroy();
    return answer;
  }

  const MSGPACK = { accept: 'application/msgpack' };

  it('says every JSON document in MessagePack, problems included', async () => {
    const span = sampleSpan({ trace_id: randomUUID(), big: 1 });
    const body = JSON.stringify(span).replace('"big":1', '"big":9007199254740993');
    const taken = await ask('/v1.0/traces?durability=stored', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...MSGPACK },
      body,
    });
    const read = async (response: Response): Promise<Record<string, unknown>> => {
      expect(response.headers.get('content-type'), response.url).toBe('application/msgpack');
      return decode(await response.arrayBuffer(), { useBigInt64: true }) as Record<string, unknown>;
    };
    const receipt = await read(taken);
    expect(receipt).toMatchObject({ status: 'stored', rejected: 0, errors: [] });
    const path = `/v1.0/traces/${span.trace_id}/spans`;
    for (const [view, members] of [
      ['flat', {}],
      ['tree', { children: [] }],
    ] as const) {
      const page = await read(await ask(`${path}?view=${view}`, { headers: MSGPACK }));
      expect(page).toMatchObject({ trace_id: span.trace_id, truncated: false, next: null });
      expect(page['spans']).toEqual([{ ...span, ...members, big: 9007199254740993n }]);
    }
    for (const path of [
      '/v1.0/traces?limit=1',
      `/v1.0/traces/receipts/${String(receipt['receipt'])}`,
      '/v1.0/dead-letters',
      '/health',
      '/ready',
    ])
      expect(Object.keys(await read(await ask(path, { headers: MSGPACK }))), path).not.toEqual([]);

    const rows = await read(
      await ask('/v1.0/query', {
        method: 'POST',
        headers: { 'content-type': 'application/msgpack', ...MSGPACK },
        body: encode({ sql: 'SELECT {n:UInt64} AS n', params: { n: '18446744073709551615' } }),
      }),
    );
    expect(rows['data']).toEqual([{ n: 18446744073709551615n }]);

    const problems: [string, number, RequestInit?][] = [
      ['/v1.0/nothing', 404],
      ['/v1.0/traces?limit=x', 400],
      ['/v1.0/traces', 405, { method: 'PUT' }],
      ['/v1.0/traces/ws', 426],
      ['/v1.0/traces', 400, { method: 'POST', body: '[1]' }],
    ];
    for (const [path, status, init] of problems) {
      const response = await ask(path, {
        ...init,
        headers: { 'content-type': 'application/json', ...MSGPACK },
      });
      expect(response.status, path).toBe(status);
      expect(Object.keys(await read(response)), path).toEqual(
        expect.arrayContaining(['type', 'title', 'status', 'detail', 'instance', 'trace_id']),
      );
    }
    const json = await ask('/health', { headers: { accept: 'application/json, application/msgpack;q=0.5' } });
    expect(json.headers.get('content-type')).toBe('application/json');
  });

  it('lists the faults of all bad input, also where it is the whole', async () => {
    const post = (body: string, headers: Record<string, string>): Promise<Response> =>
      ask('/v1.0/traces', { method: 'POST', body, headers });
    for (const [response, keyword] of [
      [await post('', { 'content-type': 'application/json' }), 'empty'],
      [await post('[]', { 'content-type': 'application/json' }), 'empty'],
      [await post('{}', { 'content-type': 'text/html' }), 'unsupportedMediaType'],
      [await ask('/v1.0/query', { method: 'POST', body: '{"sql":"DROP TABLE spans"}' }), undefined],
    ] as const) {
      const { errors } = (await response.json()) as { errors: { keyword: string }[] };
      expect(errors).toEqual([
        { pointer: '', keyword: keyword ?? expect.any(String), message: expect.any(String) },
      ]);
    }
  });

  it('refuses documents that two readers could read differently', async () => {
    for (const [body, keyword] of [
      ['{"sql":"SELECT 1","sql":"SELECT 2"}', 'duplicateKey'],
      ['{"sql":"SELECT 1","params":{"__proto__":1}}', 'protoKey'],
      ['', 'syntax'],
    ] as const) {
      const response = await ask('/v1.0/query', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(response.status).toBe(400);
      expect(await response.json(), body).toMatchObject({ errors: [{ keyword }] });
    }
  });

  it('refuses a body whose end is not clear, and closes the connection', async () => {
    const body = JSON.stringify(sampleSpan());
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const framings: [string, string][] = [
      [`Content-Length: ${body.length}\r\nContent-Length: 3`, body],
      [`Transfer-Encoding: gzip, chunked`, chunked],
      [`Transfer-Encoding: chunked\r\nTransfer-Encoding: identity`, chunked],
      [`Transfer-Encoding: xchunked`, chunked],
    ];
    for (const path of ['/v1.0/traces', '/v1.0/query'])
      for (const [framing, text] of framings) {
        const connection = await connectRaw(engine.url);
        await connection.write(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\n` +
            `Content-Type: application/json\r\n${framing}\r\n\r\n${text}`,
        );
        const answer = await connection.closed();
        expect(answer, framing).toMatch(/^HTTP\/1\.1 400 [^]*Connection: close[^]*where the body ends/i);
        expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
      }
    const twoKeys = await answerTo(
      `GET /v1.0/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nAuthorization: Bearer x\r\n\r\n`,
    );
    expect(twoKeys).toContain('HTTP/1.1 401');
  });

  it('refuses broken percent escapes in paths and queries', async () => {
    for (const target of [
      '/v1.0/traces?q=%ff',
      '/v1.0/traces?q=%',
      '/v1.0/traces?tag.%zz=1',
      '/v1.0/traces/%ff/spans',
      '/v1.0/traces/receipts/%zz',
      '/v1.0/traces/stream?action=%c3',
    ]) {
      const answer = await answerTo(
        `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\n\r\n`,
      );
      expect(answer, target).toContain('HTTP/1.1 400');
    }
    const fine = await ask(`/v1.0/traces?q=${encodeURIComponent('100 % + é')}`);
    expect(fine.status).toBe(200);
  });

  it('tells a plain request to a WebSocket, and one of another version, to upgrade', async () => {
    const plain = await ask('/v1.0/traces/ws');
    expect(plain.status).toBe(426);
    expect(plain.headers.get('upgrade')).toBe('websocket');
    const old = await answerTo(
      `GET /v1.0/traces/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n',
    );
    expect(old).toMatch(/^HTTP\/1\.1 426 [^]*sec-websocket-version: 13/i);
    expect((await ask('/v1.0/traces/ws', { method: 'POST' })).status).toBe(405);
  });
});
