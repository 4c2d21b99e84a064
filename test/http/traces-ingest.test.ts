import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  brotliCompress,
  deflate,
  gzip,
} from 'node:zlib';
import { promisify } from 'node:util';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../support/engine-process.js';
import { connectRaw } from '../support/raw-http.js';
import { ndjson, sampleSpan, type SampleSpan } from '../support/sample-span.js';

interface Receipt {
  receipt: string;
  status: string;
  accepted: number;
  rejected: number;
  duplicates: number;
  errors: { index: number; errors: { pointer: string; keyword: string; message: string }[] }[];
  errors_truncated: boolean;
}

const MAX_BODY_BYTES = 1024 * 1024;

describe('POST /v1.0/traces', () => {
  let engine: EngineProcess;

  beforeAll(async () => {
    engine = await startEngine({
      MPLP_MAX_BODY_BYTES: String(MAX_BODY_BYTES),
      MPLP_MAX_SPAN_BYTES: '262144',
    });
  });
  afterAll(async () => {
    expect(await engine.close()).toBe(0);
  });

  const post = (
    body: string | Uint8Array,
    headers: Record<string, string> = {},
    path = '/v1.0/traces',
  ): Promise<Response> =>
    fetch(engine.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
      body,
    });
  const receipt = async (response: Response): Promise<Receipt> => (await response.json()) as Receipt;
  const metric = async (name: string): Promise<number> => {
    const text = await (
      await fetch(`${engine.url}/metrics`, { headers: { 'x-api-key': engine.key } })
    ).text();
    return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const alive = async (): Promise<void> => {
    expect((await fetch(`${engine.url}/health`)).status).toBe(200);
    expect((await post(JSON.stringify(sampleSpan()))).status).toBe(202);
  };

  it('takes one span, an array, NDJSON and MessagePack, under both base paths', async () => {
    const spans = [sampleSpan(), sampleSpan(), sampleSpan()];
    const forms: [string, string | Uint8Array, number][] = [
      ['application/json', JSON.stringify(sampleSpan(), null, 2), 1],
      ['application/json; charset=utf-8', JSON.stringify(spans), 3],
      ['application/x-ndjson', ndjson([sampleSpan(), sampleSpan()]), 2],
      ['application/msgpack', encode(sampleSpan()), 1],
      ['application/msgpack', encode([sampleSpan(), sampleSpan()]), 2],
      ['application/x-msgpack', Buffer.concat([encode(sampleSpan()), encode(sampleSpan())]), 2],
    ];
    for (const [type, body, count] of forms) {
      const response = await post(body, { 'content-type': type });
      expect(response.status, type).toBe(202);
      expect(await receipt(response), type).toMatchObject({
        accepted: count,
        rejected: 0,
        duplicates: 0,
        errors: [],
        errors_truncated: false,
      });
    }
    expect((await post(JSON.stringify(sampleSpan()), {}, '/api/v1/mplp/traces')).status).toBe(202);
  });

  it('takes every encoding, also of large bodies', async () => {
    const many = (): Buffer => Buffer.from(ndjson(Array.from({ length: 300 }, () => sampleSpan())));
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['deflate', deflateRawSync],
      ['br', brotliCompressSync],
    ] as const) {
      const response = await post(compress(many()), {
        'content-type': 'application/x-ndjson',
        'content-encoding': encoding,
      });
      expect(response.status, encoding).toBe(202);
      expect((await receipt(response)).accepted, encoding).toBe(300);
    }
    const plain = await post(many(), { 'content-type': 'application/x-ndjson' });
    expect((await receipt(plain)).accepted).toBe(300);
  });

  it('stores the valid spans of a mixed batch and explains the others', async () => {
    const bad = { ...sampleSpan(), agent_id: 'agent-001' };
    const response = await post(JSON.stringify([sampleSpan(), bad, 42, sampleSpan()]));
    expect(response.status).toBe(202);
    const document = await receipt(response);
    expect(document).toMatchObject({ accepted: 2, rejected: 2 });
    expect(document.errors.map((fault) => fault.index)).toEqual([1, 2]);
    expect(document.errors[0]?.errors[0]).toMatchObject({ pointer: '/agent_id', keyword: 'pattern' });
    expect(document.errors[1]?.errors[0]).toMatchObject({ pointer: '', keyword: 'type' });
  });

  it('counts all rejected spans and describes the first hundred', async () => {
    const response = await post(ndjson([sampleSpan(), ...Array.from({ length: 150 }, () => ({ id: 'x' }))]), {
      'content-type': 'application/x-ndjson',
    });
    const document = await receipt(response);
    expect(document).toMatchObject({ accepted: 1, rejected: 150, errors_truncated: true });
    expect(document.errors).toHaveLength(100);
  });

  it('answers a batch that came before with the first receipt', async () => {
    const body = JSON.stringify([sampleSpan(), sampleSpan()]);
    const first = await receipt(await post(body));
    const again = await receipt(await post(body));
    expect(again).toMatchObject({ receipt: first.receipt, accepted: 0, duplicates: 2 });
    const twins = await Promise.all(
      [0, 1, 2].map(async () => receipt(await post(ndjson([sampleSpan({ trace_id: first.receipt })])))),
    );
    expect(new Set(twins.map((twin) => twin.receipt)).size).toBe(3);
  });

  it('answers the same batch sent at once from many connections with one receipt', async () => {
    const body = ndjson(Array.from({ length: 200 }, () => sampleSpan()));
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () =>
        receipt(await post(body, { 'content-type': 'application/x-ndjson' })),
      ),
    );
    expect(new Set(answers.map((answer) => answer.receipt)).size).toBe(1);
    expect(answers.reduce((sum, answer) => sum + answer.accepted, 0)).toBe(200);
    expect(answers.reduce((sum, answer) => sum + answer.duplicates, 0)).toBe(1400);
  });

  it('honours Idempotency-Key, and refuses it for another body', async () => {
    const key = { 'idempotency-key': 'batch-7' };
    const body = JSON.stringify(sampleSpan());
    const first = await receipt(await post(body, key));
    expect(await receipt(await post(body, key))).toMatchObject({ receipt: first.receipt, duplicates: 1 });
    const other = await post(JSON.stringify(sampleSpan()), key);
    expect(other.status).toBe(422);
    expect(other.headers.get('content-type')).toBe('application/problem+json');
    // Two bodies at once under one key: one is taken in, the other told so.
    const atOnce = await Promise.all(
      [1, 2].map(() => post(JSON.stringify(sampleSpan()), { 'idempotency-key': 'batch-8' })),
    );
    expect(atOnce.map((response) => response.status).sort()).toEqual([202, 422]);
    // A refused body does not take the key with it.
    const retry = { 'idempotency-key': 'batch-9' };
    expect((await post('{}', retry)).status).toBe(400);
    expect((await post(JSON.stringify(sampleSpan()), retry)).status).toBe(202);
  });

  it('waits for ClickHouse also with a batch that came before', async () => {
    const body = JSON.stringify(sampleSpan());
    const first = await receipt(await post(body));
    const again = await receipt(await post(body, {}, '/v1.0/traces?durability=stored'));
    expect(again).toMatchObject({ receipt: first.receipt, status: 'stored', duplicates: 1 });
  });

  it('waits for ClickHouse when asked to, and tells the status of a receipt', async () => {
    const stored = await receipt(
      await post(JSON.stringify(sampleSpan()), {}, '/v1.0/traces?durability=stored'),
    );
    expect(stored.status).toBe('stored');
    const found = await fetch(`${engine.url}/v1.0/traces/receipts/${stored.receipt}`, {
      headers: { 'x-api-key': engine.key },
    });
    expect(await found.json()).toMatchObject({ receipt: stored.receipt, status: 'stored', accepted: 1 });
    const missing = await fetch(`${engine.url}/v1.0/traces/receipts/nope`, {
      headers: { 'x-api-key': engine.key },
    });
    expect(missing.status).toBe(404);
    expect((await post(JSON.stringify(sampleSpan()), {}, '/v1.0/traces?durability=maybe')).status).toBe(400);
  });

  it('refuses what it cannot read with 4xx problems that say why', async () => {
    const span = sampleSpan();
    const cases: [
      what: string,
      body: string | Uint8Array,
      headers: Record<string, string>,
      status: number,
      code: string,
    ][] = [
      ['empty', '', {}, 400, 'MPLP_ERR_TRACES_EMPTY'],
      ['white space', ' \n ', {}, 400, 'MPLP_ERR_TRACES_'],
      ['empty array', '[]', {}, 400, 'MPLP_ERR_TRACES_EMPTY'],
      ['empty NDJSON', '\n\n', { 'content-type': 'application/x-ndjson' }, 400, 'MPLP_ERR_TRACES_EMPTY'],
      [
        'a name that every JavaScript object has',
        JSON.stringify(span),
        { 'content-type': 'constructor' },
        415,
        'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE',
      ],
      ['no type', JSON.stringify(span), { 'content-type': '' }, 415, 'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE'],
      [
        'wrong type',
        JSON.stringify(span),
        { 'content-type': 'text/html' },
        415,
        'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE',
      ],
      [
        'wrong encoding',
        JSON.stringify(span),
        { 'content-encoding': 'snappy' },
        415,
        'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE',
      ],
      [
        'stacked encodings',
        gzipSync(gzipSync('x')),
        { 'content-encoding': 'gzip, gzip' },
        415,
        'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE',
      ],
      ['not gzip', 'plain', { 'content-encoding': 'gzip' }, 400, 'MPLP_ERR_TRACES_MALFORMED'],
      [
        'half gzip',
        gzipSync(JSON.stringify(span)).subarray(0, 60),
        { 'content-encoding': 'gzip' },
        400,
        'MPLP_ERR_TRACES_MALFORMED',
      ],
      ['half JSON', JSON.stringify([span, span]).slice(0, -9), {}, 400, 'MPLP_ERR_TRACES_MALFORMED'],
      [
        'half MessagePack',
        encode([span, span]).subarray(0, 300),
        { 'content-type': 'application/msgpack' },
        400,
        'MPLP_ERR_TRACES_MALFORMED',
      ],
      ['a BOM', `\ufeff${JSON.stringify(span)}`, {}, 400, 'MPLP_ERR_TRACES_MALFORMED'],
      ['NUL bytes', Buffer.alloc(64), {}, 400, 'MPLP_ERR_TRACES_MALFORMED'],
    ];
    for (const [what, body, headers, status, code] of cases) {
      const response = await post(body, headers);
      const problem = (await response.json()) as {
        status: number;
        type: string;
        detail: string;
        instance: string;
        trace_id: string;
      };
      expect(response.status, what).toBe(status);
      expect(response.headers.get('content-type'), what).toBe('application/problem+json');
      expect(problem.type, what).toContain(code);
      expect(problem, what).toMatchObject({ status, instance: '/v1.0/traces' });
      expect(problem.trace_id, what).toMatch(/^[0-9a-f]{32}$/);
    }
    await alive();
  });

  it('names the place of every fault of a span', async () => {
    const at = (path: string, value: unknown): SampleSpan => {
      const span = structuredClone(sampleSpan()) as Record<string, unknown>;
      const parts = path.split('/').slice(1);
      let target = span;
      for (const part of parts.slice(0, -1)) target = target[part] as Record<string, unknown>;
      target[parts.at(-1) as string] = value;
      return span as unknown as SampleSpan;
    };
    const faults: [pointer: string, value: unknown][] = [
      ['/id', 7],
      ['/trace_id', null],
      ['/span_id', 'A1111111-1111-4111-8111-111111111111'],
      ['/context_id', 'ctx-789'],
      ['/agent_id', []],
      ['/action', 'execute'],
      ['/action/name', 5],
      ['/action/type', 'run'],
      ['/action/parameters', []],
      ['/action/duration', 150],
      ['/timestamp', '2025-01-27'],
      ['/timestamp/start', 'yesterday'],
      ['/timestamp/end', 5],
      ['/timestamp/start', '1970-01-01T00:00:00Z'],
      ['/timestamp/end', '9999-12-31T23:59:59Z'],
      ['/timestamp/end', '2025-01-27T18:40:32.122Z'],
      ['/result', 'success'],
      ['/result/status', 'ok'],
      ['/result/output', 'text'],
      ['/result/error', 'boom'],
      ['/result/metrics', 1],
      ['/metadata', []],
      ['/parent_span_id', 'x'],
    ];
    for (const [pointer, value] of faults) {
      const response = await post(JSON.stringify([sampleSpan(), at(pointer, value)]));
      expect(response.status, pointer).toBe(202);
      const document = await receipt(response);
      expect(document, pointer).toMatchObject({ accepted: 1, rejected: 1 });
      expect(
        document.errors[0]?.errors.map((error) => error.pointer),
        `${pointer} = ${JSON.stringify(value)}`,
      ).toContain(pointer);
    }
  });

  it('refuses hostile JSON span by span and keeps its neighbours', async () => {
    const good = (): string => JSON.stringify(sampleSpan());
    const withParameters = (json: string): string => good().replace('{"task_id":"task-123"}', json);
    const hostile = [
      withParameters('{"a":1,"a":2}'),
      withParameters('{"a":1,"\\u0061":2}'),
      withParameters('{"__proto__":{"x":1}}'),
      withParameters('{"\\u005f_proto__":1}'),
      withParameters('{"a":1e400}'),
      withParameters('{"a":"\\ud800"}'),
      withParameters('{"a":NaN}'),
      withParameters('{"a":01}'),
      withParameters(`{"a":${'['.repeat(70)}${']'.repeat(70)}}`),
      withParameters(`{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
      '{"id":',
      'null',
    ];
    const lines = hostile.flatMap((line) => [good(), line]);
    const response = await post(lines.join('\n'), { 'content-type': 'application/x-ndjson' });
    expect(response.status).toBe(202);
    const document = await receipt(response);
    expect(document).toMatchObject({ accepted: hostile.length, rejected: hostile.length });
    expect(document.errors.map((fault) => fault.index)).toEqual(hostile.map((_, i) => i * 2 + 1));
    const bytes = Buffer.concat([
      Buffer.from(good() + '\n'),
      Buffer.from(withParameters('{"a":"\u0001X"}').replace('\u0001', '')).fill(0xff, 200, 202),
      Buffer.from('\n' + good()),
    ]);
    expect(await receipt(await post(bytes, { 'content-type': 'application/x-ndjson' }))).toMatchObject({
      accepted: 2,
      rejected: 1,
    });
    await alive();
  });

  it('takes a million tiny keys or says why not, without running away', async () => {
    const keys = (count: number): string =>
      `{${Array.from({ length: count }, (_, i) => `"k${i}":0`).join(',')}}`;
    const span = JSON.stringify(sampleSpan()).replace('{"task_id":"task-123"}', keys(20_000));
    expect((await post(span)).status).toBe(202);
    const twice = span.replace('"k0":0', '"k19999":0');
    expect((await post(twice)).status).toBe(400);
    const huge = JSON.stringify(sampleSpan()).replace('{"task_id":"task-123"}', keys(60_000));
    const refused = await post(huge);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(await refused.json())).toContain('maxBytes');
    await alive();
  });

  it('limits the decompressed size: bombs cost little and get 413', async () => {
    const zeros = Buffer.alloc(200 * 1024 * 1024, 0x20);
    // Not the synchronous forms: while they run, nobody would see that an idle connection was closed.
    for (const [encoding, compress] of [
      ['gzip', promisify(gzip)],
      ['br', promisify(brotliCompress)],
      ['deflate', promisify(deflate)],
    ] as const) {
      const response = await post(await compress(zeros), { 'content-encoding': encoding });
      expect(response.status, encoding).toBe(413);
    }
    const { readFile } = await import('node:fs/promises');
    const peak = Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${engine.pid}/status`, 'utf8'))?.[1]);
    expect(peak).toBeLessThan(512 * 1024);
    await alive();
  });

  it('draws the line at the limit exactly', async () => {
    const padded = (bytes: number): string => {
      const span = JSON.stringify(sampleSpan());
      return span + ' '.repeat(bytes - span.length);
    };
    expect((await post(padded(MAX_BODY_BYTES - 1))).status).toBe(202);
    expect((await post(padded(MAX_BODY_BYTES))).status).toBe(202);
    expect((await post(padded(MAX_BODY_BYTES + 1))).status).toBe(413);
    const raw = await connectRaw(engine.url);
    await raw.write(
      `POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    for (let i = 0; i < 17; i++) await raw.write(chunk);
    expect(await raw.until('413')).toContain('HTTP/1.1 413');
    raw.destroy();
    await alive();
  });

  it('survives lies about the length, slow bodies, pipelining and smuggling', async () => {
    const head = (extra: string): string =>
      `POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${engine.key}\r\nContent-Type: application/json\r\n${extra}\r\n\r\n`;
    const body = (): string => JSON.stringify(sampleSpan());

    const cut = await connectRaw(engine.url);
    await cut.write(head('Content-Length: 5000') + body());
    cut.destroy();

    const pipelined = await connectRaw(engine.url);
    const [a, b] = [body(), body()];
    await pipelined.write(head(`Content-Length: ${a.length}`) + a + head(`Content-Length: ${b.length}`) + b);
    // uWebSockets.js cuts a connection on which a request arrives before the last one is answered. Nobody is told
    // that a span was taken, so nothing is lost: the client sends again.
    expect(await pipelined.closed()).not.toContain('HTTP/1.1 202');
    for (const text of [a, b]) expect((await post(text)).status).toBe(202);

    const smuggled = await connectRaw(engine.url);
    await smuggled.write(head(`Content-Length: 6\r\nTransfer-Encoding: chunked`) + '0\r\n\r\nG');
    const answer = await Promise.race([smuggled.closed(), smuggled.until(/HTTP\/1\.1 \d/)]);
    expect(answer).not.toContain('HTTP/1.1 2');
    smuggled.destroy();

    const slow = await connectRaw(engine.url);
    const text = body();
    await slow.write(head(`Content-Length: ${text.length}`));
    for (let i = 0; i < text.length; i += 100) await slow.write(text.slice(i, i + 100));
    expect(await slow.until('HTTP/1.1 202')).toContain('HTTP/1.1 202');
    slow.destroy();

    const garbage = await connectRaw(engine.url);
    await garbage.write('\x16\x03\x01\x02\x00\x01garbage\r\n\r\n');
    await garbage.until(/./);
    garbage.destroy();
    await alive();
  });

  it('keeps its books: every span is in exactly one counter', async () => {
    const outcomes = ['accepted', 'rejected', 'duplicate', 'shed'];
    const read = async (): Promise<number[]> =>
      Promise.all(outcomes.map((o) => metric(`mplp_spans_total{outcome="${o}"}`)));
    const before = await read();
    const body = JSON.stringify([sampleSpan(), { id: 'x' }, sampleSpan()]);
    await post(body);
    await post(body);
    await post('[1,2]');
    const after = await read();
    expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual([2, 3, 2, 0]);
    expect(await metric('mplp_verdict_disagreements_total')).toBe(0);
    await post(JSON.stringify(sampleSpan()), {}, '/v1.0/traces?durability=stored');
    const accepted = await metric('mplp_spans_total{outcome="accepted"}');
    const settled = await metric('mplp_spans_settled_total{outcome="stored"}');
    const spooled = await metric('mplp_spans_spooled');
    expect(settled + spooled).toBe(accepted);
  });

  it('answers in MessagePack when asked to', async () => {
    const response = await post(JSON.stringify(sampleSpan()), { accept: 'application/msgpack' });
    expect(response.headers.get('content-type')).toBe('application/msgpack');
  });
});
