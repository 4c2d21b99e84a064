import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startEngine, type EngineProcess } from '../../support/engine-process.js';
import { sampleSpan, type SampleSpan } from '../../support/sample-span.js';
import { temporaryFolder } from '../../support/spool-fixtures.js';

/** Less than the retention: ClickHouse drops what was received before it. */
const SET_BACK_MS = 86_400_000;
/** Large enough for a decoder thread. */
const MANY = 200;

/** Settings for a process whose wall clock is `ms` behind, in all of its threads. */
function setBack(ms: number): Record<string, string> {
  const script = `const now = Date.now; Date.now = () => now() - ${ms};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}

async function post(
  engine: EngineProcess,
  spans: readonly SampleSpan[],
  headers: Record<string, string> = {},
): Promise<{ status: number; document: Record<string, unknown> }> {
  const reply = await fetch(`${engine.url}/v1.0/traces?durability=stored`, {
    method: 'POST',
    headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(spans),
  });
  return { status: reply.status, document: (await reply.json()) as Record<string, unknown> };
}

it('a newer revision of a span wins although the clock was set back by a day before the restart', async () => {
  const dataDir = await temporaryFolder();
  const start = new Date(Date.now() - SET_BACK_MS - 3_600_000).toISOString();
  const spans = (name: string, count: number, trace: string): SampleSpan[] =>
    Array.from({ length: count }, (_, index) => ({
      ...sampleSpan({ trace_id: trace }),
      span_id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      action: { name, type: 'execute', parameters: {}, duration: '1ms' },
      timestamp: { start },
    }));
  const [small, large] = [sampleSpan().trace_id, sampleSpan().trace_id];

  const first = await startEngine({}, dataDir);
  for (const [trace, count] of [[small, 1] as const, [large, MANY] as const]) {
    expect((await post(first, spans('old', count, trace))).document).toMatchObject({ accepted: count });
  }
  await first.close();

  const second = await startEngine(setBack(SET_BACK_MS), dataDir);
  try {
    for (const [trace, count] of [[small, 1] as const, [large, MANY] as const]) {
      const reply = await post(second, spans('new', count, trace));
      expect(reply.document).toMatchObject({ status: 'stored', accepted: count });
      const found = await fetch(`${second.url}/v1.0/traces/${trace}/spans?limit=1000`, {
        headers: { authorization: `Bearer ${second.key}` },
      });
      const page = (await found.json()) as { total_spans: number; spans: SampleSpan[] };
      expect(page.total_spans).toBe(count);
      expect(new Set(page.spans.map((span) => span.action.name))).toEqual(new Set(['new']));
    }
  } finally {
    await second.close();
  }
});

it('an Idempotency-Key still stands for its body after a restart', async () => {
  const dataDir = await temporaryFolder();
  const bodies = { small: [sampleSpan()], large: Array.from({ length: MANY }, () => sampleSpan()) };
  const receipts = new Map<string, unknown>();

  const first = await startEngine({}, dataDir);
  for (const [key, spans] of Object.entries(bodies)) {
    const { document } = await post(first, spans, { 'idempotency-key': key });
    expect(document).toMatchObject({ accepted: spans.length });
    receipts.set(key, document['receipt']);
  }
  await first.close();

  const second = await startEngine({}, dataDir);
  try {
    for (const [key, spans] of Object.entries(bodies)) {
      const other = await post(second, [sampleSpan()], { 'idempotency-key': key });
      expect(other.status).toBe(422);
      expect(other.document['type']).toContain('MPLP_ERR_HTTP_IDEMPOTENCY_MISMATCH');
      const again = await post(second, spans, { 'idempotency-key': key });
      expect(again.document).toMatchObject({
        receipt: receipts.get(key),
        accepted: 0,
        duplicates: spans.length,
      });
    }
  } finally {
    await second.close();
  }
});

it('an Idempotency-Key that is sent from many connections at once takes one body in', async () => {
  const engine = await startEngine();
  try {
    const spans = Array.from({ length: MANY }, () => sampleSpan());
    const same = Array.from({ length: 6 }, () => post(engine, spans, { 'idempotency-key': 'k' }));
    await delay(1);
    const other = Array.from({ length: 6 }, () => post(engine, [sampleSpan()], { 'idempotency-key': 'k' }));
    const replies = await Promise.all(same);
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 202));
    expect(new Set(replies.map(({ document }) => document['receipt'])).size).toBe(1);
    expect(replies.reduce((sum, { document }) => sum + Number(document['accepted']), 0)).toBe(MANY);
    for (const { status } of await Promise.all(other)) expect(status).toBe(422);
    // A key whose body was refused is free again.
    const wrong = { ...sampleSpan(), trace_id: 'x' };
    expect((await post(engine, [wrong], { 'idempotency-key': 'l' })).status).toBe(400);
    expect((await post(engine, [sampleSpan()], { 'idempotency-key': 'l' })).status).toBe(202);
  } finally {
    await engine.close();
  }
});
