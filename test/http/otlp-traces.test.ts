import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../support/engine-process.js';
import { decodeExportResponse, decodeRpcStatus, encodeExportRequest } from '../support/otlp-proto.js';
import { exportRequestJson, sampleOtlpSpan, uuidOf } from '../support/otlp-span.js';
import { connectRaw } from '../support/raw-http.js';

const MAX_BODY_BYTES = 1024 * 1024;
const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

const bad = (): ReturnType<typeof sampleOtlpSpan> => sampleOtlpSpan({ traceId: new Uint8Array(5) });

describe('POST /v1/traces', () => {
  let engine: EngineProcess;
  beforeAll(async () => {
    engine = await startEngine({ MPLP_MAX_BODY_BYTES: String(MAX_BODY_BYTES), MPLP_OTLP_HTTP_PORT: 'auto' });
  });
  afterAll(async () => {
    expect(await engine.close()).toBe(0);
  });

  const post = (
    body: string | Uint8Array,
    headers: Record<string, string> = {},
    url = `${engine.url}/v1/traces?durability=stored`,
  ): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': PROTOBUF, ...headers },
      body,
    });
  const bytesOf = async (response: Response): Promise<Uint8Array> =>
    new Uint8Array(await response.arrayBuffer());
  const spansOf = async (traceId: Uint8Array): Promise<{ action: { name: string } }[]> => {
    const response = await fetch(`${engine.url}/v1.0/traces/${uuidOf(traceId)}/spans`, {
      headers: { 'x-api-key': engine.key },
    });
    return response.status === 404
      ? []
      : ((await response.json()) as { spans: { action: { name: string } }[] }).spans;
  };
  const outcomes = async (): Promise<Record<string, number>> => {
    const text = await (
      await fetch(`${engine.url}/metrics`, { headers: { 'x-api-key': engine.key } })
    ).text();
    return Object.fromEntries(
      [...text.matchAll(/^mplp_spans_total\{outcome="(\w+)"\} (\d+)$/gm)].map(([, name, count]) => [
        name,
        Number(count),
      ]),
    );
  };

  it('answers in the encoding of the request, with nothing to tell when all was taken', async () => {
    const binary = sampleOtlpSpan({ name: 'binary' });
    const first = await post(encodeExportRequest([binary]));
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toBe(PROTOBUF);
    expect(await bytesOf(first)).toHaveLength(0);

    const textual = sampleOtlpSpan({ name: 'textual' });
    const second = await post(exportRequestJson([textual]), {
      'content-type': `${JSON_TYPE}; charset=utf-8`,
    });
    expect(second.status).toBe(200);
    expect(second.headers.get('content-type')).toBe(JSON_TYPE);
    expect(await second.text()).toBe('{}');

    expect((await spansOf(binary.traceId)).map((span) => span.action.name)).toEqual(['binary']);
    expect((await spansOf(textual.traceId)).map((span) => span.action.name)).toEqual(['textual']);
  });

  it('is on the port of its own too, and nothing else is', async () => {
    const span = sampleOtlpSpan();
    expect(
      (await post(encodeExportRequest([span]), {}, `${engine.otlp.http}/v1/traces?durability=stored`)).status,
    ).toBe(200);
    expect(await spansOf(span.traceId)).toHaveLength(1);
    for (const path of ['/v1.0/traces', '/metrics', '/health', '/v1/logs'])
      expect([path, (await fetch(engine.otlp.http + path)).status]).toEqual([path, 404]);
  });

  it('takes every encoding of the body, also of large ones', async () => {
    const zstd = (zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer }).zstdCompressSync;
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ...(zstd === undefined ? [] : [['zstd', zstd] as const]),
    ] as const) {
      const spans = Array.from({ length: 400 }, () => sampleOtlpSpan());
      const response = await post(compress(encodeExportRequest(spans)), { 'content-encoding': encoding });
      expect([encoding, response.status]).toEqual([encoding, 200]);
      expect(await spansOf(spans[399]?.traceId ?? new Uint8Array(16))).toHaveLength(1);
    }
    if (zstd === undefined)
      expect(
        (await post(encodeExportRequest([sampleOtlpSpan()]), { 'content-encoding': 'zstd' })).status,
      ).toBe(415);
  });

  it('takes the good spans of a mixed request and names the others in partial_success', async () => {
    const good = [sampleOtlpSpan(), sampleOtlpSpan()];
    const mixed = [good[0], bad(), good[1], bad()] as ReturnType<typeof sampleOtlpSpan>[];
    const binary = await post(encodeExportRequest(mixed));
    expect(binary.status).toBe(200);
    const { partialSuccess } = decodeExportResponse(await bytesOf(binary));
    expect(partialSuccess?.rejectedSpans).toBe(2);
    expect(partialSuccess?.errorMessage).toMatch(/^2 of 4 spans were refused: span 1: .*traceId.*; span 3: /);
    for (const span of good) expect(await spansOf(span.traceId)).toHaveLength(1);

    const textual = await post(exportRequestJson([sampleOtlpSpan(), bad()]), { 'content-type': JSON_TYPE });
    expect(await textual.json()).toMatchObject({
      partialSuccess: {
        rejectedSpans: '1',
        errorMessage: expect.stringMatching(/^1 of 2 spans .*span 1: /) as string,
      },
    });
  });

  it('answers a request that came before as it did then, and shows its spans once', async () => {
    const span = sampleOtlpSpan();
    const body = encodeExportRequest([span, bad()]);
    const before = await outcomes();
    for (const sent of [body, gzipSync(body), body]) {
      const response = await post(sent, sent === body ? {} : { 'content-encoding': 'gzip' });
      expect(response.status).toBe(200);
      expect(decodeExportResponse(await bytesOf(response)).partialSuccess?.rejectedSpans).toBe(1);
    }
    const after = await outcomes();
    const grown = Object.fromEntries(
      Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
    );
    expect(grown).toMatchObject({ accepted: 1, duplicate: 2, shed: 0 });
    expect(await spansOf(span.traceId)).toHaveLength(1);
  });

  it('is content with a request without spans', async () => {
    expect((await post(new Uint8Array(0))).status).toBe(200);
    expect((await post(encodeExportRequest([]))).status).toBe(200);
    const empty = await post('{}', { 'content-type': JSON_TYPE });
    expect([empty.status, await empty.text()]).toEqual([200, '{}']);
    expect((await post('{"resourceSpans":[]}', { 'content-type': JSON_TYPE })).status).toBe(200);
  });

  it('refuses for good what will never be right, with a Status in the encoding of the request', async () => {
    const request = encodeExportRequest([sampleOtlpSpan()]);
    const cases: [
      what: string,
      body: string | Uint8Array,
      headers: Record<string, string>,
      status: number,
      code: number,
    ][] = [
      ['cut short', request.subarray(0, request.length - 7), {}, 400, 3],
      ['garbage', Buffer.from('not protobuf at all'), {}, 400, 3],
      ['no valid span', encodeExportRequest([bad()]), {}, 400, 3],
      ['not gzip', request, { 'content-encoding': 'gzip' }, 400, 3],
      ['unknown encoding', request, { 'content-encoding': 'snappy' }, 415, 3],
      ['too large', Buffer.alloc(MAX_BODY_BYTES + 1), {}, 413, 8],
      ['a bomb', gzipSync(Buffer.alloc(64 * MAX_BODY_BYTES)), { 'content-encoding': 'gzip' }, 413, 8],
      ['no key', request, { authorization: '' }, 401, 16],
      ['wrong key', request, { authorization: 'Bearer not-the-key-of-this-engine' }, 401, 16],
      ['half JSON', '{"resourceSpans":[', { 'content-type': JSON_TYPE }, 400, 3],
      ['no JSON', '', { 'content-type': JSON_TYPE }, 400, 3],
      ['no valid span in JSON', exportRequestJson([bad()]), { 'content-type': JSON_TYPE }, 400, 3],
      ['wrong type', request, { 'content-type': 'text/plain' }, 415, 3],
      ['no type', request, { 'content-type': '' }, 415, 3],
      ['a name that every JavaScript object has', request, { 'content-type': 'constructor' }, 415, 3],
    ];
    for (const [what, body, headers, status, code] of cases) {
      const response = await post(body, headers);
      expect([what, response.status]).toEqual([what, status]);
      expect([what, response.headers.get('retry-after')]).toEqual([what, null]);
      const isBinary = headers['content-type'] === undefined;
      expect([what, response.headers.get('content-type')]).toEqual([what, isBinary ? PROTOBUF : JSON_TYPE]);
      const told = isBinary
        ? decodeRpcStatus(await bytesOf(response))
        : ((await response.json()) as { code: number; message: string });
      expect([what, told.code]).toEqual([what, code]);
      expect([what, told.message.length > 10]).toEqual([what, true]);
    }
    expect(
      decodeRpcStatus(await bytesOf(await post(encodeExportRequest([bad()])))).violations[0]?.field,
    ).toMatch(/^span 0: .*traceId/);
  });

  it('takes a body in pieces', async () => {
    const span = sampleOtlpSpan();
    const body = Buffer.from(encodeExportRequest([span]));
    const connection = await connectRaw(engine.url);
    await connection.write(
      `POST /v1/traces?durability=stored HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nContent-Type: ${PROTOBUF}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (const piece of [body.subarray(0, 50), body.subarray(50)]) {
      await connection.write(`${piece.length.toString(16)}\r\n`);
      await connection.write(piece);
      await connection.write('\r\n');
    }
    await connection.write('0\r\n\r\n');
    expect(await connection.until('HTTP/1.1 200')).toContain('HTTP/1.1 200');
    connection.destroy();
    await expect.poll(() => spansOf(span.traceId)).toHaveLength(1);
  });
});

it('pushes back with 429 and Retry-After, and tells the same in the Status', async () => {
  // A ClickHouse that never answers: nothing leaves the spool.
  const engine = await startEngine({
    CLICKHOUSE_URL: 'http://127.0.0.1:9',
    MPLP_SPOOL_MAX_BYTES: '1MiB',
    MPLP_SPOOL_RESERVE_BYTES: '0',
  });
  try {
    let refused: Response | undefined;
    for (let i = 0; i < 60 && refused === undefined; i++) {
      const response = await fetch(`${engine.url}/v1/traces`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': PROTOBUF },
        body: encodeExportRequest(Array.from({ length: 400 }, () => sampleOtlpSpan())),
      });
      if (response.status !== 200) refused = response;
    }
    expect(refused?.status).toBe(429);
    const status = decodeRpcStatus(new Uint8Array((await refused?.arrayBuffer()) as ArrayBuffer));
    expect(status).toMatchObject({ code: 8, retryDelaySeconds: Number(refused?.headers.get('retry-after')) });
    expect(status.retryDelaySeconds).toBeGreaterThanOrEqual(1);
  } finally {
    await engine.close();
  }
});

it('starts and says so when another process has the ports of OTLP', async () => {
  const others = [createServer(), createServer()];
  for (const other of others) await once(other.listen(0, '127.0.0.1'), 'listening');
  const [http, grpc] = others.map((other) => String((other.address() as AddressInfo).port)) as [
    string,
    string,
  ];
  const engine = await startEngine({ MPLP_OTLP_HTTP_PORT: http, MPLP_OTLP_GRPC_PORT: grpc });
  try {
    expect(engine.otlp).toEqual({});
    for (const [port, name] of [
      [http, 'MPLP_OTLP_HTTP_PORT'],
      [grpc, 'MPLP_OTLP_GRPC_PORT'],
    ]) {
      expect(engine.stderr).toMatch(
        new RegExp(`Cannot listen on 127.0.0.1:${port}.*${name}.* The engine goes on without this port\\.`),
      );
    }
    const response = await fetch(`${engine.url}/v1/traces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': PROTOBUF },
      body: encodeExportRequest([sampleOtlpSpan()]),
    });
    expect(response.status).toBe(200);
  } finally {
    for (const other of others) other.close();
    expect(await engine.close()).toBe(0);
  }
});
