/** OpenTelemetry spans in ClickHouse: read, searched, exported and priced. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { otlpToSpan } from '#dist/protocol/index.js';
import { readModelPrices, storeModelPrices } from '#dist/store/clickhouse/index.js';
import { parseSpanPageRequest, parseTraceFilter, findUuid } from '#dist/traces/query/index.js';
import { makeSpan, requestBytes, type OtlpRequest } from '../../support/otlp-documents.js';
import { createRandom } from '../../support/random.js';
import { bytesOf, noSignal, startStored, textOf, type Stored } from './fixture.js';

/** SHA-1 over namespace and name in the shape of a UUIDv4 (docs/reference/otlp.md). */
function nameUuid(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x40;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

let stored: Stored;
beforeAll(async () => {
  stored = await startStored();
  await storeModelPrices(stored.store.client, await readModelPrices(undefined));
});
afterAll(() => stored.close());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TRACE_UUID = '0af76519-16cd-43dd-8448-eb211c80319c';
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const whole = (key: string, value: number) => ({ key, value: { intValue: String(value) } });

const sql = async (statement: string): Promise<unknown[]> => {
  const result = await stored.sql.run(
    'default',
    { sql: statement, params: {}, format: 'JSONEachRow' },
    noSignal,
  );
  const lines = (await bytesOf(result.body)).toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown);
};

test('a trace comes back whole under each spelling of its id, and as Parquet', async () => {
  const random = createRandom(7);
  const spans = Array.from({ length: 60 }, () => ({ ...makeSpan(random), traceId: TRACE }));
  const resource = { attributes: [text('service.name', 'shop')] };
  const request: OtlpRequest = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] };
  await stored.put(requestBytes(request), { form: 'otlp-protobuf' });
  const traceId = findUuid(TRACE.toUpperCase())!;
  expect(traceId).toBe(TRACE_UUID);
  const page = parseSpanPageRequest(new URLSearchParams());
  const answer = JSON.parse(await textOf(await stored.queries.spans('default', traceId, page, noSignal))) as {
    spans: Record<string, unknown>[];
  };
  const bySpan = new Map(answer.spans.map(({ id, ...span }) => [span['span_id'], { id, span }]));
  for (const span of spans) {
    const expected = otlpToSpan({ resource, scope: {}, span });
    expect(bySpan.get(expected['span_id'])?.span).toEqual(expected);
    expect(bySpan.get(expected['span_id'])?.id).toBe(nameUuid(TRACE_UUID, expected['span_id'] as string));
  }
  const parquet = await bytesOf(await stored.queries.exportTrace('default', traceId, 'parquet', noSignal));
  expect(parquet.subarray(0, 4).toString()).toBe('PAR1');
});

test('the id of a span without one follows from trace and span, also in SQL; that of the client is kept', async () => {
  const least = {
    trace_id: '0af76519-16cd-43dd-8448-eb211c803190',
    context_id: TRACE_UUID,
    agent_id: TRACE_UUID,
    action: { name: 'a', type: 'execute' },
    timestamp: { start: '2026-01-27T10:00:00Z' },
  };
  const [without, other, withOne, before] = [1, 2, 3, 4].map(
    (n) => `0000000${n}-8b86-4d01-b42d-00cf4fc964ff`,
  );
  await stored.put([
    { ...least, span_id: without },
    { ...least, span_id: other },
    { ...least, span_id: withOne, id: TRACE_UUID },
  ]);
  // As an engine of before stored it.
  await stored.store.client.command({
    query: `INSERT INTO span_intake (project_id, trace_id, span_id, id, action_type, start_time, fields, seq, received_at)
      VALUES ('default', '${least.trace_id}', '${before}', '${other}', 'execute', '2026-01-27 10:00:00', 0, 7, now())`,
  });
  const expected = [nameUuid(least.trace_id, without!), nameUuid(least.trace_id, other!), TRACE_UUID, other];
  const page = parseSpanPageRequest(new URLSearchParams());
  const text = await textOf(await stored.queries.spans('default', least.trace_id, page, noSignal));
  const { spans: read } = JSON.parse(text) as { spans: { id: string }[] };
  expect(read.map(({ id }) => id)).toEqual(expected);
  // The published MPLP schemas take no other version.
  for (const id of expected.slice(0, 2))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const view of ['spans', 'span_details']) {
    const statement = `SELECT id FROM ${view} WHERE trace_id = '${least.trace_id}' ORDER BY toString(span_id)`;
    const found = (await sql(statement)) as { id: string }[];
    expect(found.map(({ id }) => id)).toEqual(expected);
  }
  expect(await sql(`SELECT count() AS c FROM spans WHERE id = '${expected[1]}'`)).toEqual([{ c: 1 }]);
  // What the Python of docs/reference/otlp.md gives. It may never change: a span that is sent again keeps its id.
  expect(nameUuid(TRACE_UUID, '00000000-0000-0000-b7ad-6b7169203331')).toBe(
    'de7e518c-cd93-4466-b364-af455d5cca7d',
  );
});

test('a span id of 16 digits is the lower half of a UUID', () => {
  expect(findUuid('B7AD6B7169203331')).toBe('00000000-0000-0000-b7ad-6b7169203331');
  expect(findUuid('b7ad6b716920333')).toBeUndefined();
});

test('found by tag, by text in an attribute, by agent and by context', async () => {
  const span = {
    traceId: '11111111111111111111111111111111',
    spanId: '2222222222222222',
    name: 'GET /cart',
    startTimeUnixNano: '1737999632000000000',
    attributes: [
      text('http.route', '/cart/{id}'),
      text('prompt', `Needle ${'x'.repeat(300)}`),
      text('short', 'Pin'),
    ],
  };
  const resource = { attributes: [text('service.name', 'found')] };
  await stored.put(requestBytes({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }), {
    form: 'otlp-protobuf',
  });
  const { agent_id: agent, trace_id: trace } = otlpToSpan({ resource, scope: {}, span }) as Record<
    string,
    string
  >;
  for (const query of [
    'tag.http.route=/cart/{id}',
    'tag.service.name=found',
    'q=needle',
    'q=pin',
    `agent_id=${agent}`,
    `context_id=${trace!.replaceAll('-', '')}`,
  ]) {
    const filter = parseTraceFilter(new URLSearchParams(query));
    const { traces } = await stored.queries.list('default', filter, noSignal);
    expect([query, traces.map((found) => found.trace_id)]).toEqual([query, [trace]]);
  }
});

test('costs follow the prices of today', async () => {
  const call = (spanId: string, model: string) => ({
    traceId: '33333333333333333333333333333333',
    spanId,
    startTimeUnixNano: '1737999632000000000',
    attributes: [
      text('gen_ai.request.model', model),
      whole('gen_ai.usage.input_tokens', 1_000_000),
      whole('gen_ai.usage.output_tokens', 100_000),
      whole('gen_ai.usage.cache_read.input_tokens', 400_000),
    ],
  });
  const spans = [
    call('0000000000000001', 'gpt-4o-2024-08-06'),
    call('0000000000000002', 'gpt-4o-mini'),
    call('0000000000000003', 'nobody-knows'),
  ];
  await stored.put(requestBytes({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), { form: 'otlp-protobuf' });
  const costs = `SELECT gen_ai_model AS model, cost_usd AS cost FROM spans WHERE trace_id = '33333333-3333-3333-3333-333333333333' ORDER BY span_id`;
  const close = (cost: number) => expect.closeTo(cost, 9) as unknown;
  expect(await sql(costs)).toEqual([
    { model: 'gpt-4o-2024-08-06', cost: close(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10) },
    { model: 'gpt-4o-mini', cost: close(0.6 * 0.15 + 0.4 * 0.075 + 0.1 * 0.6) },
    { model: 'nobody-knows', cost: null },
  ]);
  await storeModelPrices(stored.store.client, [{ model: 'nobody-knows', input: 1, output: 2, cached: 0 }]);
  expect(await sql(costs)).toEqual([
    { model: 'gpt-4o-2024-08-06', cost: null },
    { model: 'gpt-4o-mini', cost: null },
    { model: 'nobody-knows', cost: close(0.6 + 0.2) },
  ]);
});
