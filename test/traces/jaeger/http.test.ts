import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { EPOCH, spanOf, uuid } from '../query/fixture.js';
import type { Envelope } from './fixture.js';

let engine: EngineProcess;
const service = 'shop front/1';
const spans = [
  spanOf({ span: 1, action: 'plan', startMs: 0, endMs: 50, tags: { 'service.name': service } }),
  spanOf({
    span: 2,
    parent: 1,
    agent: 2,
    action: 'search',
    type: 'invoke',
    startMs: 5,
    endMs: 20,
    status: 'failure',
  }),
];
const traceId = uuid('a', 1).replaceAll('-', '');

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${engine.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${engine.key}`, ...init.headers },
  });
}

async function answer<T>(path: string, status = 200): Promise<T> {
  const response = await ask(path);
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toContain('application/json');
  return (await response.json()) as T;
}

beforeAll(async () => {
  engine = await startEngine();
  const response = await ask('/v1.0/traces', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spans),
  });
  expect(response.status).toBe(202);
  // The tables of an insert are filled one after the other.
  const isThere = async (): Promise<boolean> => {
    const services = (await (await ask('/api/services')).json()) as { total: number };
    return services.total === 2 && (await ask(`/api/traces/${traceId}`)).status === 200;
  };
  await vi.waitUntil(isThere, { timeout: 20_000, interval: 50 });
});
afterAll(() => engine.close());

test('services and operations', async () => {
  expect(await answer('/api/services')).toEqual({
    data: [uuid('d', 2), service],
    total: 2,
    limit: 0,
    offset: 0,
    errors: null,
  });
  for (const name of [encodeURIComponent(service), encodeURIComponent(encodeURIComponent(service))])
    expect(await answer(`/api/services/${name}/operations`)).toEqual({
      data: ['plan'],
      total: 1,
      limit: 0,
      offset: 0,
      errors: null,
    });
  expect(await answer('/api/services/nobody/operations')).toMatchObject({ data: [], total: 0 });
  expect(await answer(`/api/operations?service=${uuid('d', 2)}`)).toEqual({
    data: [{ name: 'search', spanKind: 'client' }],
    total: 1,
    limit: 0,
    offset: 0,
    errors: null,
  });
  expect(await answer(`/api/operations?service=${uuid('d', 2)}&spanKind=server`)).toMatchObject({ data: [] });
});

test('a trace by its id, in every spelling', async () => {
  for (const id of [traceId, traceId.toUpperCase(), uuid('a', 1)]) {
    const envelope = await answer<Envelope>(`/api/traces/${id}?start=1&end=2&raw=true&prettyPrint=true`);
    expect(envelope).toMatchObject({ total: 0, limit: 0, offset: 0, errors: null });
    expect(envelope.data[0]!.spans.map(({ operationName }) => operationName)).toEqual(['plan', 'search']);
  }
});

test('a search, and traces by their ids', async () => {
  const name = encodeURIComponent(service);
  const query = `service=${name}&start=${(EPOCH - 1) * 1000}&end=${(EPOCH + 1000) * 1000}&limit=20&lookback=custom`;
  expect((await answer<Envelope>(`/api/traces?${query}`)).data.map(({ traceID }) => traceID)).toEqual([
    traceId,
  ]);
  expect(await answer(`/api/traces?service=${name}&lookback=1h`)).toEqual({
    data: [],
    total: 0,
    limit: 0,
    offset: 0,
    errors: null,
  });
  const some = await answer<Envelope>(`/api/traces?traceID=${traceId}&traceID=beef`);
  expect(some.data).toHaveLength(1);
  expect(some.errors).toEqual([{ msg: 'trace not found', traceID: '000000000000beef' }]);
});

test('dependencies', async () => {
  const query = `endTs=${EPOCH + 1000}&lookback=3600000`;
  const data = [{ parent: service, child: uuid('d', 2), callCount: 1 }];
  expect(await answer(`/api/dependencies?${query}`)).toEqual({
    data,
    total: 0,
    limit: 0,
    offset: 0,
    errors: null,
  });
  expect(await answer(`/api/dependencies?${query}&service=${uuid('d', 2)}`)).toMatchObject({ data });
  expect(await answer(`/api/dependencies?${query}&service=nobody`)).toMatchObject({ data: [] });
  expect(await answer('/api/dependencies')).toMatchObject({ data: [] });
});

describe('what newer versions of Jaeger UI ask', () => {
  const times = `query.startTimeMin=${new Date(EPOCH - 1).toISOString()}&query.startTimeMax=${new Date(EPOCH + 1000).toISOString()}`;

  test('services and operations', async () => {
    expect(await answer('/api/v3/services')).toEqual({ services: [uuid('d', 2), service] });
    const plan = { name: 'plan', spanKind: 'internal' };
    const search = { name: 'search', spanKind: 'client' };
    expect(await answer(`/api/v3/operations?service=${encodeURIComponent(service)}`)).toEqual({
      operations: [plan],
    });
    expect(await answer('/api/v3/operations')).toEqual({ operations: [plan, search] });
    for (const name of ['spanKind', 'span_kind'])
      expect(await answer(`/api/v3/operations?${name}=client`)).toEqual({ operations: [search] });
  });

  test('summaries of traces', async () => {
    const summary = {
      traceId,
      rootServiceName: service,
      rootOperationName: 'plan',
      minStartTimeUnixNano: `${EPOCH}000000`,
      maxEndTimeUnixNano: `${EPOCH + 50}000000`,
      spanCount: 2,
      errorSpanCount: 1,
      orphanSpanCount: 0,
      services: [
        { name: uuid('d', 2), spanCount: 1, errorSpanCount: 1 },
        { name: service, spanCount: 1, errorSpanCount: 0 },
      ],
    };
    for (const query of [
      '',
      `&query.serviceName=${encodeURIComponent(service)}&query.searchDepth=20`,
      `&query.service_name=${uuid('d', 2)}&query.num_traces=1`,
      '&query.operationName=search&query.durationMin=15ms&query.durationMax=15ms',
      `&query.attributes=${encodeURIComponent('{"error":"true"}')}`,
    ])
      expect(await answer(`/api/v3/trace-summaries?${times}${query}`)).toEqual({ summaries: [summary] });
    for (const query of [
      '&query.serviceName=nobody',
      '&query.operationName=nothing',
      '&query.durationMin=1s',
    ])
      expect(await answer(`/api/v3/trace-summaries?${times}${query}`)).toEqual({ summaries: [] });
  });

  test.each([
    ['', 'query.startTimeMin and query.startTimeMax are required'],
    ['query.startTimeMin=x&query.startTimeMax=y', 'malformed parameter query.startTimeMin: cannot parse "x"'],
    [
      'query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2026-01-01T00:00:00Z',
      'query.startTimeMin must be before query.startTimeMax',
    ],
    [`${times}&query.durationMin=5`, 'malformed parameter query.durationMin: time: missing unit'],
    [`${times}&query.duration_max=x`, 'malformed parameter query.duration_max: time: invalid duration'],
    [`${times}&query.filter=x`, 'query.filter is not supported here'],
    [`${times}&query.searchDepth=x`, 'malformed parameter query.searchDepth: strconv.ParseInt'],
    [`${times}&query.searchDepth=0`, 'malformed parameter query.searchDepth: it must be at least 1'],
    [`${times}&query.attributes=x`, 'malformed parameter query.attributes: '],
    [`${times}&query.attributes=[]`, 'malformed parameter query.attributes: not a JSON map'],
    [`${times}&query.attributes={"a":1}`, 'malformed parameter query.attributes: the value of "a"'],
  ])('?%s is refused', async (query, message) => {
    expect(await answer(`/api/v3/trace-summaries?${query}`, 400)).toEqual({
      error: { httpCode: 400, message: expect.stringContaining(message) as string },
    });
  });
});

describe('what cannot be answered has the envelope too', () => {
  test.each([
    ['/api/traces', 400, "parameter 'service' is required"],
    ['/api/traces?service=s&limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    [
      '/api/traces?service=s&minDuration=20',
      400,
      `unable to parse param 'minDuration': time: missing unit in duration "20"`,
    ],
    ['/api/traces?service=s&tag=x', 400, "malformed 'tag' parameter, expecting key:value, received: x"],
    ['/api/traces/xyz', 400, 'strconv.ParseUint: parsing "xyz": invalid syntax'],
    [
      `/api/traces/${'0'.repeat(33)}`,
      400,
      `TraceID cannot be longer than 32 hex characters: ${'0'.repeat(33)}`,
    ],
    [
      '/api/traces/beef?start=x',
      400,
      `unable to parse param 'start': strconv.ParseInt: parsing "x": invalid syntax`,
    ],
    ['/api/traces/beef', 404, 'trace not found'],
    ['/api/operations', 400, "parameter 'service' is required"],
    ['/api/metrics/calls?service=s&endTs=1', 501, 'metrics querying is currently disabled'],
    [
      '/api/dependencies?endTs=now',
      400,
      `unable to parse param 'endTs': strconv.ParseInt: parsing "now": invalid syntax`,
    ],
  ])('%s', async (path, code, msg) => {
    expect(await answer(path, code)).toEqual({
      data: null,
      total: 0,
      limit: 0,
      offset: 0,
      errors: [{ code, msg }],
    });
  });
});

test('nobody reads without a key', async () => {
  for (const path of [
    '/api/services',
    '/api/services/s/operations',
    '/api/operations?service=s',
    '/api/traces?service=s',
    `/api/traces/${traceId}`,
    '/api/dependencies',
    '/api/v3/services',
    '/api/v3/operations',
    '/api/v3/trace-summaries',
    '/api/metrics/calls',
  ]) {
    const response = await fetch(`${engine.url}${path}`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    const msg = expect.any(String) as string;
    expect(await response.json()).toMatchObject(
      path.startsWith('/api/v3/')
        ? { error: { httpCode: 401, message: msg } }
        : { data: null, errors: [{ code: 401, msg }] },
    );
  }
});

test('prettyPrint lays the same document out', async () => {
  for (const path of [
    `/api/traces/${traceId}?x=1`,
    `/api/traces?service=${encodeURIComponent(service)}`,
    '/api/services?x=1',
  ]) {
    const plain = await answer<object>(path);
    const text = await (await ask(`${path}&prettyPrint=true`)).text();
    expect(text).toBe(JSON.stringify(plain, null, 4));
    expect(await (await ask(`${path}&prettyPrint=false`)).text()).toBe(JSON.stringify(plain));
  }
});

test('HEAD and other methods', async () => {
  const head = await ask(`/api/traces/${traceId}`, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(await head.text()).toBe('');
  expect((await ask('/api/services', { method: 'POST' })).status).toBe(405);
});
