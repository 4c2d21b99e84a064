import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spanOf, timeOf, uuid } from '../query/fixture.js';
import { startJaegerStored, type Envelope, type JaegerStored } from './fixture.js';

let stored: JaegerStored;
beforeAll(async () => (stored = await startJaegerStored()));
afterAll(() => stored.close());

/** The file without its layout: order of members and spelling of numbers count. */
async function golden(name: string): Promise<string> {
  const path = new URL(`golden/${name}.json`, import.meta.url);
  return JSON.stringify(JSON.parse(await readFile(path, 'utf8')));
}

async function spansOf(spans: object[], trace: number, projectId = 'default') {
  await stored.put(spans, { projectId });
  const envelope = JSON.parse(await stored.trace(uuid('a', trace), projectId)) as Envelope;
  return envelope.data[0]!;
}

test('an MPLP trace, to the letter', async () => {
  await stored.put([
    spanOf({
      trace: 1,
      span: 1,
      action: 'plan',
      startMs: 0,
      endMs: 50,
      status: 'success',
      tags: {
        env: 'prod',
        attempt: 2,
        ratio: 0.5,
        dry_run: false,
        list: [1, 'a'],
        'service.name': 'planner',
      },
      members: {
        result: { status: 'success', metrics: { tokens: 12, cost_usd: 0.25, model: 'm' } },
        metadata: {
          tags: {
            env: 'prod',
            attempt: 2,
            ratio: 0.5,
            dry_run: false,
            list: [1, 'a'],
            nothing: null,
            'service.name': 'planner',
          },
          annotations: [
            { timestamp: timeOf(10), event: 'retry', reason: 'slow', attempt: 2 },
            { time: Date.parse(timeOf(12)), note: { deep: true } },
            'a word',
          ],
          correlation_id: uuid('f', 1),
        },
      },
    }),
    spanOf({
      trace: 1,
      span: 2,
      parent: 1,
      agent: 2,
      action: 'search',
      type: 'invoke',
      startMs: 5.25,
      endMs: 20,
      status: 'failure',
      error: { message: 'no net', code: 7, retry: true },
    }),
    spanOf({
      trace: 1,
      span: 3,
      parent: 1,
      agent: 2,
      action: 'wait',
      type: 'validate',
      startMs: 6,
      endMs: 7,
      status: 'timeout',
    }),
    spanOf({ trace: 1, span: 4, parent: 99, agent: 2, action: 'late', type: 'complete', startMs: 30 }),
  ]);
  expect(await stored.trace(uuid('a', 1))).toBe(await golden('mplp-trace'));
});

test('an OTLP trace, to the letter', async () => {
  const ids = (trace: string, span: string) => ({
    trace_id: trace,
    span_id: `00000000-0000-0000-${span.slice(0, 4)}-${span.slice(4)}`,
  });
  const trace = '0af76519-16cd-43dd-8448-eb211c80319c';
  const resource = {
    attributes: [
      { key: 'service.name', value: { stringValue: 'checkout' } },
      { key: 'host.name', value: { stringValue: 'h1' } },
      { key: 'process.pid', value: { intValue: '4711' } },
    ],
  };
  await stored.put([
    spanOf({
      span: 1,
      action: 'POST /pay',
      startMs: 0,
      endMs: 3,
      status: 'failure',
      members: {
        ...ids(trace, 'b7ad6b7169203331'),
        result: { status: 'failure', error: { message: 'card refused' } },
        metadata: {
          tags: { 'http.method': 'POST', 'service.name': 'checkout' },
          otel: {
            resource,
            scope: {
              name: 'http-lib',
              version: '1.2',
              attributes: [{ key: 'scope.a', value: { boolValue: true } }],
            },
            kind: 2,
            traceState: 'vendor=1',
            flags: 257,
            attributes: [
              { key: 'http.method', value: { stringValue: 'POST' } },
              { key: 'http.status_code', value: { intValue: '402' } },
              { key: 'huge', value: { intValue: '9223372036854775807' } },
              { key: 'share', value: { doubleValue: 0.75 } },
              { key: 'infinite', value: { doubleValue: 'Infinity' } },
              { key: 'retried', value: { boolValue: false } },
              { key: 'raw', value: { bytesValue: 'AAEC' } },
              {
                key: 'items',
                value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '2' }, {}] } },
              },
              {
                key: 'tree',
                value: {
                  kvlistValue: {
                    values: [
                      { key: 'x', value: { kvlistValue: { values: [] } } },
                      { key: 'y', value: { doubleValue: 1.5 } },
                    ],
                  },
                },
              },
              { key: 'empty' },
            ],
            events: [
              {
                timeUnixNano: '1769515200001234567',
                name: 'exception',
                attributes: [{ key: 'exception.type', value: { stringValue: 'CardError' } }],
              },
              {
                timeUnixNano: '1769515200002000000',
                attributes: [{ key: 'event', value: { stringValue: 'own' } }],
              },
            ],
            links: [
              { traceId: '00000000000000001112131415161718', spanId: 'ffffffffffffff01' },
              {
                traceId: '0af7651916cd43dd8448eb211c80319c',
                spanId: 'ffffffffffffff02',
                attributes: [{ key: 'opentracing.ref_type', value: { stringValue: 'child_of' } }],
              },
            ],
            status: { code: 2, message: 'card refused' },
          },
        },
      },
    }),
    spanOf({
      span: 2,
      action: 'send',
      startMs: 1,
      endMs: 2,
      members: {
        ...ids(trace, '00000000000000ff'),
        parent_span_id: ids(trace, 'b7ad6b7169203331').span_id,
        metadata: { tags: { 'service.name': 'checkout' }, otel: { resource, kind: 4 } },
      },
    }),
  ]);
  expect(await stored.trace(trace)).toBe(await golden('otlp-trace'));
});

test('ids with an upper half of zeros have 16 digits, all else 32', async () => {
  const trace = '00000000-0000-0000-0000-00000000beef';
  await stored.put([
    spanOf({
      span: 1,
      startMs: 0,
      endMs: 1,
      members: { trace_id: trace, span_id: '00000000-0000-0000-0000-000000000001' },
    }),
  ]);
  const { data } = JSON.parse(await stored.trace(trace)) as Envelope;
  expect(data[0]).toMatchObject({ traceID: '000000000000beef' });
  expect(data[0]!.spans[0]).toMatchObject({ traceID: '000000000000beef', spanID: '0000000000000001' });
});

test('times: whole microseconds, none before the epoch, nothing lost to rounding', async () => {
  const at = (start: string, end: string, span: number) =>
    spanOf({ trace: 20, span, startMs: 0, members: { timestamp: { start, end } } });
  const { spans } = await spansOf(
    [
      at('2026-01-27T12:00:00.000000999Z', '2026-01-27T12:00:00.000001998Z', 1),
      at('2026-01-27T12:00:00.123456789+02:00', '2026-01-27T12:00:01.123456788+02:00', 2),
      at('1970-01-01T00:00:00.000001Z', '1970-01-01T00:00:00.000003999Z', 3),
    ],
    20,
  );
  expect(
    Object.fromEntries(spans.map((span) => [span.spanID.at(-1), [span.startTime, span.duration]])),
  ).toEqual({
    1: [1769515200000000, 0],
    2: [1769508000123456, 999999],
    3: [1, 2],
  });
});

test('tags of the client win over those that are made, and no key is there twice', async () => {
  const { spans } = await spansOf(
    [
      spanOf({
        trace: 21,
        span: 1,
        startMs: 0,
        endMs: 1,
        status: 'failure',
        tags: { 'span.kind': 'server', error: 'mine' },
      }),
    ],
    21,
  );
  const keys = spans[0]!.tags.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(spans[0]!.tags).toEqual(
    expect.arrayContaining([
      { key: 'span.kind', type: 'string', value: 'server' },
      { key: 'error', type: 'string', value: 'mine' },
    ]),
  );
});

test('metadata of any shape is no obstacle', async () => {
  const shapes = [
    { otel: null },
    { otel: [] },
    {
      otel: {
        resource: 5,
        scope: 'x',
        kind: 'server',
        flags: 'y',
        attributes: {},
        events: [1, null],
        links: 'z',
        status: [],
      },
    },
    {
      otel: {
        attributes: [null, 1, {}, { key: 5 }, { key: 'k', value: 3 }, { key: 'n', value: {} }],
        kind: 99,
        links: [{}, { traceId: 1, spanId: 2 }],
      },
    },
    {
      otel: { events: [{ timeUnixNano: 'soon', name: 5, attributes: 1 }], scope: { name: 5 }, traceState: 5 },
    },
    {
      annotations: [
        null,
        1,
        true,
        [1],
        {},
        { timestamp: 'soon' },
        { timestamp: '2026-13-45T99:00:00Z', time: -5 },
      ],
    },
    { tags: {}, annotations: [] },
  ];
  const { spans } = await spansOf(
    shapes.map((metadata, i) =>
      spanOf({ trace: 22, span: i + 1, startMs: i, endMs: i + 1, members: { metadata } }),
    ),
    22,
  );
  expect(spans).toHaveLength(shapes.length);
  for (const span of spans)
    for (const tag of [...span.tags, ...span.logs.flatMap(({ fields }) => fields)])
      expect(tag).toEqual({
        key: expect.any(String) as string,
        type: expect.stringMatching(/^(string|bool|int64|float64|binary)$/) as string,
        value: expect.anything() as unknown,
      });
});

test('the latest revision of a span is the span', async () => {
  await stored.put([spanOf({ trace: 23, span: 1, startMs: 0, action: 'first' })]);
  const { spans } = await spansOf(
    [spanOf({ trace: 23, span: 1, startMs: 0, endMs: 9, action: 'second' })],
    23,
  );
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({ operationName: 'second', duration: 9000, warnings: null });
});

test('a trace of 10,000 spans comes whole, with each parent there', async () => {
  const count = 10_000;
  for (let from = 0; from < count; from += 2000)
    await stored.put(
      Array.from({ length: 2000 }, (_, i) => {
        const span = from + i + 1;
        return spanOf({
          trace: 30,
          span,
          ...(span === 1 ? {} : { parent: Math.floor(span / 2) }),
          agent: span % 7,
          startMs: span,
          endMs: span + 5,
          tags: { n: span },
        });
      }),
    );
  const { data } = JSON.parse(await stored.trace(uuid('a', 30))) as Envelope;
  const [trace] = data;
  expect(trace!.spans).toHaveLength(count);
  expect(new Set(trace!.spans.map(({ spanID }) => spanID)).size).toBe(count);
  expect(trace!.spans.filter(({ warnings }) => warnings !== null)).toEqual([]);
  expect(trace!.spans.every((span, i) => i === 0 || span.startTime >= trace!.spans[i - 1]!.startTime)).toBe(
    true,
  );
  expect(Object.keys(trace!.processes)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7']);
});

test('a trace that is not there, or is of another project', async () => {
  const missing = expect.objectContaining({
    code: 'MPLP_ERR_TRACES_NOT_FOUND',
    message: 'trace not found',
  }) as Error;
  await expect(stored.trace(uuid('a', 404))).rejects.toEqual(missing);
  await expect(stored.trace(uuid('a', 1), 'other')).rejects.toEqual(missing);
});
