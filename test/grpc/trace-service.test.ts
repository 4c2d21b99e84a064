import { Client, credentials, Metadata, status, type CallOptions, type ServiceError } from '@grpc/grpc-js';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import {
  decodeExportResponse,
  decodeRpcStatus,
  encodeExportRequest,
  type RpcStatus,
} from '../support/otlp-proto.js';
import { sampleOtlpSpan, uuidOf } from '../support/otlp-span.js';
import { connectRaw } from '../support/raw-http.js';

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const GZIP = 2;
const MAX_BODY_BYTES = 1024 * 1024;

type Answer = { readonly bytes: Buffer; readonly error?: undefined } | { readonly error: ServiceError };

/** A client that sends bytes as they are. */
function connect(address: string, options: object = {}) {
  const client = new Client(address, credentials.createInsecure(), options);
  const asIs = (bytes: Buffer): Buffer => bytes;
  return {
    close: () => client.close(),
    export(bytes: Uint8Array, headers: Record<string, string>, call: CallOptions = {}): Promise<Answer> {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      return new Promise((resolve) => {
        client.makeUnaryRequest(METHOD, asIs, asIs, Buffer.from(bytes), metadata, call, (error, reply) =>
          resolve(error === null ? { bytes: reply as Buffer } : { error }),
        );
      });
    },
  };
}

const detailsOf = (error: ServiceError): RpcStatus =>
  decodeRpcStatus(error.metadata.get('grpc-status-details-bin')[0] as Buffer);
const bad = (): ReturnType<typeof sampleOtlpSpan> => sampleOtlpSpan({ spanId: new Uint8Array(3) });

describe('TraceService/Export with keys of subjects', () => {
  it('asks their roles, and waits for Postgres where it must', async () => {
    const engine = await startEngineWithState({ MPLP_OTLP_GRPC_PORT: 'auto' });
    const client = connect(engine.otlp.grpc as string);
    const make = async (path: string, body: object): Promise<{ id: string; key: string }> => {
      const response = await fetch(`${engine.url}/v1.0/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return (await response.json()) as { id: string; key: string };
    };
    const codeOf = async (key: string): Promise<number> => {
      const request = encodeExportRequest([sampleOtlpSpan()]);
      const { error } = await client.export(request, { authorization: `Bearer ${key}` });
      return error === undefined ? status.OK : error.code;
    };
    try {
      const sender = await make('roles', {
        name: 'sender',
        permissions: [{ resource: 'trace', actions: ['write'] }],
      });
      const allowed = await make('api-keys', { subject: 'agent:a', name: 'a', roles: [sender.id] });
      const refused = await make('api-keys', { subject: 'agent:b', name: 'b' });
      for (let times = 0; times < 3; times++) {
        expect(await codeOf(allowed.key)).toBe(status.OK);
        expect(await codeOf(refused.key)).toBe(status.PERMISSION_DENIED);
        expect(await codeOf(allowed.key.slice(0, -43) + 'A'.repeat(43))).toBe(status.UNAUTHENTICATED);
      }
      await fetch(`${engine.url}/v1.0/api-keys/${allowed.id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${engine.key}` },
      });
      expect(await codeOf(allowed.key)).toBe(status.UNAUTHENTICATED);
    } finally {
      client.close();
      await engine.close();
    }
  });
});

describe('TraceService/Export', () => {
  let engine: EngineProcess;
  let client: ReturnType<typeof connect>;
  let key: Record<string, string>;
  beforeAll(async () => {
    engine = await startEngine({ MPLP_MAX_BODY_BYTES: String(MAX_BODY_BYTES), MPLP_OTLP_GRPC_PORT: 'auto' });
    client = connect(engine.otlp.grpc as string);
    key = { authorization: `Bearer ${engine.key}` };
  });
  afterAll(async () => {
    client.close();
    expect(await engine.close()).toBe(0);
  });

  const succeed = async (answer: Promise<Answer>): Promise<Buffer> => {
    const given = await answer;
    if (given.error !== undefined) throw given.error;
    return given.bytes;
  };
  const fail = async (answer: Promise<Answer>): Promise<ServiceError> => {
    const given = await answer;
    if (given.error === undefined) throw new Error('the call succeeded');
    return given.error;
  };
  const countOf = async (traceId: Uint8Array): Promise<number> => {
    const response = await fetch(`${engine.url}/v1.0/traces/${uuidOf(traceId)}/spans`, { headers: key });
    return response.status === 404 ? 0 : ((await response.json()) as { total_spans: number }).total_spans;
  };

  it('takes spans, plain and compressed, by either header of the key', async () => {
    const gzip = connect(engine.otlp.grpc as string, { 'grpc.default_compression_algorithm': GZIP });
    try {
      for (const [from, headers] of [
        [client, key],
        [gzip, key],
        [client, { 'x-api-key': engine.key }],
      ] as const) {
        const spans = Array.from({ length: 300 }, () => sampleOtlpSpan());
        expect(await succeed(from.export(encodeExportRequest(spans), headers))).toHaveLength(0);
        await expect
          .poll(() => countOf(spans[299]?.traceId ?? new Uint8Array(16)), { timeout: 10_000 })
          .toBe(1);
      }
    } finally {
      gzip.close();
    }
  });

  it('tells what it refused in partial_success, and answers a repeated call in the same way', async () => {
    const span = sampleOtlpSpan();
    const request = encodeExportRequest([bad(), span]);
    for (const _ of [1, 2]) {
      const { partialSuccess } = decodeExportResponse(await succeed(client.export(request, key)));
      expect(partialSuccess?.rejectedSpans).toBe(1);
      expect(partialSuccess?.errorMessage).toContain('1 of 2 spans were refused');
    }
    await expect.poll(() => countOf(span.traceId), { timeout: 10_000 }).toBe(1);
    await delay(500);
    expect(await countOf(span.traceId)).toBe(1);
  });

  it('is content with a request without spans', async () => {
    expect(await succeed(client.export(new Uint8Array(0), key))).toHaveLength(0);
    expect(await succeed(client.export(encodeExportRequest([]), key))).toHaveLength(0);
  });

  it('refuses for good what will never be right', async () => {
    const request = encodeExportRequest([sampleOtlpSpan()]);
    const cases: [what: string, bytes: Uint8Array, headers: Record<string, string>, code: status][] = [
      ['cut short', request.subarray(0, request.length - 5), key, status.INVALID_ARGUMENT],
      ['no valid span', encodeExportRequest([bad()]), key, status.INVALID_ARGUMENT],
      ['no key', request, {}, status.UNAUTHENTICATED],
      ['wrong key', request, { authorization: 'Bearer not-the-key-of-this-engine' }, status.UNAUTHENTICATED],
    ];
    for (const [what, bytes, headers, code] of cases) {
      const error = await fail(client.export(bytes, headers));
      expect([what, status[error.code]]).toEqual([what, status[code]]);
      expect([what, detailsOf(error)]).toMatchObject([
        what,
        { code, message: error.details, retryDelaySeconds: undefined },
      ]);
    }
    const named = await fail(client.export(encodeExportRequest([bad()]), key));
    expect(detailsOf(named).violations[0]?.field).toMatch(/^span 0: .*spanId/);
    // As gRPC has it: no RetryInfo, so that no client sends it again.
    const large = await fail(client.export(new Uint8Array(MAX_BODY_BYTES + 1), key));
    expect(large.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(large.metadata.get('grpc-status-details-bin')).toEqual([]);
    const gzip = connect(engine.otlp.grpc as string, { 'grpc.default_compression_algorithm': GZIP });
    const bomb = await fail(gzip.export(new Uint8Array(32 * MAX_BODY_BYTES), key));
    expect(bomb.code).toBe(status.RESOURCE_EXHAUSTED);
    gzip.close();
    expect(await succeed(client.export(request, key))).toHaveLength(0);
  });

  it('survives those who do not speak gRPC', async () => {
    const raw = await connectRaw(`http://${engine.otlp.grpc}`);
    await raw.write('POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc');
    await raw.closed();
    const cut = await connectRaw(`http://${engine.otlp.grpc}`);
    await cut.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00');
    cut.destroy();
    expect(await succeed(client.export(encodeExportRequest([sampleOtlpSpan()]), key))).toHaveLength(0);
  });

  it('counts its calls by status', async () => {
    const text = await (await fetch(`${engine.url}/metrics`, { headers: key })).text();
    for (const code of ['OK', 'INVALID_ARGUMENT', 'UNAUTHENTICATED'])
      expect(text).toMatch(
        new RegExp(`^mplp_grpc_calls_total\\{method="TraceService/Export",code="${code}"\\} [1-9]`, 'm'),
      );
  });
});

it('pushes back with RESOURCE_EXHAUSTED and RetryInfo', async () => {
  const engine = await startEngine({
    CLICKHOUSE_URL: 'http://127.0.0.1:9',
    MPLP_SPOOL_MAX_BYTES: '1MiB',
    MPLP_SPOOL_RESERVE_BYTES: '0',
    MPLP_OTLP_GRPC_PORT: 'auto',
  });
  const client = connect(engine.otlp.grpc as string);
  try {
    let error: ServiceError | undefined;
    for (let i = 0; i < 60 && error === undefined; i++) {
      const spans = Array.from({ length: 400 }, () => sampleOtlpSpan());
      ({ error } = await client.export(encodeExportRequest(spans), { 'x-api-key': engine.key }));
    }
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error as ServiceError).retryDelaySeconds).toBeGreaterThanOrEqual(1);
  } finally {
    client.close();
    await engine.close();
  }
});

it('drains on SIGTERM: calls under way are answered, the rest is told to come again, exit code 0', async () => {
  const engine = await startEngine({ MPLP_OTLP_GRPC_PORT: 'auto' });
  const client = connect(engine.otlp.grpc as string);
  const key = { 'x-api-key': engine.key };
  expect((await client.export(encodeExportRequest([sampleOtlpSpan()]), key)).error).toBeUndefined();
  const answers: Promise<Answer>[] = [];
  for (let i = 0; i < 40; i++) {
    if (i === 20) process.kill(engine.pid, 'SIGTERM');
    answers.push(client.export(encodeExportRequest(Array.from({ length: 50 }, () => sampleOtlpSpan())), key));
    await delay(2);
  }
  const codes = (await Promise.all(answers)).map(({ error }) => error?.code ?? status.OK);
  expect(codes[0]).toBe(status.OK);
  expect(codes.filter((code) => code !== status.OK && code !== status.UNAVAILABLE)).toEqual([]);
  client.close();
  expect(await engine.close()).toBe(0);
});
