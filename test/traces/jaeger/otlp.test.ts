import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSummaryRequest } from '#dist/traces/jaeger/index.js';
import { EPOCH, noSignal, spanOf, uuid } from '../query/fixture.js';
import { startJaegerStored, type Envelope, type JaegerStored } from './fixture.js';
import { otlpRequest } from './otlp-request.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const linked = { traceId: '00000000000000001112131415161718', spanId: 'ffffffffffffff01' };

let stored: JaegerStored;
beforeAll(async () => {
  stored = await startJaegerStored();
  const web = { 'service.name': 'web', 'host.name': 'h1', 'process.pid': 4711, canary: true, share: 0.5 };
  await stored.put(
    otlpRequest(web, [
      {
        traceId,
        spanId: 'b7ad6b7169203331',
        name: 'GET /cart',
        kind: 2,
        startMs: EPOCH + 0.25,
        endMs: EPOCH + 9,
        attributes: { 'http.method': 'GET', 'http.status_code': 500, ratio: 0.25, cached: false },
        events: [
          { atMs: EPOCH + 3, name: 'exception', attributes: { 'exception.type': 'CartError', line: 7 } },
        ],
        links: [linked],
        status: { code: 2, message: 'no cart' },
        traceState: 'vendor=1',
      },
    ]),
    { form: 'otlp-protobuf' },
  );
  await stored.put(
    otlpRequest({ 'service.name': 'cart' }, [
      {
        traceId,
        spanId: '00f067aa0ba902b7',
        parentSpanId: 'b7ad6b7169203331',
        name: 'load',
        kind: 3,
        startMs: EPOCH + 1,
        endMs: EPOCH + 2,
        status: { code: 1 },
      },
      { traceId, spanId: '00f067aa0ba902b8', name: 'plain', startMs: EPOCH + 2, endMs: EPOCH + 3 },
    ]),
    { form: 'otlp-protobuf' },
  );
  // An MPLP span of the same trace, below an OTLP span.
  await stored.put([
    spanOf({
      span: 1,
      action: 'reason',
      startMs: 1,
      endMs: 2,
      members: {
        trace_id: '0af76519-16cd-43dd-8448-eb211c80319c',
        parent_span_id: '00000000-0000-0000-00f0-67aa0ba902b7',
      },
    }),
  ]);
});
afterAll(() => stored.close());

test('a trace of both kinds of spans', async () => {
  const { data } = JSON.parse(await stored.trace('0af76519-16cd-43dd-8448-eb211c80319c')) as Envelope;
  const [trace] = data;
  expect(trace!.traceID).toBe(traceId);
  const spans = new Map(trace!.spans.map((span) => [span.operationName, span]));
  expect(spans.get('GET /cart')).toEqual({
    traceID: traceId,
    spanID: 'b7ad6b7169203331',
    operationName: 'GET /cart',
    references: [{ refType: 'FOLLOWS_FROM', traceID: '1112131415161718', spanID: linked.spanId }],
    startTime: EPOCH * 1000 + 250,
    duration: 8750,
    tags: [
      { key: 'http.method', type: 'string', value: 'GET' },
      { key: 'http.status_code', type: 'int64', value: 500 },
      { key: 'ratio', type: 'float64', value: 0.25 },
      { key: 'cached', type: 'bool', value: false },
      { key: 'otel.scope.name', type: 'string', value: 'test-scope' },
      { key: 'otel.scope.version', type: 'string', value: '1.0' },
      { key: 'span.kind', type: 'string', value: 'server' },
      { key: 'otel.status_code', type: 'string', value: 'ERROR' },
      { key: 'error', type: 'bool', value: true },
      { key: 'otel.status_description', type: 'string', value: 'no cart' },
      { key: 'w3c.tracestate', type: 'string', value: 'vendor=1' },
      { key: 'mplp.agent_id', type: 'string', value: expect.any(String) as string },
      { key: 'mplp.context_id', type: 'string', value: '0af76519-16cd-43dd-8448-eb211c80319c' },
      { key: 'mplp.action_type', type: 'string', value: 'execute' },
      { key: 'mplp.status', type: 'string', value: 'failure' },
    ],
    logs: [
      {
        timestamp: (EPOCH + 3) * 1000,
        fields: [
          { key: 'event', type: 'string', value: 'exception' },
          { key: 'exception.type', type: 'string', value: 'CartError' },
          { key: 'line', type: 'int64', value: 7 },
        ],
      },
    ],
    processID: 'p1',
    warnings: null,
  });
  expect(trace!.processes['p1']).toEqual({
    serviceName: 'web',
    tags: [
      { key: 'host.name', type: 'string', value: 'h1' },
      { key: 'process.pid', type: 'int64', value: 4711 },
      { key: 'canary', type: 'bool', value: true },
      { key: 'share', type: 'float64', value: 0.5 },
    ],
  });
  const parent = (spanID: string) => [{ refType: 'CHILD_OF', traceID: traceId, spanID }];
  expect(spans.get('load')).toMatchObject({ references: parent('b7ad6b7169203331'), warnings: null });
  expect(spans.get('reason')).toMatchObject({ references: parent('00f067aa0ba902b7'), warnings: null });
  expect(spans.get('plain')!.tags.map(({ key }) => key)).not.toContain('span.kind');
});

test('services, operations and their kinds', async () => {
  const { jaeger } = stored;
  expect(await jaeger.services('default', noSignal)).toEqual(['cart', uuid('d', 1), 'web']);
  expect(await jaeger.operations('default', 'web', '', noSignal)).toEqual([
    { name: 'GET /cart', spanKind: 'server' },
  ]);
  expect(await jaeger.operations('default', 'cart', '', noSignal)).toEqual([
    { name: 'load', spanKind: 'client' },
    { name: 'plain', spanKind: '' },
  ]);
  expect(await jaeger.operations('default', 'cart', 'client', noSignal)).toEqual([
    { name: 'load', spanKind: 'client' },
  ]);
});

test('dependencies cross from OTLP to MPLP', async () => {
  const window = { fromMs: EPOCH - 1000, toMs: EPOCH + 1000 };
  expect(await stored.jaeger.dependencies('default', window, noSignal)).toEqual([
    { parent: 'cart', child: uuid('d', 1), callCount: 1 },
    { parent: 'web', child: 'cart', callCount: 1 },
  ]);
});

test.each<[service: string, tags: Record<string, string>, found: boolean]>([
  ['web', { 'http.method': 'GET', 'http.status_code': '500', cached: 'false', ratio: '0.25' }, true],
  ['web', { 'http.status_code': '50' }, false],
  ['web', { error: 'true', 'span.kind': 'server' }, true],
  ['web', { 'span.kind': 'client' }, false],
  ['cart', { 'span.kind': 'client', 'otel.status_code': 'OK' }, true],
  ['cart', { 'http.method': 'GET' }, false],
  ['web', { 'host.name': 'h1', 'process.pid': '4711', canary: 'true', share: '0.5' }, true],
  ['web', { 'host.name': 'h2' }, false],
  ['cart', { 'host.name': 'h1' }, false],
  ['web', { 'otel.scope.name': 'test-scope', 'otel.scope.version': '1.0' }, true],
  ['web', { 'otel.scope.name': 'other' }, false],
  ['web', { "host.name' OR 1=1 --": 'h1' }, false],
  ['web', { '"': '"' }, false],
])('search in %s for %j', async (service, tags, found) => {
  const { data } = await stored.search(`service=${service}&tags=${encodeURIComponent(JSON.stringify(tags))}`);
  expect(data).toHaveLength(found ? 1 : 0);
});

test('attributes do not hide what a span says of its kind and status; links to nothing are left out', async () => {
  const contrary = '1af7651916cd43dd8448eb211c80319c';
  await stored.put(
    otlpRequest({ 'service.name': 'contrary' }, [
      {
        traceId: contrary,
        spanId: '00f067aa0ba902b9',
        name: 'no',
        kind: 3,
        startMs: EPOCH + 2,
        endMs: EPOCH + 3,
        attributes: { error: false, 'otel.status_code': 'OK', 'span.kind': 'server' },
        links: [{ traceId: '0'.repeat(32), spanId: '0'.repeat(16) }, linked],
        status: { code: 2 },
      },
    ]),
    { form: 'otlp-protobuf' },
  );
  const { data } = JSON.parse(await stored.trace('1af76519-16cd-43dd-8448-eb211c80319c')) as Envelope;
  const span = data[0]!.spans[0]!;
  const tags = Object.fromEntries(span.tags.map(({ key, value }) => [key, value]));
  expect(tags).toMatchObject({ error: true, 'otel.status_code': 'ERROR', 'span.kind': 'client' });
  expect(span.references).toEqual([
    { refType: 'FOLLOWS_FROM', traceID: '1112131415161718', spanID: linked.spanId },
  ]);
  expect(span.warnings).toEqual([expect.stringContaining('invalid span link removed')]);
  for (const asked of ['error=TRUE', 'error=1', 'span.kind=CLIENT'])
    expect((await stored.search(`service=contrary&tags=${encodeURIComponent(asked)}`)).data).toHaveLength(1);
});

test('a span whose parent is missing counts as an orphan', async () => {
  await stored.put([
    spanOf({ trace: 77, span: 1, startMs: 0, endMs: 1 }),
    spanOf({ trace: 77, span: 3, parent: 2, startMs: 0 }),
  ]);
  const times = { 'query.startTimeMin': new Date(0), 'query.startTimeMax': new Date(EPOCH + 60_000) };
  const query = Object.entries(times).map(([name, time]): [string, string] => [name, time.toISOString()]);
  const search = parseSummaryRequest(new URLSearchParams(query));
  const found = await stored.jaeger.summaries('default', search, noSignal);
  const orphans = found.map((one) => [one.traceId.slice(0, 8), one.spanCount, one.orphanSpanCount]);
  expect(orphans).toContainEqual([uuid('a', 77).slice(0, 8), 2, 1]);
  expect(orphans).toContainEqual([traceId.slice(0, 8), 4, 0]);
});
