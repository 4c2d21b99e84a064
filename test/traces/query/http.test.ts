import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { spanOf, uuid } from './fixture.js';

let engine: EngineProcess;
const trace = 1;
const spans = [
  spanOf({
    trace,
    span: 1,
    action: 'plan',
    startMs: 0,
    endMs: 50,
    status: 'success',
    parameters: { goal: 'find it' },
  }),
  spanOf({
    trace,
    span: 2,
    parent: 1,
    action: 'search',
    startMs: 5,
    endMs: 20,
    status: 'failure',
    error: { message: 'no net' },
  }),
];

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${engine.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${engine.key}`, ...init.headers },
  });
}

async function query(body: unknown, type = 'application/json', search = ''): Promise<Response> {
  return ask(`/v1.0/query${search}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

beforeAll(async () => {
  engine = await startEngine();
  const response = await ask('/v1.0/traces', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spans),
  });
  expect(response.status).toBe(202);
  await vi.waitUntil(async () => (await ask(`/v1.0/traces/${uuid('a', trace)}/spans`)).status === 200, {
    timeout: 20_000,
    interval: 50,
  });
});
afterAll(() => engine.close());

async function expectProblem(response: Response, status: number): Promise<Record<string, unknown>> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({
    status,
    type: expect.stringContaining('MPLP_ERR_') as string,
    trace_id: expect.any(String) as string,
  });
  return problem;
}

describe('GET /traces/{trace_id}/spans', () => {
  test.each([
    uuid('a', trace),
    uuid('a', trace).toUpperCase(),
    uuid('a', trace).replaceAll('-', ''),
    uuid('a', trace).replaceAll('-', '').toUpperCase(),
  ])('takes the id as %s', async (id) => {
    for (const base of ['/v1.0', '/api/v1/mplp']) {
      const response = await ask(`${base}/traces/${id}/spans`);
      expect(response.headers.get('content-type')).toContain('application/json');
      expect(await response.json()).toEqual({
        trace_id: uuid('a', trace),
        total_spans: 2,
        truncated: false,
        next: null,
        spans,
      });
    }
  });

  test('problems', async () => {
    await expectProblem(await ask('/v1.0/traces/trace-123/spans'), 400);
    await expectProblem(await ask(`/v1.0/traces/${uuid('a', 99)}/spans`), 404);
    await expectProblem(await ask(`/v1.0/traces/${uuid('a', 99)}/spans?view=tree`), 404);
    await expectProblem(await ask(`/v1.0/traces/${uuid('a', trace)}/spans?cursor=zzz`), 400);
    expect(
      (await expectProblem(await ask(`/v1.0/traces/${uuid('a', trace)}/spans?depth=2`), 400))['detail'],
    ).toContain('depth');
    expect((await fetch(`${engine.url}/v1.0/traces/${uuid('a', trace)}/spans`)).status).toBe(401);
  });

  test('HEAD', async () => {
    const response = await ask(`/v1.0/traces/${uuid('a', trace)}/spans`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
    expect((await ask(`/v1.0/traces/${uuid('a', 99)}/spans`, { method: 'HEAD' })).status).toBe(404);
    expect((await ask('/v1.0/traces/stream', { method: 'HEAD' })).status).toBe(200);
  });
});

test('GET /traces', async () => {
  const page = (await (await ask('/v1.0/traces?status=failure&q=FIND')).json()) as {
    traces: unknown[];
    next: unknown;
  };
  expect(page).toEqual({ traces: [], next: null });
  expect(await (await ask('/v1.0/traces?status=failure&q=no%20net')).json()).toEqual({
    traces: [
      {
        trace_id: uuid('a', trace),
        start: '2026-01-27T12:00:00Z',
        end: '2026-01-27T12:00:00.050Z',
        duration_ms: 50,
        span_count: 2,
        error_count: 1,
        root_action: 'plan',
        agents: [uuid('d', 1)],
        contexts: [uuid('c', 1)],
      },
    ],
    next: null,
  });
  const problem = await expectProblem(await ask('/v1.0/traces?statuss=failure&limit=x'), 400);
  expect(problem['errors']).toEqual([
    expect.objectContaining({ pointer: '?statuss', keyword: 'unknown' }),
    expect.objectContaining({ pointer: '?limit', keyword: 'range' }),
  ]);
});

test('GET /traces/{trace_id}/export', async () => {
  const path = `/v1.0/traces/${uuid('a', trace)}/export`;
  const lines = await ask(path);
  expect(lines.headers.get('content-type')).toContain('application/x-ndjson');
  expect(
    (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toEqual(spans);
  for (const parquet of [
    await ask(`${path}?format=parquet`),
    await ask(path, { headers: { accept: 'application/vnd.apache.parquet' } }),
  ]) {
    expect(parquet.headers.get('content-type')).toBe('application/vnd.apache.parquet');
    expect(
      Buffer.from(await parquet.arrayBuffer())
        .subarray(0, 4)
        .toString(),
    ).toBe('PAR1');
  }
  await expectProblem(await ask(`${path}?format=csv`), 400);
  await expectProblem(await ask(`${path}?fmt=csv`), 400);
  await expectProblem(await ask(path, { headers: { accept: 'image/png' } }), 406);
  await expectProblem(await ask(`/v1.0/traces/${uuid('a', 99)}/export`), 404);
  await expectProblem(await ask(`/v1.0/traces/${uuid('a', 99)}/export?format=parquet`), 404);
});

describe('POST /query', () => {
  test('JSON and plain text', async () => {
    const sql = 'SELECT action_name, {n:UInt8} AS n FROM spans ORDER BY action_name';
    const json = await query({ sql, params: { n: 3 } });
    expect(json.headers.get('content-type')).toContain('application/json');
    expect(((await json.json()) as { data: unknown[] }).data).toEqual([
      { action_name: 'plan', n: 3 },
      { action_name: 'search', n: 3 },
    ]);
    expect(await (await query({ sql, params: { n: 3 }, format: 'CSV' })).text()).toBe(
      '"plan",3\n"search",3\n',
    );
    const text = await query(sql, 'text/plain', '?format=CSV&param_n=4');
    expect(text.headers.get('content-type')).toContain('text/csv');
    expect(await text.text()).toBe('"plan",4\n"search",4\n');
  });

  test('a large result is streamed whole', async () => {
    const response = await query({ sql: 'SELECT number FROM numbers(1000000)', format: 'JSONEachRow' });
    expect((await response.text()).split('\n')).toHaveLength(1_000_001);
  });

  test('problems', async () => {
    expect(await expectProblem(await query({ sql: 'SELECT nope FROM spans' }), 400)).toMatchObject({
      clickhouse_code: 47,
    });
    await expectProblem(await query({ sql: 'SELECT * FROM system.users' }), 403);
    await expectProblem(await query({ sql: 'SELECT number FROM numbers(10000000)' }), 422);
    for (const body of [
      '',
      '{',
      '[]',
      '{"sql":1}',
      '{"sql":"SELECT 1","params":[]}',
      '{"sql":"SELECT 1","params":{"a b":1}}',
      '{"sql":"SELECT 1","format":5}',
      '{"sql":"SELECT 1","more":1}',
    ])
      await expectProblem(await query(body), 400);
    await expectProblem(await query('x', 'application/xml'), 415);
    await expectProblem(await query({ sql: 'SELECT 1' }, 'application/json', '?database=mplp'), 400);
    await expectProblem(
      await ask('/v1.0/query', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: Buffer.from([0x53, 0xff]),
      }),
      400,
    );
    await expectProblem(await query({ sql: `SELECT '${'x'.repeat(2 * 1024 * 1024)}'` }), 413);
  });
});
