import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '#dist/observability/metrics.js';
import { EPOCH, spanOf, startStored, uuid, type SpanSketch, type Stored } from '../traces/query/fixture.js';
import { otlpRequest } from '../traces/jaeger/otlp-request.js';
import { interpolate, type GrafanaState } from './grafana-sql.js';

const folder = fileURLToPath(new URL('../../deploy/grafana/', import.meta.url));

interface Target {
  refId: string;
  datasource: { type: string; uid: string };
  rawSql?: string;
  expr?: string;
  query?: string;
  format?: number;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  fieldConfig?: { overrides: { matcher: { options: string } }[] };
}

interface Dashboard {
  uid: string;
  title: string;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string | { rawSql: string } }[] };
}

const dashboards = new Map(
  readdirSync(join(folder, 'dashboards')).map((file) => [
    file.replace('.json', ''),
    JSON.parse(readFileSync(join(folder, 'dashboards', file), 'utf8')) as Dashboard,
  ]),
);

/** The columns of every panel with SQL, as its visualisation expects them. */
const columns: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  traces: {
    Traces: ['traces'],
    Spans: ['spans'],
    'Failed spans': ['errors'],
    'Share of failed spans': ['error_percent'],
    'Spans by agent': ['time', 'agent', 'spans'],
    'Newest traces': ['trace_id', 'start', 'duration_ms', 'spans', 'errors', 'root_action', 'agents'],
  },
  latency: {
    Latency: ['time', 'p50', 'p90', 'p99'],
    'p99 by action': ['time', 'action', 'p99'],
    'p99 by agent': ['time', 'agent', 'p99'],
    'By agent and action': ['agent', 'action', 'spans', 'errors', 'error_percent', 'p50', 'p90', 'p99'],
  },
  errors: {
    'Failed spans by agent': ['time', 'agent', 'errors'],
    'Share of failed spans': ['time', 'error_percent'],
    'Actions that fail most': ['agent', 'action', 'errors', 'spans', 'error_percent'],
    'What the errors say': ['message', 'errors', 'traces', 'last'],
    'Latest errors': ['time', 'agent', 'action', 'status', 'message', 'trace_id'],
  },
  'tokens-and-cost': {
    'Input tokens': ['total_input_tokens'],
    'Cached input tokens': ['total_cached_tokens'],
    'Output tokens': ['total_output_tokens'],
    Cost: ['cost_usd'],
    'Tokens by model': ['time', 'model', 'tokens'],
    'Cost by model': ['time', 'model', 'cost_usd'],
    'Cost by agent': ['time', 'agent', 'cost_usd'],
    'How calls ended': ['provider', 'model', 'finish_reason', 'calls', 'errors'],
    'By agent and model': [
      'agent',
      'model',
      'calls',
      'input',
      'cached',
      'output',
      'cost_usd',
      'cost_per_call',
    ],
    'Most expensive traces': ['trace_id', 'start', 'calls', 'tokens', 'cost_usd'],
  },
  ingest: {
    'Spans stored a second': ['time', 'spans_per_second'],
    'Age of spans at arrival': ['time', 'p50', 'p99'],
    Tables: ['table', 'rows', 'bytes', 'bytes_per_row', 'parts'],
    'Dead letters': ['time', 'spans', 'bytes', 'error', 'id'],
  },
};

interface Result {
  meta: { name: string; type: string }[];
  data: Record<string, unknown>[];
}

/** A row of zeros is what an aggregate makes of nothing. */
function saysSomething(row: Record<string, unknown>): boolean {
  const numbers = Object.values(row)
    .map(Number)
    .filter((number) => !Number.isNaN(number));
  return numbers.length === 0 || numbers.some((number) => number > 0);
}

let stored: Stored;

async function run(sql: string): Promise<Result> {
  const result = await stored.store.client.query({ query: sql, format: 'JSON' });
  return (await result.json()) as unknown as Result;
}

const everything: GrafanaState = {
  fromMs: EPOCH - 3_600_000,
  toMs: Date.now() + 60_000,
  intervalMs: 60_000,
  variables: {
    project: ['default'],
    service: ['$__all'],
    action: ['$__all'],
    model: ['$__all'],
    trace: [''],
  },
};

const sketches: SpanSketch[] = Array.from({ length: 200 }, (_, i) => ({
  trace: 1 + Math.floor(i / 4),
  span: i + 1,
  ...(i % 4 === 0 ? {} : { parent: i - (i % 4) + 1 }),
  agent: 1 + (i % 3),
  action: ['plan', 'search', "it's", 'write'][i % 4]!,
  startMs: i * 1000,
  endMs: i * 1000 + 10 * (i + 1),
  ...(i % 5 === 0
    ? { status: 'failure', error: { message: `no ${i % 2}` } }
    : i % 7 === 0
      ? { status: 'timeout' }
      : { status: 'success' }),
  ...(i % 3 === 1 ? { tags: { 'service.name': "o'brien" } } : {}),
}));

/** Dollars: small 1.6, small of a date 2, small-pro 30; the last two have no price. */
const modelCalls = [
  { model: 'small', input: 1_000_000, cached: 800_000, output: 500_000 },
  { model: 'small-2026-01-01', input: 0, cached: 0, output: 1_000_000 },
  { model: 'small-pro', input: 1_000_000, cached: 0, output: 1_000_000 },
  { model: 'old', input: 7, cached: 0, output: 7 },
  { model: 'smaller', input: 7, cached: 0, output: 7 },
];

beforeAll(async () => {
  stored = await startStored();
  await stored.put(sketches.map(spanOf));
  // A span that is sent again, and another project: neither may show.
  await stored.put([spanOf(sketches[5]!)]);
  await stored.put([spanOf({ trace: 900, span: 900, startMs: 0, status: 'failure' })], {
    projectId: 'other',
  });
  for (const agent of ["o'brien", 'writer']) {
    const request = otlpRequest(
      { 'service.name': agent },
      modelCalls.map((call, i) => ({
        traceId: `${agent === 'writer' ? 'e' : 'f'}`.repeat(31) + String(1 + (i % 2)),
        spanId: String(i + 1).padStart(16, '0'),
        name: "it's",
        kind: 3,
        startMs: EPOCH + i * 60_000,
        endMs: EPOCH + i * 60_000 + 500,
        attributes: {
          'gen_ai.provider.name': 'acme',
          'gen_ai.response.model': call.model,
          'gen_ai.usage.input_tokens': call.input,
          'gen_ai.usage.output_tokens': call.output,
          'gen_ai.usage.cache_read.input_tokens': call.cached,
        },
      })),
    );
    // Sent again, as after a lost receipt: still one call each.
    for (let time = 0; time < 2; time++) await stored.put(request, { form: 'otlp-protobuf' });
  }
  await stored.store.client.insert({
    table: 'model_prices',
    values: [
      { model: 'small', input: 1, output: 2, cached: 0.5, version: 2 },
      { model: 'small-pro', input: 10, output: 20, cached: 5, version: 2 },
      { model: 'old', input: 1000, output: 1000, cached: 1000, version: 1 },
    ],
    format: 'JSONEachRow',
  });
  await stored.store.client.insert({
    table: 'dead_letters',
    values: [
      {
        id: 'd1',
        span_rows: 3,
        block_bytes: 99,
        error: 'no',
        failed_at: '2026-01-27 12:00:00.000',
        block: '',
        version: 1,
        removed: 0,
      },
    ],
    format: 'JSONEachRow',
  });
});
afterAll(() => stored.close());

describe.each([...dashboards])('%s', (name, dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const variables = dashboard.templating.list;

  test('is complete: every panel asks a data source that is a variable, every variable is there', () => {
    expect(dashboard.uid).toBe(`mplp-${name}`);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const panel of panels) {
      expect(panel.targets?.length).toBeGreaterThan(0);
      for (const { datasource } of [panel, ...panel.targets!]) {
        const variable = /^\$\{(\w+)\}$/.exec(datasource?.uid ?? '')?.[1];
        expect(variables.find((v) => v.name === variable)?.query).toBe(datasource!.type);
      }
    }
    const used = new Set(
      [...JSON.stringify(dashboard).matchAll(/\$\{?(?!_)(\w+)/g)].map(([, variable]) => variable),
    );
    expect(variables.map((variable) => variable.name).sort()).toEqual([...used].sort());
  });

  test('has panels that do not lie on each other', () => {
    const cells = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), title).toBe(false);
          cells.add(`${x} ${y}`);
        }
    }
  });

  test('names its columns in this test', () => {
    const withSql = panels.filter(({ targets }) => targets?.some(({ rawSql }) => rawSql !== undefined));
    expect(withSql.map(({ title }) => title)).toEqual(Object.keys(columns[name] ?? {}));
  });

  const queries = panels.flatMap((panel) =>
    (panel.targets ?? []).flatMap((target) => (target.rawSql === undefined ? [] : [{ panel, target }])),
  );
  test.each(queries.map(({ panel, target }) => [panel.title, panel, target.rawSql!, target.format] as const))(
    '%s',
    async (title, panel, rawSql, format) => {
      const { meta, data } = await run(interpolate(rawSql, everything));
      expect(meta.map((column) => column.name)).toEqual(columns[name]![title]);
      expect(data.length).toBeGreaterThan(0);
      for (const { matcher } of panel.fieldConfig!.overrides)
        expect(columns[name]![title]).toContain(matcher.options);
      // A time series has a time, at most one text that names the series, and numbers.
      if (format === 0) {
        expect(meta[0]).toMatchObject({ name: 'time', type: expect.stringMatching(/^DateTime/) as string });
        expect(meta.filter(({ type }) => type.includes('String')).length).toBeLessThanOrEqual(1);
        expect(data).toEqual([...data].sort((a, b) => (String(a['time']) < String(b['time']) ? -1 : 0)));
      }
    },
  );

  test('variables', async () => {
    for (const variable of variables) {
      if (typeof variable.query === 'string') continue;
      const { meta, data } = await run(interpolate(variable.query.rawSql, everything));
      expect(meta).toHaveLength(1);
      expect(data.length).toBeGreaterThan(0);
    }
  });

  test('one agent and one action, with quotes in their names', async () => {
    for (const { target } of queries) {
      if (!target.rawSql!.includes('${service:sqlstring}')) continue;
      for (const [service, rows] of [
        [["o'brien"], true],
        [[uuid('d', 1), "o'brien"], true],
        [["nobody' OR 1=1 --"], false],
      ] as const) {
        const choice = {
          ...everything,
          variables: { ...everything.variables, service, action: ["it's", 'search'] },
        };
        const { data } = await run(interpolate(target.rawSql!, choice));
        expect(data.some(saysSomething), target.rawSql).toBe(rows);
      }
    }
  });

  test('another project has nothing of this one', async () => {
    for (const { target } of queries) {
      if (!target.rawSql!.includes('${project:sqlstring}')) continue;
      const choice = { ...everything, variables: { ...everything.variables, project: ["x' OR 1=1 --"] } };
      const { data } = await run(interpolate(target.rawSql!, choice));
      expect(data.filter(saysSomething)).toEqual([]);
    }
  });

  test('metrics that panels ask Prometheus for are those of the engine', async () => {
    const metrics = createMetrics();
    metrics.http.observe('/x', 'GET', 200, 1);
    const text = await metrics.registry.metrics();
    metrics.close();
    for (const { expr } of panels.flatMap(({ targets }) => targets ?? []))
      for (const [metric] of (expr ?? '').matchAll(/\bmplp_\w+/g))
        expect(text).toMatch(new RegExp(`^${metric}[ {]`, 'm'));
  });
});

describe('numbers', () => {
  const sqlOf = (name: string, title: string): string => {
    const panel = dashboards.get(name)!.panels.find((p) => p.title === title);
    return interpolate(panel!.targets![0]!.rawSql!, everything);
  };
  const failed = sketches.filter(({ status }) => status !== 'success');

  test('newest traces count each span once', async () => {
    const all = (await run(sqlOf('traces', 'Newest traces'))).data;
    const data = all.filter((row) => String(row['trace_id']).startsWith('aaaaaaaa'));
    expect(data).toHaveLength(50);
    expect(data[0]).toMatchObject({ trace_id: uuid('a', 50), root_action: 'plan' });
    const sum = (column: string) => data.reduce((total, row) => total + Number(row[column]), 0);
    expect(sum('spans')).toBe(200);
    expect(sum('errors')).toBe(failed.length);
  });

  test('messages of errors, and what failed latest', async () => {
    const messages = await run(sqlOf('errors', 'What the errors say'));
    expect(Object.fromEntries(messages.data.map((row) => [row['message'], Number(row['errors'])]))).toEqual({
      'no 0': failed.filter(({ error }) => (error as { message?: string } | undefined)?.message === 'no 0')
        .length,
      'no 1': failed.filter(({ error }) => (error as { message?: string } | undefined)?.message === 'no 1')
        .length,
      timeout: failed.filter(({ status }) => status === 'timeout').length,
    });
    const latest = await run(sqlOf('errors', 'Latest errors'));
    expect(latest.data).toHaveLength(failed.length);
    expect(latest.data[0]).toMatchObject({ trace_id: uuid('a', failed.at(-1)!.trace!) });
  });
});

describe('tokens and cost', () => {
  const rowsOf = async (title: string): Promise<Record<string, unknown>[]> => {
    const panel = dashboards.get('tokens-and-cost')!.panels.find((p) => p.title === title);
    return (await run(interpolate(panel!.targets![0]!.rawSql!, everything))).data;
  };

  test('each call counts once, at the price of the longest name that fits', async () => {
    expect((await rowsOf('Cost'))[0]!['cost_usd']).toBeCloseTo(2 * 33.6, 9);
    expect(Number((await rowsOf('Input tokens'))[0]!['total_input_tokens'])).toBe(2 * 2_000_014);
    expect(Number((await rowsOf('Cached input tokens'))[0]!['total_cached_tokens'])).toBe(2 * 800_000);
    expect(Number((await rowsOf('Output tokens'))[0]!['total_output_tokens'])).toBe(2 * 2_500_014);
    const byModel = Object.fromEntries(
      (await rowsOf('Cost by model')).map((row) => [row['model'], row['cost_usd']]),
    );
    expect(byModel).toEqual({
      small: expect.closeTo(2 * 1.6) as number,
      'small-2026-01-01': 4,
      'small-pro': 60,
      old: 0,
      smaller: 0,
    });
    const table = await rowsOf('By agent and model');
    expect(table.find((row) => row['agent'] === 'writer' && row['model'] === 'small-pro')).toMatchObject({
      cost_usd: 30,
      cost_per_call: 30,
    });
    expect(table.find((row) => row['model'] === 'smaller')).toMatchObject({ cost_usd: null });
    const traces = await rowsOf('Most expensive traces');
    expect(traces).toHaveLength(4);
    expect(traces[0]!['cost_usd']).toBeCloseTo(31.6, 9);
  });
});

test('provisioning names the data sources and the folder of the dashboards', () => {
  const sources = parse(readFileSync(join(folder, 'provisioning/datasources/mplp.yml'), 'utf8')) as {
    datasources: { type: string; uid: string }[];
  };
  expect(sources.datasources.map(({ type }) => type)).toEqual([
    'grafana-clickhouse-datasource',
    'jaeger',
    'prometheus',
  ]);
  const compose = parse(readFileSync(join(folder, '../../docker-compose.yml'), 'utf8')) as {
    services: Record<string, { environment: Record<string, string>; volumes: string[] }>;
  };
  const grafana = compose.services['grafana']!;
  for (const [, name] of JSON.stringify(sources).matchAll(/\$\{(\w+)\}/g))
    expect(Object.keys(grafana.environment)).toContain(name);
  const providers = parse(readFileSync(join(folder, 'provisioning/dashboards/mplp.yml'), 'utf8')) as {
    providers: { options: { path: string } }[];
  };
  expect(grafana.volumes).toContain(`./deploy/grafana/dashboards:${providers.providers[0]!.options.path}:ro`);
});
