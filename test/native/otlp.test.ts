/** OTLP in both forms: what goes in comes out, read back from ClickHouse and put together again. */
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { afterAll, describe, expect, test } from 'vitest';
import { loadNative, type BodyForm } from '#dist/native/index.js';
import {
  createSpanJudge,
  nameId,
  otlpToSpan,
  type FramedOtlpSpan,
  type OtlpAnyValue,
  type OtlpKeyValue,
  type OtlpSpan,
} from '#dist/protocol/index.js';
import { rebuildSpan } from '#dist/traces/query/span-rebuild.js';
import type { SpanRow } from '#dist/traces/query/span-row.js';
import { createBlockReader, decode, leastSpan as plainSpan, takeBlock } from '../support/native-block.js';
import {
  makeRequest,
  requestBytes,
  requestJson,
  spanBytes,
  type OtlpRequest,
} from '../support/otlp-documents.js';
import { message, type Field } from '../support/protobuf-writer.js';
import { createRandom } from '../support/random.js';

const native = loadNative();
const reader = createBlockReader();
afterAll(() => reader.close());
const seedBase = Number(process.env['OTLP_SEED'] ?? Date.now() % 0x7fff_ffff);

type Json = Record<string, unknown>;

const ROW_COLUMNS = [
  ...['trace_id', 'span_id', 'parent_span_id', 'id', 'context_id', 'agent_id'].map((n) => `toString(${n})`),
  ...['action_name', 'action_type', 'status', 'toString(start_time)'],
  'toString(addNanoseconds(start_time, greatest(duration_ns, 0)))',
  ...['fields', 'error', 'metrics', 'parameters', 'output', 'metadata', 'action_duration', 'extra'],
  ...['otel_shape', 'otel_resource', 'otel_scope', 'mapKeys(tags)', 'mapValues(tags)'],
].join(', ');

/** The spans of a block as `GET /traces/{trace_id}/spans` gives them. */
function rebuildBlock(block: Uint8Array): Json[] {
  return reader.rows(block, ROW_COLUMNS).map((columns) => {
    const [trace_id, span_id, parent_span_id, id, context_id, agent_id, ...rest] = columns as string[];
    const [action_name, action_type, status, start_time, end_time, fields, error, metrics, ...more] = rest;
    const [parameters, output, metadata, action_duration, extra, shape, resource, scope, ...tags] = more;
    const [tagKeys, tagValues] = tags as unknown as string[][];
    const row = {
      ...{ trace_id, span_id, parent_span_id, id, context_id, agent_id, action_name, action_type, status },
      ...{ start_time, end_time, fields: Number(fields), error, metrics, parameters, output, metadata },
      ...{ action_duration, extra, otel: { shape, resource, scope, tagKeys, tagValues } },
    } as SpanRow;
    return JSON.parse(rebuildSpan(row)) as Json;
  });
}

const framesOf = (request: OtlpRequest): FramedOtlpSpan[] =>
  request.resourceSpans.flatMap((outer) =>
    outer.scopeSpans.flatMap((inner) =>
      inner.spans.map((span) => ({
        resource: { ...outer.resource, ...(outer.schemaUrl !== undefined && { schemaUrl: outer.schemaUrl }) },
        scope: { ...inner.scope, ...(inner.schemaUrl !== undefined && { schemaUrl: inner.schemaUrl }) },
        span,
      })),
    ),
  );

function roundTrip(body: Uint8Array | string, form: BodyForm): Json[] {
  const decoder = native.createSpanDecoder();
  const result = decode(decoder, body, form);
  expect(result.malformed).toBeUndefined();
  expect([...result.refused]).toEqual([]);
  return rebuildBlock(takeBlock(decoder));
}

describe('random requests come back whole', () => {
  const requests = Array.from({ length: 150 }, (_, i) => ({
    seed: seedBase + i,
    request: makeRequest(createRandom(seedBase + i)),
  }));
  const writers: [string, BodyForm, (request: OtlpRequest, seed: number) => Uint8Array | string][] = [
    ['protobuf', 'otlp-protobuf', (request) => requestBytes(request)],
    ['protobuf, any order', 'otlp-protobuf', (request, seed) => requestBytes(request, createRandom(seed))],
    ['JSON', 'otlp-json', (request) => requestJson(request)],
    ['JSON, any spelling', 'otlp-json', (request, seed) => requestJson(request, createRandom(seed))],
  ];
  test.each(writers)('%s', (_name, form, write) => {
    const decoder = native.createSpanDecoder();
    const expected: unknown[] = [];
    const seeds: number[] = [];
    for (const { seed, request } of requests) {
      const result = decode(decoder, write(request, seed), form);
      const frames = framesOf(request);
      expect([seed, result.malformed, [...result.refused]]).toEqual([seed, undefined, []]);
      expect([seed, result.accepted]).toEqual([seed, frames.length]);
      expected.push(...frames.map(otlpToSpan));
      seeds.push(...frames.map(() => seed));
    }
    const spans = rebuildBlock(takeBlock(decoder));
    spans.forEach(({ id, ...span }, i) => {
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect({ seed: seeds[i], span }).toEqual({ seed: seeds[i], span: expected[i] });
    });
    expect(spans).toHaveLength(expected.length);
  });
});

describe('the official serializers', () => {
  const hrTime = (nano: bigint): [number, number] => [Number(nano / 1_000_000_000n), Number(nano % 1_000_000_000n)];
  const start = 1_737_999_632_123_456_789n;
  const resource = { attributes: { 'service.name': 'shop', 'process.pid': 42 }, merge: () => resource };
  const context = {
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: '1112131415161718',
    traceFlags: 1,
    traceState: { serialize: () => 'a=b' },
  };
  const readable = {
    name: 'chat gpt-4o',
    kind: 2, // CLIENT of the API
    spanContext: () => context,
    parentSpanContext: { ...context, spanId: '2122232425262728' },
    startTime: hrTime(start),
    endTime: hrTime(start + 5_000_000n),
    status: { code: 2, message: 'boom' },
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.response.finish_reasons': ['stop', 'length'],
      ratio: 0.25,
      ok: true,
    },
    links: [{ context, attributes: { l: 1 }, droppedAttributesCount: 1 }],
    events: [{ name: 'exception', time: hrTime(start + 1n), attributes: { 'exception.message': 'x' }, droppedAttributesCount: 0 }],
    duration: [0, 5_000_000],
    ended: true,
    resource,
    instrumentationScope: { name: 'lib', version: '1.0', schemaUrl: 'https://example.org/1' },
    droppedAttributesCount: 2,
    droppedEventsCount: 3,
    droppedLinksCount: 4,
  };

  test.each([
    ['protobuf', 'otlp-protobuf', () => ProtobufTraceSerializer.serializeRequest([readable] as never)],
    ['JSON', 'otlp-json', () => JsonTraceSerializer.serializeRequest([readable] as never)],
  ] as const)('%s', (_name, form, serialize) => {
    const [span] = roundTrip(serialize()!, form);
    expect(span).toMatchObject({
      trace_id: '01020304-0506-0708-090a-0b0c0d0e0f10',
      span_id: '00000000-0000-0000-1112-131415161718',
      parent_span_id: '00000000-0000-0000-2122-232425262728',
      // Version 5 of "shop" in the documented namespace.
      agent_id: '89a0b4e0-7116-584d-8126-ac616b7f344a',
      context_id: '01020304-0506-0708-090a-0b0c0d0e0f10',
      action: { name: 'chat gpt-4o', type: 'invoke' },
      timestamp: { start: '2025-01-27T17:40:32.123456789Z', end: '2025-01-27T17:40:32.128456789Z' },
      result: { status: 'failure', error: { message: 'boom' }, metrics: { input_tokens: 12 } },
      metadata: {
        tags: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.request.model': 'gpt-4o',
          'gen_ai.usage.input_tokens': '12',
          'gen_ai.response.finish_reasons': '["stop","length"]',
          ratio: '0.25',
          ok: 'true',
          'service.name': 'shop',
        },
        otel: {
          kind: 3,
          traceState: 'a=b',
          status: { code: 2, message: 'boom' },
          droppedAttributesCount: 2,
          droppedEventsCount: 3,
          droppedLinksCount: 4,
          events: [{ timeUnixNano: String(start + 1n), name: 'exception' }],
          links: [{ traceId: context.traceId, spanId: context.spanId, droppedAttributesCount: 1 }],
          scope: { name: 'lib', version: '1.0', schemaUrl: 'https://example.org/1' },
        },
      },
    });
  });
});

const attribute = (key: string, value: OtlpAnyValue) => ({ key, value });
const leastSpan: OtlpSpan = {
  traceId: '0102030405060708090a0b0c0d0e0f10',
  spanId: '1112131415161718',
  name: 'n',
  startTimeUnixNano: '1737999632000000000',
};
const requestOf = (resource: OtlpKeyValue[], ...spans: OtlpSpan[]): OtlpRequest => ({
  resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ spans }] }],
});

describe('the columns', () => {
  const select = 'toString(agent_id), toString(context_id), action_name, action_type';
  const read = (request: OtlpRequest, columns: string) => {
    const decoder = native.createSpanDecoder();
    decode(decoder, requestBytes(request), 'otlp-protobuf');
    return reader.rows(takeBlock(decoder), columns);
  };
  const text = (key: string, stringValue: string) => attribute(key, { stringValue });

  test('agent and context: the span before the resource, name by name', () => {
    const id = '0190D5F0-7A1B-4C2D-8E3F-00000000000A';
    const rows = (resource: OtlpKeyValue[], ...attributes: OtlpKeyValue[]) =>
      read(requestOf(resource, { ...leastSpan, attributes }), select)[0]!;
    const shop = [text('service.name', 'shop')];
    expect(rows(shop, text('mplp.agent_id', id), text('session.id', id)).slice(0, 2)).toEqual([
      id.toLowerCase(),
      id.toLowerCase(),
    ]);
    expect(rows([...shop, text('mplp.agent_id', id)], text('gen_ai.agent.id', 'x'))[0]).toBe(id.toLowerCase());
    expect(rows([...shop, text('service.instance.id', id)])[0]).toBe(id.toLowerCase());
    expect(rows([])[0]).toBe(nameId('unknown_service'));
    expect(rows([text('session.id', 'of the resource')], text('gen_ai.conversation.id', 'c'))[1]).toBe(
      nameId('of the resource'),
    );
    expect(rows([text('session.id', 'r')], text('session.id', 's'))[1]).toBe(nameId('s'));
    expect(rows([], attribute('session.id', { intValue: '5' }))[1]).toBe('01020304-0506-0708-090a-0b0c0d0e0f10');
  });

  test('of language models; what an agent sums up is not told again', () => {
    const usage = [
      text('gen_ai.provider.name', 'openai'),
      text('gen_ai.response.model', 'gpt-4o-2024-08-06'),
      attribute('gen_ai.usage.input_tokens', { intValue: '100' }),
      attribute('gen_ai.usage.output_tokens', { doubleValue: 20 }),
      attribute('gen_ai.usage.cache_read.input_tokens', { intValue: '40' }),
      attribute('gen_ai.response.finish_reasons', { arrayValue: { values: [{ stringValue: 'stop' }] } }),
      text('gen_ai.tool.name', 'search'),
    ];
    const columns =
      'service_name, gen_ai_model, gen_ai_provider, finish_reason, tool_name, input_tokens, output_tokens, cached_tokens, metrics';
    const rows = read(
      requestOf(
        [text('service.name', 'shop')],
        { ...leastSpan, attributes: [...usage, text('gen_ai.operation.name', 'chat')] },
        { ...leastSpan, attributes: [...usage, text('gen_ai.operation.name', 'invoke_agent')] },
      ),
      columns,
    );
    const names = ['shop', 'gpt-4o-2024-08-06', 'openai', 'stop', 'search'];
    const metrics = '{"input_tokens":100,"output_tokens":20,"cached_tokens":40}';
    expect(rows).toEqual([
      [...names, '100', '20', '40', metrics],
      [...names, '0', '0', '0', metrics],
    ]);
  });

  test('rows of other spans between are empty', () => {
    const decoder = native.createSpanDecoder();
    const plain = JSON.stringify(plainSpan);
    const otlp = requestBytes(requestOf([text('service.name', 'shop')], leastSpan));
    decode(decoder, plain, 'json');
    decode(decoder, otlp, 'otlp-protobuf');
    decode(decoder, `${plain}\n${plain}`, 'ndjson');
    decode(decoder, otlp, 'otlp-protobuf');
    decode(decoder, plain, 'json');
    const rows = reader.rows(takeBlock(decoder), "service_name, otel_shape != '', input_tokens");
    expect(rows.map(([name]) => name)).toEqual(['', 'shop', '', '', 'shop', '']);
    expect(rows.map(([, isOtel]) => isOtel)).toEqual([0, 1, 0, 0, 1, 0]);
  });
});

describe('what is refused', () => {
  const span = (...more: Field[]) => Buffer.concat([spanBytes(leastSpan, { random: undefined }), message(...more)]);
  const bodyOf = (...spans: Uint8Array[]) =>
    message([1, 'bytes', message([2, 'bytes', message(...spans.map((one): Field => [2, 'bytes', one]))])]);
  const nested = (depth: number): Uint8Array =>
    depth === 0 ? message([1, 'bytes', 'x']) : message([5, 'bytes', message([1, 'bytes', nested(depth - 1)])]);
  const withValue = (value: Uint8Array) => span([9, 'bytes', message([1, 'bytes', 'k'], [2, 'bytes', value])]);

  test.each<[string, Uint8Array, string]>([
    ['an empty span', Buffer.alloc(0), '/traceId required'],
    ['a trace id of zeros', span([1, 'bytes', Buffer.alloc(16)]), '/traceId zeroId'],
    ['a short trace id', span([1, 'bytes', Buffer.alloc(15, 1)]), '/traceId idLength'],
    ['a span id of zeros', span([2, 'bytes', Buffer.alloc(8)]), '/spanId zeroId'],
    ['a long parent', span([4, 'bytes', Buffer.alloc(9, 1)]), '/parentSpanId idLength'],
    ['a start in 1970', span([7, 'fixed64', 0n]), '/startTimeUnixNano timeWindow'],
    ['a start after 2262', span([7, 'fixed64', 2n ** 63n]), '/startTimeUnixNano timeWindow'],
    ['an end before the start', span([8, 'fixed64', 1_737_999_631_000_000_000n]), '/endTimeUnixNano timeOrder'],
    ['text that is not UTF-8', withValue(message([1, 'bytes', Buffer.from('c328', 'hex')])), '/attributes/0/value/stringValue utf8'],
    ['100 levels of values', withValue(nested(100)), 'depth'],
    ['a length beyond the end', Buffer.concat([span(), Buffer.from('4a7f', 'hex')]), ' syntax'],
    ['an endless number', Buffer.concat([span(), Buffer.from('30ffffffffffffffffffffff', 'hex')]), ' syntax'],
    ['a group', Buffer.concat([span(), Buffer.from('0b0c', 'hex')]), ' syntax'],
    ['a link with a long id', span([13, 'bytes', message([1, 'bytes', Buffer.alloc(17, 1)])]), '/links/0/traceId idLength'],
  ])('%s, and its neighbours are stored', (_name, broken, fault) => {
    const body = bodyOf(span(), broken, span());
    const decoder = native.createSpanDecoder();
    const window = { minTimeUnixNano: 1_700_000_000_000_000_000n, maxTimeUnixNano: 2n ** 63n - 1n };
    const result = decode(decoder, body, 'otlp-protobuf', window);
    expect([result.total, result.accepted, result.refused[0], result.refused.length]).toEqual([3, 2, 1, 3]);
    const [, start, end] = result.refused as unknown as [number, number, number];
    expect(Buffer.from(body.subarray(start, end))).toEqual(Buffer.from(broken));
    const judge = createSpanJudge({ maxSpanBytes: 1 << 20 }).openOtlp(body, body.length, 'otlp-protobuf');
    const errors = judge.judge(start, end, window).map(({ pointer, keyword }) => `${pointer} ${keyword}`);
    expect(errors.join('\n')).toContain(fault);
  });

  test('a broken resource spoils its own spans only', () => {
    const bad = message(
      [1, 'bytes', message([1, 'bytes', message([1, 'bytes', Buffer.from('ff', 'hex')])])],
      [2, 'bytes', message([2, 'bytes', span()], [2, 'bytes', span()])],
    );
    const body = Buffer.concat([message([1, 'bytes', bad]), bodyOf(span())]);
    const result = decode(native.createSpanDecoder(), body, 'otlp-protobuf');
    expect([result.total, result.accepted, result.refused.length]).toEqual([3, 1, 6]);
    const judge = createSpanJudge({ maxSpanBytes: 1 << 20 }).openOtlp(body, body.length, 'otlp-protobuf');
    const window = { minTimeUnixNano: 0n, maxTimeUnixNano: 2n ** 63n - 1n };
    expect(judge.judge(result.refused[1]!, result.refused[2]!, window)).toMatchObject([
      { pointer: '/resource/attributes/0/key', keyword: 'utf8' },
    ]);
  });

  test.each([
    ['cut off', bodyOf(span()).subarray(0, -1)],
    ['a group', Buffer.from('0b0c', 'hex')],
    ['a schema URL that is not UTF-8', message([1, 'bytes', message([3, 'bytes', Buffer.from('ff', 'hex')])])],
  ])('a body without a frame is malformed: %s', (_name, body) => {
    const decoder = native.createSpanDecoder();
    expect(decode(decoder, body, 'otlp-protobuf').malformed?.reason).toMatch(/\w/);
    expect(decoder.rows).toBe(0);
  });

  test.each([
    ['', 'empty'],
    ['[]', 'not an object'],
    ['{"resourceSpans":{}}', 'not an array'],
    ['{"resourceSpans":[5]}', 'not an object'],
    ['{"resourceSpans":[],"resource_spans":[]}', 'repeated key'],
    ['{"resourceSpans":[{"schemaUrl":5}]}', 'schema URL not a text'],
    ['{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}', 'truncated'],
  ])('OTLP JSON without a frame is malformed: %s', (body, reason) => {
    expect(decode(native.createSpanDecoder(), body, 'otlp-json').malformed?.reason).toBe(reason);
  });
});
