/** OTLP in both forms: what goes in comes out, read back from ClickHouse and put together again. */
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { afterAll, describe, expect, test } from 'vitest';
import { loadNative, type BodyForm } from '#dist/native/index.js';
import { otlpToSpan, type FramedOtlpSpan } from '#dist/protocol/index.js';
import { rebuildSpan } from '#dist/traces/query/span-rebuild.js';
import type { SpanRow } from '#dist/traces/query/span-row.js';
import { createBlockReader, decode, takeBlock } from '../support/native-block.js';
import { makeRequest, requestBytes, requestJson, type OtlpRequest } from '../support/otlp-documents.js';
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

export const framesOf = (request: OtlpRequest): FramedOtlpSpan[] =>
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
void JsonTraceSerializer;
void ProtobufTraceSerializer;
void roundTrip;
