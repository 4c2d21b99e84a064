import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSpanPageRequest } from '#dist/traces/query/index.js';
import { compactSpan } from '#dist/traces/live/compact-json.js';
import { makeValidSpan } from '../../support/span-documents.js';
import { noSignal, parseKeepingNumbers, spanOf, startStored, textOf, uuid, type Stored } from './fixture.js';

let stored: Stored;
beforeAll(async () => (stored = await startStored()));
afterAll(() => stored.close());

const BODIES = 8;
const SPANS_PER_BODY = 250;

type Span = Record<string, unknown>;

/** The spans as sent, by span id, last one wins; all put into one trace so that one question reads them. */
function sameTrace(text: string, traceId: string): string {
  return text.replace(/("trace_id"\s*:\s*)"[0-9a-f-]{36}"/, `$1"${traceId}"`);
}

async function readAll(traceId: string): Promise<string[]> {
  const text = await textOf(await stored.queries.exportTrace('default', traceId, 'ndjson', noSignal));
  return text.split('\n').slice(0, -1);
}

test('what goes in comes out: JSON-equal, number spellings included', async () => {
  const traceId = uuid('a', 1);
  const sent = new Map<unknown, Span>();
  for (let body = 0; body < BODIES; body++) {
    const texts: string[] = [];
    for (let seed = body * SPANS_PER_BODY; texts.length < SPANS_PER_BODY; seed++) {
      const text = sameTrace(Buffer.from(makeValidSpan(seed, 'json')).toString(), traceId);
      const span = parseKeepingNumbers(text) as Span;
      if (span['trace_id'] !== traceId) continue; // its key was spelled with escapes
      texts.push(text);
      sent.set(span['span_id'], span);
    }
    await stored.put(`[${texts.join(',')}]`);
  }
  const lines = await readAll(traceId);
  expect(lines).toHaveLength(sent.size);
  for (const line of lines) {
    const back = parseKeepingNumbers(line) as Span;
    const original = sent.get(back['span_id'])!;
    expect(back).toEqual('id' in original ? original : { ...original, id: back['id'] });
    expect(back['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  }
});

test('MessagePack spans come out as the JSON that the live tail shows', async () => {
  const sent = new Map<unknown, Span>();
  const bytes: Uint8Array[] = [];
  for (let seed = 0; seed < 500; seed++) {
    const span = makeValidSpan(seed, 'msgpack');
    const json = JSON.parse(compactSpan('msgpack', span).toString()) as Span;
    bytes.push(span);
    sent.set(json['span_id'], json);
  }
  await stored.put(Buffer.concat(bytes), { form: 'msgpack' });
  let found = 0;
  for (const original of sent.values()) {
    if (found === 60) break;
    const [line] = await readAll(String(original['trace_id']));
    const back = JSON.parse(line ?? '{}') as Span;
    if (back['span_id'] !== original['span_id']) continue; // ids can repeat
    expect(back).toEqual('id' in original ? original : { ...original, id: back['id'] });
    found += 1;
  }
  expect(found).toBe(60);
});

test('a span sent again counts once, the last revision wins', async () => {
  const trace = 77;
  await stored.put([
    spanOf({ trace, span: 1, startMs: 0 }),
    spanOf({ trace, span: 2, startMs: 1, status: 'success' }),
  ]);
  const second = spanOf({
    trace,
    span: 1,
    startMs: 0,
    endMs: 500,
    status: 'failure',
    output: { done: true },
  });
  await stored.put([second]);
  await stored.put([second]);
  const page = JSON.parse(
    await textOf(
      await stored.queries.spans(
        'default',
        uuid('a', trace),
        parseSpanPageRequest(new URLSearchParams()),
        noSignal,
      ),
    ),
  ) as { total_spans: number; spans: unknown[] };
  expect(page.total_spans).toBe(2);
  expect(page.spans).toEqual([second, spanOf({ trace, span: 2, startMs: 1, status: 'success' })]);
});

test('an export holds line breaks of payloads inside one line, and Parquet comes as a file', async () => {
  const trace = 78;
  await stored.put(
    `${JSON.stringify(spanOf({ trace, span: 1, startMs: 0 })).slice(0, -1)}, "list": [\n1,\r\n2.50\n]}`,
  );
  const lines = await readAll(uuid('a', trace));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/"list":\s*\[\s*1,\s*2\.50\s*\]/);
  let parquet = Buffer.alloc(0);
  for await (const piece of await stored.queries.exportTrace(
    'default',
    uuid('a', trace),
    'parquet',
    noSignal,
  ))
    parquet = Buffer.concat([parquet, Buffer.from(piece as Uint8Array)]);
  expect(parquet.subarray(0, 4).toString()).toBe('PAR1');
  expect(parquet.subarray(-4).toString()).toBe('PAR1');
});
