import { decode } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import {
  createBodyPool,
  idInRound,
  makeBodies,
  maskOfRound,
  maskUuid,
  poolSize,
  setRound,
  traceForms,
} from '../../bench/bodies.mjs';

const baseTimeMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const idNames = ['id', 'trace_id', 'span_id', 'parent_span_id', 'context_id', 'agent_id'] as const;
type Span = Record<string, unknown> & { trace_id: string; span_id: string; parent_span_id?: string };

const toText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function parseMsgpack(bytes: Uint8Array): Span[] {
  const value = decode(bytes) as Span[] | { spans: Span[] };
  const spans = Array.isArray(value) ? value : value.spans;
  return spans.map((span) => {
    const ids = idNames
      .filter((name) => span[name] !== undefined)
      .map((name) => [name, toText(span[name] as Uint8Array)]);
    const { start, end } = span['timestamp'] as { start: Date; end: Date };
    const spell = (time: Date): string => time.toISOString().replace('.000Z', 'Z');
    return {
      ...span,
      ...Object.fromEntries(ids),
      timestamp: { start: spell(start), end: spell(end) },
    } as Span;
  });
}

function parseBody(form: string, bytes: Buffer): Span[] {
  if (form.includes('msgpack')) return parseMsgpack(bytes);
  const text = bytes.toString();
  if (form === 'json') return JSON.parse(text) as Span[];
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Span);
}

describe.each(traceForms)('bodies of form %s', (form) => {
  const options = { form, seed: 7, baseTimeMs, bodies: 3, ...(form !== 'single' && { spansPerBody: 150 }) };

  test('hold the referenced spans, in every round under other ids, and never an id twice', () => {
    const references = [...makeBodies({ ...options, references: true })].map((body) => body.references ?? []);
    const pool = createBodyPool(options);
    const seen = new Set<string>();
    for (let item = 0; item < options.bodies * 3; item++) {
      const round = Math.floor(item / options.bodies);
      const body = pool.take(item);
      const spans = parseBody(form, body.bytes);
      expect(spans.length).toBe(body.spans);
      spans.forEach((span, i) => {
        const expected = JSON.parse(references[item % options.bodies]![i]!) as Span;
        for (const name of idNames.slice(0, 4)) {
          if (expected[name] !== undefined) expected[name] = idInRound(expected[name] as string, round);
        }
        expect(span).toEqual(expected);
        expect(seen.has(span.span_id)).toBe(false);
        seen.add(span.span_id);
      });
    }
  });

  test('are the same for the same seed', () => {
    const bytes = () => [...makeBodies(options)].map((body) => body.bytes.toString('latin1'));
    expect(bytes()).toEqual(bytes());
    const other = [...makeBodies({ ...options, seed: 8 })].map((body) => body.bytes.toString('latin1'));
    expect(other).not.toEqual(bytes());
  });

  test('come back to their first bytes', () => {
    const [body] = [...makeBodies({ ...options, bodies: 1 })];
    const before = body!.bytes.toString('latin1');
    setRound(body!, 5);
    expect(body!.bytes.toString('latin1')).not.toBe(before);
    setRound(body!, 0);
    expect(body!.bytes.toString('latin1')).toBe(before);
  });
});

test('agent spans are 765 bytes and LLM spans 12 KB of NDJSON, within one percent', () => {
  const mean = (form: 'ndjson' | 'llm', bodies: number) => {
    const made = [...makeBodies({ form, seed: 1, baseTimeMs, bodies, spansPerBody: 500 })];
    const spans = made.reduce((sum, body) => sum + body.spans, 0);
    return made.reduce((sum, body) => sum + body.bytes.length, 0) / spans;
  };
  expect(Math.abs(mean('ndjson', 10) / 765 - 1)).toBeLessThan(0.01);
  expect(Math.abs(mean('llm', 2) / 12_288 - 1)).toBeLessThan(0.01);
});

test('traces have a root, parents that came before, and about 2 % failures', () => {
  const [body] = [...makeBodies({ form: 'ndjson', seed: 2, baseTimeMs, bodies: 1, spansPerBody: 20_000 })];
  const spans = parseBody('ndjson', body!.bytes);
  const known = new Map<string, string>();
  let failures = 0;
  let orphans = 0;
  let wrongErrors = 0;
  for (const span of spans) {
    if (span.parent_span_id !== undefined && known.get(span.parent_span_id) !== span.trace_id) orphans++;
    known.set(span.span_id, span.trace_id);
    const result = span['result'] as { status: string; error?: object };
    if ((result.error !== undefined) !== (result.status === 'failure')) wrongErrors++;
    if (result.status === 'failure') failures++;
  }
  expect({ orphans, wrongErrors }).toEqual({ orphans: 0, wrongErrors: 0 });
  expect(failures / spans.length).toBeGreaterThan(0.01);
  expect(failures / spans.length).toBeLessThan(0.03);
  expect(new Set(spans.map((span) => span['agent_id'])).size).toBe(50);
  expect(new Set(spans.map((span) => span['context_id'])).size).toBe(200);
});

test('masks differ from round to round and keep ids UUIDv4', () => {
  const masks = new Set(Array.from({ length: 50_000 }, (_, round) => maskOfRound(round)));
  expect(masks.size).toBe(50_000);
  expect(maskUuid(0)).toBe('00000000-0000-0000-0000-000000000000');
  const id = '01234567-89ab-4cde-8f01-23456789abcd';
  expect(idInRound(id, 9)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(idInRound(idInRound(id, 9), 9)).toBe(id);
});

test('a pool is no larger than the run', () => {
  expect(poolSize('ndjson', 3_000, 1e9)).toBe(3);
  expect(poolSize('ndjson', 1e9, 765_000 * 10)).toBe(10);
  expect(poolSize('llm', 1, 1)).toBe(1);
});
