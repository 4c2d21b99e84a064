/** Whatever valid span goes in, its row in ClickHouse holds all of it: number spellings, times, unknown members. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { loadNative } from '#dist/native/index.js';
import { readMessagePackSpan } from '#dist/protocol/msgpack-span.js';
import { createBlockReader, decode, takeBlock } from '../support/native-block.js';
import { makeValidSpan } from '../support/span-documents.js';
import type { Form } from '../support/document-node.js';

type Json = Record<string, unknown>;

const native = loadNative();
const reader = createBlockReader();
afterAll(() => reader.close());
const seedBase = Number(process.env['REBUILD_SEED'] ?? Date.now() % 0x7fff_ffff);
const spans = 3000;

/** Reads JSON with each number as its spelling, so that 1.50 and 1.5 differ. */
function parseSpelt(text: string): unknown {
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*/g, (token) =>
      token[0] === '"' ? token : `"#${token}"`,
    ),
  );
}

const parseValues = (text: string): unknown => JSON.parse(text);

/** The row of one span, columns as texts. */
type Row = Record<(typeof columns)[number], string>;
const columns = [
  'trace_id',
  'span_id',
  'parent_span_id',
  'id',
  'context_id',
  'agent_id',
  'action_name',
  'action_type',
  'status',
  'start_time',
  'duration_ns',
  'fields',
  'error',
  'metrics',
  'parameters',
  'output',
  'action_duration',
  'metadata',
  'extra',
] as const;

const timeText = (unixNano: bigint, digits: number): string => {
  const seconds = unixNano >= 0n ? unixNano / 1_000_000_000n : -((999_999_999n - unixNano) / 1_000_000_000n);
  const nanos = unixNano - seconds * 1_000_000_000n;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${digits === 0 ? '' : `.${String(nanos).padStart(9, '0').slice(0, digits)}`}Z`;
};

function rebuild(row: Row, parse: (text: string) => unknown): Json {
  const fields = Number(row.fields);
  const has = (bit: number): boolean => (fields & (1 << bit)) !== 0;
  const extra = (row.extra === '' ? {} : parse(row.extra)) as Record<string, Json>;
  const start = BigInt(row.start_time);
  const time = (name: 'start' | 'end', shift: number, unixNano: bigint): string => {
    const digits = (fields >> shift) & 15;
    return digits === 15 ? String(extra[name]) : timeText(unixNano, digits);
  };
  return {
    ...extra[''],
    ...(has(0) && { id: row.id }),
    trace_id: row.trace_id,
    span_id: row.span_id,
    ...(has(1) && { parent_span_id: row.parent_span_id }),
    context_id: row.context_id,
    agent_id: row.agent_id,
    action: {
      ...extra['action'],
      name: row.action_name,
      type: row.action_type,
      ...(has(7) && { parameters: parse(row.parameters) }),
      ...(has(9) && { duration: row.action_duration }),
    },
    timestamp: {
      ...extra['timestamp'],
      start: time('start', 12, start),
      ...(has(2) && { end: time('end', 16, start + BigInt(row.duration_ns)) }),
    },
    ...(has(3) && {
      result: {
        ...extra['result'],
        ...(has(4) && { status: row.status }),
        ...(has(5) && { error: parse(row.error) }),
        ...(has(6) && { metrics: parse(row.metrics) }),
        ...(has(8) && { output: parse(row.output) }),
      },
    }),
    ...(has(10) && { metadata: parse(row.metadata) }),
  };
}

/** Drops prototypes, so that only the contents are compared. */
const plain = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(plain)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
      : value;

test.each(['json', 'msgpack'] as const)('valid spans come back whole (%s)', (form: Form) => {
  const decoder = native.createSpanDecoder();
  const documents = Array.from({ length: spans }, (_, i) => makeValidSpan(seedBase + i, form));
  const window = { minTimeUnixNano: -(2n ** 63n), maxTimeUnixNano: 2n ** 63n - 1n };
  const kept = documents.filter((bytes) => decode(decoder, bytes, form, window).accepted === 1);
  // Times that 64 bits of nanoseconds cannot hold are the only reason to refuse one of these.
  expect(kept.length).toBeGreaterThan(spans * 0.5);
  const select = columns.map((name) => (name === 'start_time' ? 'toUnixTimestamp64Nano(start_time)' : name));
  const rows = reader.rows(
    takeBlock(decoder),
    `${select.map((name) => `toString(${name})`).join(', ')}, tags`,
  );
  expect(rows).toHaveLength(kept.length);
  const parse = form === 'json' ? parseSpelt : parseValues;
  rows.forEach((values, i) => {
    const bytes = kept[i]!;
    const row = Object.fromEntries(columns.map((name, at) => [name, values[at]])) as Row;
    const sent =
      form === 'json'
        ? parseSpelt(Buffer.from(bytes).toString())
        : plain(readMessagePackSpan(bytes, 1).value);
    const got = plain(rebuild(row, parse));
    if (!isDeepStrictEqual(got, sent)) {
      expect.fail(
        `seed ${seedBase}: ${Buffer.from(bytes).toString('hex')}\n${JSON.stringify(sent)}\n${JSON.stringify(got)}`,
      );
    }
    const tags = (sent as { metadata?: { tags?: Json } }).metadata?.tags ?? {};
    expect(Object.keys(values[columns.length] as Json).sort()).toEqual(Object.keys(tags).sort());
  });
});
