import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../support/random.js';
import { EPOCH, noSignal, spanOf, uuid, type SpanSketch } from '../query/fixture.js';
import { startJaegerStored, type JaegerStored } from './fixture.js';

let stored: JaegerStored;
beforeAll(async () => (stored = await startJaegerStored()));
afterAll(() => stored.close());

const micros = (ms: number): number => (EPOCH + ms) * 1000;

async function idsOf(query: string, projectId = 'default'): Promise<string[]> {
  const { data } = await stored.search(query, projectId);
  return data.map(({ traceID }) => traceID);
}

const idOf = (trace: number): string => uuid('a', trace).replaceAll('-', '');

describe('against a model of 300 traces', () => {
  const projectId = 'model';
  const sketches: SpanSketch[] = [];

  beforeAll(async () => {
    const random = createRandom(7);
    const pick = random.pick;
    for (let trace = 1; trace <= 300; trace++) {
      const spans = 1 + random.below(6);
      for (let i = 0; i < spans; i++) {
        const startMs = trace * 1000 + random.below(4000);
        sketches.push({
          trace,
          span: trace * 10 + i,
          ...(i === 0 ? {} : { parent: trace * 10 }),
          agent: 1 + random.below(4),
          action: pick(['plan', 'search', 'write']),
          type: pick(['execute', 'invoke']),
          startMs,
          ...(random.chance(0.2) ? {} : { endMs: startMs + random.below(3000) }),
          ...pick([{}, { status: 'success' }, { status: 'failure' }, { status: 'timeout' }]),
          tags: { env: pick(['prod', 'test']), 'service.name': pick(['', '', 'writer of all']) },
        });
      }
    }
    for (let at = 0; at < sketches.length; at += 200)
      await stored.put(sketches.slice(at, at + 200).map(spanOf), { projectId });
  });

  const serviceOf = (span: SpanSketch): string =>
    (span.tags as { 'service.name': string })['service.name'] || uuid('d', span.agent!);
  const lastsMs = (span: SpanSketch): number => (span.endMs ?? span.startMs) - span.startMs;
  const failed = (span: SpanSketch): boolean => span.status === 'failure' || span.status === 'timeout';

  test.each<[query: string, fits: (span: SpanSketch) => boolean]>([
    ['', () => true],
    ['operation=search', (span) => span.action === 'search'],
    ['operation=nothing', () => false],
    ['tags={"error":"true"}', failed],
    ['tags={"error":"false"}', (span) => !failed(span)],
    ['tags=error=true env=prod', (span) => failed(span) && (span.tags as { env: string }).env === 'prod'],
    ['tag=env:test', (span) => (span.tags as { env: string }).env === 'test'],
    ['tag=env:none', () => false],
    ['tag=span.kind:client', (span) => span.type === 'invoke'],
    ['tag=otel.status_code:OK', (span) => span.status === 'success'],
    ['tag=otel.status_code:ERROR', failed],
    ['tag=mplp.status:timeout', (span) => span.status === 'timeout'],
    ['tag=mplp.action_type:execute', (span) => span.type === 'execute'],
    [`tag=mplp.agent_id:${uuid('d', 2)}`, (span) => span.agent === 2],
    ['tag=mplp.agent_id:nobody', () => false],
    [`tag=mplp.context_id:${uuid('c', 1)}`, () => true],
    ['minDuration=2.5s', (span) => lastsMs(span) >= 2500],
    ['maxDuration=100ms', (span) => lastsMs(span) <= 100],
    ['minDuration=1s&maxDuration=1.2s', (span) => lastsMs(span) >= 1000 && lastsMs(span) <= 1200],
    [`start=${micros(250_000)}`, (span) => span.startMs >= 250_000],
    [`end=${micros(50_000)}`, (span) => span.startMs <= 50_000],
    [
      `start=${micros(100_000)}&end=${micros(101_500)}&operation=plan`,
      (span) => span.startMs >= 100_000 && span.startMs <= 101_500 && span.action === 'plan',
    ],
    [`end=${micros(20_000)}&lookback=5s`, (span) => span.startMs >= 15_000 && span.startMs <= 20_000],
  ])('?%s', async (query, fits) => {
    for (const service of [uuid('d', 1), uuid('d', 3), 'writer of all']) {
      const wanted = new Map<number, number>();
      for (const span of sketches) if (serviceOf(span) === service && fits(span)) wanted.set(span.trace!, 0);
      for (const span of sketches)
        if (wanted.has(span.trace!))
          wanted.set(span.trace!, Math.min(wanted.get(span.trace!) || Infinity, span.startMs));
      const found = await idsOf(`service=${encodeURIComponent(service)}&limit=1000&${query}`, projectId);
      const byStart = [...wanted].sort(([, a], [, b]) => b - a).map(([trace]) => idOf(trace));
      expect(new Set(found)).toEqual(new Set(byStart));
      expect(found).toHaveLength(byStart.length);
      const startOf = new Map([...wanted].map(([trace, start]) => [idOf(trace), start]));
      expect(found.map((id) => startOf.get(id))).toEqual(byStart.map((id) => startOf.get(id)));
    }
  });

  test('a limit takes the newest', async () => {
    const all = await idsOf(`service=${uuid('d', 1)}&limit=1000`, projectId);
    const some = await idsOf(`service=${uuid('d', 1)}&limit=5`, projectId);
    expect(some).toHaveLength(5);
    expect(all.slice(0, 12)).toEqual(expect.arrayContaining(some));
    expect(await idsOf(`service=${uuid('d', 1)}`, projectId)).toHaveLength(100);
  });

  test('whole traces come, not only the spans that fit', async () => {
    const { data } = await stored.search(`service=${uuid('d', 1)}&limit=20`, projectId);
    for (const trace of data) {
      const number = Number(trace.traceID.slice(-12));
      expect(trace.spans).toHaveLength(sketches.filter((span) => span.trace === number).length);
    }
  });

  test('unknown services and other projects have none', async () => {
    expect(await idsOf('service=nobody', projectId)).toEqual([]);
    expect(await idsOf(`service=${uuid('d', 1)}`, 'other')).toEqual([]);
  });
});

test('what is rare among many is found, however old', async () => {
  const projectId = 'rare';
  const rare = { trace: 1, span: 1, startMs: 0, endMs: 9000, tags: { needle: 'yes' } };
  await stored.put([spanOf(rare)], { projectId });
  for (let body = 0; body < 4; body++)
    await stored.put(
      Array.from({ length: 1000 }, (_, i) =>
        spanOf({ trace: 2 + body * 1000 + i, span: 2 + body * 1000 + i, startMs: 10_000 + body * 1000 + i }),
      ),
      { projectId },
    );
  expect(await idsOf(`service=${uuid('d', 1)}&tag=needle:yes`, projectId)).toEqual([idOf(1)]);
  expect(await idsOf(`service=${uuid('d', 1)}&minDuration=9s&limit=1`, projectId)).toEqual([idOf(1)]);
});

test('a trace that began before the time range, but has a span in it, is found', async () => {
  const projectId = 'long';
  await stored.put(
    [
      spanOf({ trace: 1, span: 1, startMs: 0, endMs: 7_200_000 }),
      spanOf({ trace: 1, span: 2, parent: 1, startMs: 3_600_000, endMs: 3_600_001 }),
    ],
    { projectId },
  );
  const service = uuid('d', 1);
  expect(
    await idsOf(`service=${service}&start=${micros(3_000_000)}&end=${micros(4_000_000)}`, projectId),
  ).toEqual([idOf(1)]);
  expect(await idsOf(`service=${service}&start=${micros(4_000_000)}`, projectId)).toEqual([]);
});

test('only the latest revision of a span counts', async () => {
  const projectId = 'revised';
  const span = { trace: 1, span: 1, startMs: 0 };
  await stored.put([spanOf({ ...span, action: 'draft', status: 'failure' })], { projectId });
  await stored.put([spanOf({ ...span, action: 'final', status: 'success', endMs: 5 })], { projectId });
  const service = uuid('d', 1);
  expect(await idsOf(`service=${service}&operation=draft`, projectId)).toEqual([]);
  expect(await idsOf(`service=${service}&tag=error:true`, projectId)).toEqual([]);
  expect(await idsOf(`service=${service}&operation=final`, projectId)).toEqual([idOf(1)]);
});

test('members of errors and metrics are tags that can be searched', async () => {
  const projectId = 'members';
  await stored.put(
    [
      spanOf({
        trace: 1,
        span: 1,
        startMs: 0,
        members: {
          result: { status: 'failure', error: { message: 'no net', code: 7 }, metrics: { tokens: 12 } },
        },
      }),
    ],
    { projectId },
  );
  const search = (tags: string) =>
    idsOf(`service=${uuid('d', 1)}&tags=${encodeURIComponent(tags)}`, projectId);
  expect(await search('error.message="no net"')).toEqual([idOf(1)]);
  expect(await search('error.code=7 metrics.tokens=12')).toEqual([idOf(1)]);
  expect(await search('error.message=no')).toEqual([]);
  expect(await search('metrics.tokens=1')).toEqual([]);
});

test('several traces by their ids; those that are missing are named', async () => {
  const projectId = 'members';
  const { data, errors } = await stored.search(
    `traceID=${idOf(9)}&traceID=${uuid('a', 1)}&traceID=${idOf(1)}&traceID=ff`,
    projectId,
  );
  expect(data.map(({ traceID }) => traceID)).toEqual([idOf(1)]);
  expect(errors).toEqual([
    { msg: 'trace not found', traceID: idOf(9) },
    { msg: 'trace not found', traceID: '00000000000000ff' },
  ]);
});

test('values are never SQL', async () => {
  for (const value of ["' OR 1=1 --", "\\' OR 1=1 --", '{x:String}', '%', '\0', "')"]) {
    const text = encodeURIComponent(value);
    for (const query of [
      `service=${text}`,
      `service=${uuid('d', 1)}&operation=${text}`,
      `service=${uuid('d', 1)}&tag=a:${text}`,
      `service=${uuid('d', 1)}&tag=${text}:a`,
      `service=${uuid('d', 1)}&tag=error.${text}:a`,
      `service=${uuid('d', 1)}&tag=span.kind:${text}`,
      `service=${uuid('d', 1)}&tag=error:${text}`,
    ])
      expect(await idsOf(query, 'members')).toEqual([]);
  }
});

test('summaries of a search without a service are those of all', async () => {
  const search = {
    service: undefined,
    operation: undefined,
    tags: [],
    startNano: BigInt(EPOCH) * 1_000_000n,
    endNano: BigInt(EPOCH + 10_000_000) * 1_000_000n,
    minDurationNano: undefined,
    maxDurationNano: undefined,
    limit: 1000,
  };
  const summaries = await stored.jaeger.summaries('model', search, noSignal);
  expect(summaries).toHaveLength(300);
  for (const { services, spanCount, errorSpanCount } of summaries) {
    const sum = (member: 'spanCount' | 'errorSpanCount') =>
      services.reduce((total, service) => total + service[member], 0);
    expect([sum('spanCount'), sum('errorSpanCount')]).toEqual([spanCount, errorSpanCount]);
  }
});
