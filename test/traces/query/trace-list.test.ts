import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTraceFilter } from '#dist/traces/query/index.js';
import { createRandom, type Random } from '../../support/random.js';
import {
  EPOCH,
  noSignal,
  spanOf,
  startStored,
  timeOf,
  uuid,
  type SpanSketch,
  type Stored,
} from './fixture.js';

let stored: Stored;
beforeAll(async () => (stored = await startStored()));
afterAll(() => stored.close());

interface Summary {
  trace_id: string;
  start: string;
  end: string;
  duration_ms: number;
  span_count: number;
  error_count: number;
  root_action: string;
  agents: string[];
  contexts: string[];
}

function listPage(query: string, projectId = 'default') {
  return stored.queries.list(projectId, parseTraceFilter(new URLSearchParams(query)), noSignal);
}

async function listAll(query: string, projectId = 'default'): Promise<Summary[]> {
  const traces: Summary[] = [];
  let cursor = '';
  for (;;) {
    const page = await listPage(`${query}${cursor}`, projectId);
    traces.push(...(page.traces as Summary[]));
    if (page.next === null) return traces;
    cursor = `&cursor=${page.next}`;
  }
}

const idsOf = (traces: readonly Summary[]) => traces.map((trace) => trace.trace_id);

describe('against a model: random traces, sent in pieces, again, and with corrected times', () => {
  const projectId = 'model';
  const latest = new Map<string, SpanSketch>();
  const ACTIONS = ['plan', 'search', 'answer'];
  const STATUSES = ['success', 'failure', 'timeout', undefined];

  function randomSketch(random: Random): SpanSketch {
    const span = 1 + random.below(900);
    const trace = 1 + (span % 120);
    const startMs = trace * 1000 + random.below(20_000);
    const status = random.pick(STATUSES);
    return {
      trace,
      span,
      ...(random.chance(0.6) ? { parent: 1 + random.below(900) } : {}),
      agent: 1 + random.below(6),
      context: 1 + random.below(3),
      action: random.pick(ACTIONS),
      type: random.pick(['execute', 'invoke']),
      startMs,
      ...(random.chance(0.7) ? { endMs: startMs + random.below(5000) } : {}),
      ...(status === undefined ? {} : { status }),
      ...(random.chance(0.3) ? { tags: { env: random.pick(['prod', 'test']), n: random.below(3) } } : {}),
      ...(random.chance(0.2) ? { output: { note: `value ${random.pick(['Alpha', 'bravo'])}` } } : {}),
    };
  }

  beforeAll(async () => {
    const random = createRandom(7);
    for (let body = 0; body < 12; body++) {
      const sketches = new Map(
        Array.from({ length: 200 }, () => randomSketch(random)).map((sketch) => [sketch.span, sketch]),
      );
      await stored.put([...sketches.values()].map(spanOf), { projectId });
      for (const sketch of sketches.values()) latest.set(`${sketch.trace} ${sketch.span}`, sketch);
    }
  });

  function expected(
    fits: (sketch: SpanSketch) => boolean,
    traceFits: (summary: Summary) => boolean = () => true,
  ): Summary[] {
    const traces = new Map<number, SpanSketch[]>();
    for (const sketch of latest.values())
      traces.set(sketch.trace!, [...(traces.get(sketch.trace!) ?? []), sketch]);
    return [...traces]
      .filter(([, spans]) => spans.some(fits))
      .map(([trace, spans]) => summaryOf(trace, spans))
      .filter(traceFits)
      .sort((a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : 0));
  }

  function summaryOf(trace: number, spans: readonly SpanSketch[]): Summary {
    const byStart = [...spans].sort((a, b) => a.startMs - b.startMs || a.span - b.span);
    const startMs = byStart[0]!.startMs;
    const endMs = Math.max(...spans.map((span) => span.endMs ?? span.startMs));
    const unique = (letter: string, numbers: readonly number[]) =>
      [...new Set(numbers)].sort((a, b) => a - b).map((n) => uuid(letter, n));
    return {
      trace_id: uuid('a', trace),
      start: timeOf(startMs).replace('.000Z', 'Z'),
      end: timeOf(endMs).replace('.000Z', 'Z'),
      duration_ms: endMs - startMs,
      span_count: spans.length,
      error_count: spans.filter((span) => span.status === 'failure' || span.status === 'timeout').length,
      root_action: (byStart.find((span) => span.parent === undefined) ?? byStart[0]!).action!,
      agents: unique(
        'd',
        spans.map((span) => span.agent!),
      ),
      contexts: unique(
        'c',
        spans.map((span) => span.context!),
      ),
    };
  }

  test.each<
    [query: string, fits: (sketch: SpanSketch) => boolean, traceFits?: (summary: Summary) => boolean]
  >([
    ['', () => true],
    [`agent_id=${uuid('d', 2)}`, (span) => span.agent === 2],
    [`context_id=${uuid('c', 3)}`, (span) => span.context === 3],
    [`agent_id=${uuid('d', 2)}&context_id=${uuid('c', 3)}`, (span) => span.agent === 2 && span.context === 3],
    ['action=search', (span) => span.action === 'search'],
    ['type=invoke', (span) => span.type === 'invoke'],
    ['status=failure', (span) => span.status === 'failure'],
    ['status=unset', (span) => span.status === undefined],
    [
      `status=timeout&action=plan&agent_id=${uuid('d', 1)}`,
      (span) => span.status === 'timeout' && span.action === 'plan' && span.agent === 1,
    ],
    ['tag.env=prod', (span) => (span.tags as { env?: string } | undefined)?.env === 'prod'],
    ['tag.env=prod&tag.n=1', (span) => JSON.stringify(span.tags ?? {}).includes('"prod","n":1')],
    ['q=ALPHA', (span) => span.output !== undefined && JSON.stringify(span.output).includes('Alpha')],
    ['q=ear', (span) => span.action === 'search'],
    [
      'q=alpha&status=success',
      (span) => span.status === 'success' && JSON.stringify(span.output ?? {}).includes('Alpha'),
    ],
    ['q=no-such-text', () => false],
    [
      `q=alpha&from=${EPOCH + 90_000}`,
      (span) => JSON.stringify(span.output ?? {}).includes('Alpha'),
      (trace) => Date.parse(trace.start) >= EPOCH + 90_000,
    ],
    ['min_duration_ms=20000', () => true, (trace) => trace.duration_ms >= 20_000],
    [`from=${timeOf(50_000)}`, () => true, (trace) => Date.parse(trace.start) >= EPOCH + 50_000],
    [
      `from=${EPOCH + 30_000}&to=${EPOCH + 60_000}`,
      () => true,
      (trace) => Date.parse(trace.start) >= EPOCH + 30_000 && Date.parse(trace.start) < EPOCH + 60_000,
    ],
    [
      `to=${EPOCH + 30_000}&agent_id=${uuid('d', 5)}`,
      (span) => span.agent === 5,
      (trace) => Date.parse(trace.start) < EPOCH + 30_000,
    ],
  ])('?%s', async (query, fits, traceFits) => {
    const wanted = expected(fits, traceFits);
    const sorted = (traces: readonly Summary[]) =>
      [...traces].sort((a, b) => (a.trace_id < b.trace_id ? -1 : 1));
    for (const limit of [7, 1000]) {
      const found = await listAll(`${query}&limit=${limit}`, projectId);
      expect(sorted(found)).toEqual(sorted(wanted));
      if (query === '') expect(new Set(idsOf(found)).size).toBe(found.length);
    }
  });

  test('the order is newest start first, but for traces whose start was corrected to later', async () => {
    const found = await listAll('limit=10', projectId);
    const descents = found.filter((trace, i) => i > 0 && trace.start > found[i - 1]!.start).length;
    expect(descents).toBeLessThan(found.length / 2);
  });

  test('another project sees none of it', async () => {
    expect(await listAll('', 'nobody')).toEqual([]);
  });
});

describe('one by one', () => {
  test('traces without corrections come strictly by start; pages neither repeat nor skip', async () => {
    const projectId = 'order';
    for (let body = 0; body < 5; body++)
      await stored.put(
        Array.from({ length: 100 }, (_, i) =>
          spanOf({
            trace: 1 + ((i * 37 + body * 11) % 100),
            span: body * 100 + i,
            startMs: ((i * 37 + body * 11) % 100) * 10 + body,
          }),
        ),
        { projectId },
      );
    const found = await listAll('limit=9', projectId);
    expect(idsOf(found)).toEqual(Array.from({ length: 100 }, (_, i) => uuid('a', 100 - i)));
  });

  test('traces that start at the same moment are all listed', async () => {
    const projectId = 'ties';
    await stored.put(
      Array.from({ length: 50 }, (_, i) => spanOf({ trace: i + 1, span: i + 1, startMs: 5 })),
      { projectId },
    );
    const found = await listAll('limit=8', projectId);
    expect(idsOf(found).sort()).toEqual(Array.from({ length: 50 }, (_, i) => uuid('a', i + 1)));
  });

  test('an agent that joins late is found, also when the time range ends before it joined', async () => {
    const projectId = 'late';
    await stored.put([spanOf({ trace: 1, span: 1, agent: 1, startMs: 0 })], { projectId });
    await stored.put([spanOf({ trace: 1, span: 2, agent: 2, startMs: 60_000 })], { projectId });
    await stored.put([spanOf({ trace: 2, span: 3, agent: 2, startMs: 30_000 })], { projectId });
    expect(idsOf(await listAll(`agent_id=${uuid('d', 2)}`, projectId))).toEqual([uuid('a', 2), uuid('a', 1)]);
    expect(idsOf(await listAll(`agent_id=${uuid('d', 2)}&to=${EPOCH + 10_000}`, projectId))).toEqual([
      uuid('a', 1),
    ]);
  });

  test('text with quotes and line breaks is found in payloads, where it is escaped', async () => {
    const projectId = 'text';
    await stored.put(
      [spanOf({ trace: 1, span: 1, startMs: 0, parameters: { prompt: 'say "Hello"\nÄrger' } })],
      { projectId },
    );
    await stored.put(
      [spanOf({ trace: 2, span: 2, startMs: 1, error: { message: "it's broken" }, status: 'failure' })],
      { projectId },
    );
    for (const [q, trace] of [
      ['"hello"', 1],
      ['"Hello"\nä', 1],
      ["IT'S", 2],
      ['\\', undefined],
    ] as const)
      expect(idsOf(await listAll(`q=${encodeURIComponent(q)}`, projectId))).toEqual(
        trace === undefined ? [uuid('a', 1)] : [uuid('a', trace)],
      );
  });

  test('values are never SQL', async () => {
    for (const value of ["' OR 1=1 --", "\\' OR 1=1 --", '${1}', '{x:String}', '%', '\0'])
      for (const name of ['action', 'q', 'tag.x', `tag.${value}`])
        expect(
          (await listPage(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`, 'order')).traces,
        ).toEqual([]);
  });

  test.each([
    ['agent=1', 'agent'],
    ['foo=1&bar=2', 'bar'],
    ['agent_id=x', 'agent_id'],
    ['status=ok', 'status'],
    ['type=x', 'type'],
    ['limit=1001', 'limit'],
    ['from=yesterday', 'from'],
    ['min_duration_ms=-1', 'min_duration_ms'],
    ['tag.=1', 'tag.'],
    ['q=', 'q'],
    ['action=a&action=b', 'action'],
  ])('?%s is a 400 that names %s', (query, name) => {
    expect(() => parseTraceFilter(new URLSearchParams(query))).toThrowError(
      expect.objectContaining({
        code: 'MPLP_ERR_HTTP_BAD_REQUEST',
        message: expect.stringContaining(name) as string,
      }),
    );
  });

  test.each([
    'x',
    '',
    Buffer.from('traces 1 1').toString('base64url'),
    Buffer.from(`spans 1 ${uuid('a', 1)}`).toString('base64url'),
  ])('the cursor %s is a 400', async (cursor) => {
    const bad = expect.objectContaining({ code: 'MPLP_ERR_HTTP_BAD_REQUEST' }) as Error;
    await expect((async () => listPage(`cursor=${cursor}`))()).rejects.toEqual(bad);
  });
});
