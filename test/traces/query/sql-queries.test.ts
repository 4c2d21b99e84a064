import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MplpError } from '#dist/errors/index.js';
import { createSqlQueries } from '#dist/traces/query/index.js';
import { allowedFunctionNames } from '#dist/traces/query/sql-functions.js';
import { projectTableFilters } from '#dist/traces/query/views.js';
import { hostileStatements } from './hostile-statements.js';
import { pleasantStatements } from './pleasant-statements.js';
import { bytesOf, config, noSignal, spanOf, startStored, textOf, uuid, type Stored } from './fixture.js';

const SECRET = 'the-secret-of-another-project';
const AWKWARD_PROJECT = `it's "q" \\ {x}`;

let stored: Stored;
beforeAll(async () => {
  stored = await startStored();
  await stored.put([
    spanOf({
      trace: 1,
      span: 1,
      agent: 1,
      action: 'plan',
      startMs: 0,
      endMs: 40,
      status: 'success',
      parameters: { goal: 'x' },
      tags: { env: 'prod' },
    }),
    spanOf({
      trace: 1,
      span: 2,
      parent: 1,
      agent: 2,
      action: 'search',
      startMs: 10,
      endMs: 30,
      status: 'failure',
      error: { message: 'no net' },
    }),
    spanOf({ trace: 2, span: 3, agent: 1, action: 'answer', startMs: 100 }),
  ]);
  await stored.put([
    spanOf({
      trace: 1,
      span: 2,
      parent: 1,
      agent: 2,
      action: 'search',
      startMs: 10,
      endMs: 35,
      status: 'timeout',
    }),
  ]);
  await stored.put([spanOf({ trace: 9, span: 9, action: SECRET, startMs: 0, output: { text: SECRET } })], {
    projectId: 'other',
  });
  await stored.put([spanOf({ trace: 8, span: 8, action: 'odd', startMs: 0 })], {
    projectId: AWKWARD_PROJECT,
  });
});
afterAll(() => stored.close());

interface Ask {
  readonly params?: Record<string, unknown>;
  readonly format?: string;
  readonly projectId?: string;
}

async function ask(
  sql: string,
  { params = {}, format = 'JSONEachRow', projectId = 'default' }: Ask = {},
): Promise<string> {
  const result = await stored.sql.run(projectId, { sql, params, format }, noSignal);
  return textOf(result.body);
}

async function rows(sql: string, options?: Ask): Promise<Record<string, unknown>[]> {
  const text = await ask(sql, options);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function failure(sql: string, options?: Ask): Promise<MplpError> {
  return ask(sql, options).then(
    (text) => {
      throw new Error(`answered: ${text.slice(0, 200)}`);
    },
    (error: MplpError) => error,
  );
}

/** Nothing of the engine's tables, views or statements may be in a message. */
function expectNoLeak(error: MplpError): void {
  expect(error.message).not.toMatch(
    /mplp\.|span_payloads|project_id|FINAL|formatQuery|__table|In scope|\/tmp|\/root|\/home/,
  );
}

describe('hostile statements', () => {
  test('there are enough of them', () => {
    expect(hostileStatements.length).toBeGreaterThanOrEqual(120);
  });

  test.each(hostileStatements.map((hostile) => [hostile.sql.slice(0, 80), hostile] as const))(
    'refused: %s',
    async (_, { sql, params }) => {
      const error = await failure(sql, { params: params ?? {} });
      expect(['MPLP_ERR_QUERY_FORBIDDEN', 'MPLP_ERR_QUERY_INVALID']).toContain(error.code);
      expect(error.message).not.toContain(SECRET);
      if (!/mplp\.|payloads|project_id|formatQuery/i.test(sql)) expectNoLeak(error);
    },
  );
});

describe('pleasant statements', () => {
  test.each(pleasantStatements.map((pleasant) => [pleasant.sql, pleasant.params] as const))(
    'answered: %s',
    async (sql, params) => {
      expect(await ask(sql, { params: params ?? {} })).not.toContain(SECRET);
    },
  );
});

describe('isolation', () => {
  test('every view shows the rows of the project only', async () => {
    for (const view of ['spans', 'span_details', 'traces', 'action_minutes']) {
      const own = await ask(`SELECT * FROM ${view}`);
      expect(own).not.toContain(SECRET);
      expect(own).not.toBe('');
      expect(await ask(`SELECT * FROM ${view}`, { projectId: 'other' })).toContain(SECRET.slice(0, 10));
      expect(await ask(`SELECT * FROM ${view}`, { projectId: 'nobody' })).toBe('');
    }
  });

  test('the second line holds alone: the raw tables, under the filter of another project, show nothing of this one', async () => {
    for (const table of [
      'spans',
      'span_payloads',
      'trace_summaries',
      'trace_index',
      'action_minutes',
      'service_operations',
    ]) {
      const result = await stored.store.client.query({
        query: `SELECT count() AS n, countIf(project_id != 'other') AS foreign FROM mplp.${table}`,
        format: 'JSONEachRow',
        clickhouse_settings: { additional_table_filters: projectTableFilters('mplp', 'other') } as never,
      });
      const [row] = await result.json<{ n: string; foreign: string }>();
      expect(Number(row!.n)).toBeGreaterThan(0);
      expect(Number(row!.foreign)).toBe(0);
    }
  });

  test('a name that only a nested expression defines does not reach tables of the database', async () => {
    for (const sql of [
      'SELECT * FROM (WITH span_payloads AS (SELECT 1) SELECT * FROM span_payloads) JOIN span_payloads AS p ON 1',
      'SELECT * FROM span_intake',
      'SELECT * FROM (WITH trace_index AS (SELECT * FROM trace_index) SELECT * FROM trace_index)',
      'SELECT * FROM (WITH schema_migrations AS (SELECT 1 AS x) SELECT x FROM schema_migrations), schema_migrations',
    ]) {
      const error = await failure(sql);
      expect(error).toMatchObject({ code: 'MPLP_ERR_QUERY_INVALID', extensions: { clickhouse_code: 60 } });
    }
  });

  test('a view of the same name made by the statement sees the view, not the table', async () => {
    const sql = 'SELECT * FROM (WITH spans AS (SELECT * FROM spans) SELECT * FROM spans)';
    const found = await ask(sql).catch((error: MplpError) => error.code);
    expect(found).not.toContain('project_id');
    expect(found).not.toContain(SECRET);
  });

  test('raw columns are not there', async () => {
    for (const column of ['project_id', 'seq', 'fields', '_part', '_table', '_partition_id'])
      expect((await failure(`SELECT ${column} FROM spans`)).code).toBe('MPLP_ERR_QUERY_INVALID');
  });

  test('project names with quotes are names, not SQL', async () => {
    expect(await rows('SELECT action_name FROM spans', { projectId: AWKWARD_PROJECT })).toEqual([
      { action_name: 'odd' },
    ]);
    expect(await rows('SELECT action_name FROM spans', { projectId: `x' OR '1'='1` })).toEqual([]);
  });

  test('every allowed function is one of the engine', async () => {
    const result = await stored.store.client.query({
      query: 'SELECT lower(name) AS name FROM system.functions',
      format: 'JSONEachRow',
    });
    const known = new Set((await result.json<{ name: string }>()).map((row) => row.name));
    // The last three are parts of the parse tree rather than functions.
    expect(
      allowedFunctionNames().filter(
        (name) => !known.has(name) && !['lambda', 'exists', 'grouping'].includes(name),
      ),
    ).toEqual([]);
  });
});

describe('views', () => {
  test('spans: the latest revision, absent values as NULL', async () => {
    const found = await rows(
      'SELECT span_id, parent_span_id, status, duration_ms, end_time FROM spans ORDER BY span_id',
    );
    expect(found).toEqual([
      {
        span_id: uuid('b', 1),
        parent_span_id: null,
        status: 'success',
        duration_ms: 40,
        end_time: '2026-01-27 12:00:00.040000000',
      },
      {
        span_id: uuid('b', 2),
        parent_span_id: uuid('b', 1),
        status: 'timeout',
        duration_ms: 25,
        end_time: '2026-01-27 12:00:00.035000000',
      },
      { span_id: uuid('b', 3), parent_span_id: null, status: 'unset', duration_ms: null, end_time: null },
    ]);
  });

  test('traces: exact summaries', async () => {
    expect(await rows('SELECT * FROM traces ORDER BY start_time')).toEqual([
      {
        trace_id: uuid('a', 1),
        start_time: '2026-01-27 12:00:00.000000000',
        end_time: '2026-01-27 12:00:00.040000000',
        duration_ms: 40,
        span_count: 2,
        error_count: 1,
        root_action: 'plan',
        agents: [uuid('d', 1), uuid('d', 2)],
        contexts: [uuid('c', 1)],
      },
      expect.objectContaining({ trace_id: uuid('a', 2), duration_ms: 0, span_count: 1, error_count: 0 }),
    ]);
  });

  test('span_details: payloads beside the span', async () => {
    expect(
      await rows(
        `SELECT action_name, parameters, metadata FROM span_details WHERE trace_id = '${uuid('a', 1)}' ORDER BY span_id`,
      ),
    ).toEqual([
      { action_name: 'plan', parameters: '{"goal":"x"}', metadata: '{"tags":{"env":"prod"}}' },
      { action_name: 'search', parameters: '', metadata: '' },
    ]);
  });

  test('action_minutes: quantiles as numbers, NULL without durations', async () => {
    const found = await rows(
      'SELECT action_name, span_count, error_count, p50, p99 FROM action_minutes ORDER BY action_name',
    );
    expect(found).toEqual([
      { action_name: 'answer', span_count: 1, error_count: 0, p50: null, p99: null },
      {
        action_name: 'plan',
        span_count: 1,
        error_count: 0,
        p50: expect.closeTo(40, 0) as number,
        p99: expect.closeTo(40, 0) as number,
      },
      {
        action_name: 'search',
        span_count: 2,
        error_count: 2,
        p50: expect.any(Number) as number,
        p99: expect.any(Number) as number,
      },
    ]);
  });
});

describe('formats and parameters', () => {
  test.each([
    ['JSON', (b: Buffer) => (JSON.parse(b.toString()) as { rows: number }).rows === 2],
    ['jsoneachrow', (b: Buffer) => b.toString() === '{"number":0}\n{"number":1}\n'],
    ['JSONCompact', (b: Buffer) => (JSON.parse(b.toString()) as { data: unknown[] }).data.length === 2],
    ['CSV', (b: Buffer) => b.toString() === '0\n1\n'],
    ['CSVWithNames', (b: Buffer) => b.toString() === '"number"\n0\n1\n'],
    ['TSVWithNames', (b: Buffer) => b.toString() === 'number\n0\n1\n'],
    [
      'Parquet',
      (b: Buffer) => b.subarray(0, 4).toString() === 'PAR1' && b.subarray(-4).toString() === 'PAR1',
    ],
    ['Arrow', (b: Buffer) => b.subarray(0, 6).toString() === 'ARROW1'],
    ['ArrowStream', (b: Buffer) => b.length > 100],
    ['Markdown', (b: Buffer) => b.toString().includes('| number |')],
  ] as const)('%s', async (format, isRight) => {
    const result = await stored.sql.run(
      'default',
      { sql: 'SELECT number FROM numbers(2)', params: {}, format },
      noSignal,
    );
    expect(isRight(await bytesOf(result.body))).toBe(true);
  });

  test.each(['', 'Native', 'Null', 'JSON; DROP', "JSON INTO OUTFILE 'x'"])(
    'the format %s is a 400',
    async (format) => {
      expect((await failure('SELECT 1', { format })).code).toBe('MPLP_ERR_QUERY_INVALID');
    },
  );

  test('values come as they are', async () => {
    const text = `it's "quoted" \\ {n:UInt8} ünï\n\t`;
    expect(
      await rows('SELECT {s:String} AS s, {n:UInt64} AS n, {l:Array(String)} AS l', {
        params: { s: text, n: 5, l: [text, 'b'] },
      }),
    ).toEqual([{ s: text, n: 5, l: [text, 'b'] }]);
  });

  test('parameters beyond what a URL can carry are a 400', async () => {
    expect((await failure('SELECT {s:String}', { params: { s: 'x'.repeat(20_000) } })).code).toBe(
      'MPLP_ERR_QUERY_INVALID',
    );
  });

  test('long statements run, longer ones than ClickHouse takes are a 400', async () => {
    const list = (n: number) => Array.from({ length: n }, (_, i) => i).join(',');
    expect(await rows(`SELECT length([${list(30_000)}]) AS n`)).toEqual([{ n: 30_000 }]);
    expect((await failure(`SELECT length([${list(60_000)}])`)).code).toBe('MPLP_ERR_QUERY_INVALID');
  });
});

describe('errors and limits', () => {
  test.each([
    ['SELECT nope FROM spans', 47],
    ['SELECT * FROM nothing_here', 60],
    ['SELECT toUInt8(action_name) FROM spans', 6],
    ['SELECT 1 +', 62],
    ['SELECT count() FROM spans GROUP BY', 62],
    ["SELECT throwIf(1, 'my own words')", 395],
    ['SELECT sum(action_name) FROM spans', 43],
    ["SELECT trace_id = 'x' FROM spans", 376],
  ])('%s is a 400 with code %i and nothing of ours', async (sql, code) => {
    const error = await failure(sql);
    expect(error).toMatchObject({
      code: 'MPLP_ERR_QUERY_INVALID',
      status: 400,
      extensions: { clickhouse_code: code },
    });
    expectNoLeak(error);
  });

  async function limited(
    limits: Partial<typeof config>,
    sql: string,
    format = 'JSONEachRow',
  ): Promise<MplpError> {
    const queries = createSqlQueries({ store: stored.store, config: { ...config, ...limits } });
    try {
      const result = await queries.run('default', { sql, params: {}, format }, noSignal);
      return await textOf(result.body).then(
        () => {
          throw new Error('answered');
        },
        (error: MplpError) => error,
      );
    } catch (error) {
      return error as MplpError;
    } finally {
      await queries.close();
    }
  }

  test.each([
    ['rows', { queryMaxRows: 1000 }, 'SELECT number FROM numbers(100000)'],
    ['bytes', { queryMaxResultBytes: 10_000 }, "SELECT repeat('x', 1000) FROM numbers(1000)"],
    ['memory', { queryMaxMemoryBytes: 20_000_000 }, 'SELECT groupArray(number) FROM numbers(100000000)'],
    [
      'time',
      { queryTimeoutMs: 300 },
      'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 7',
    ],
  ])('too many %s is a 422', async (_, limits, sql) => {
    expect(await limited(limits, sql)).toMatchObject({ code: 'MPLP_ERR_QUERY_LIMIT', status: 422 });
    expect(await limited(limits, sql, 'JSON')).toMatchObject({ code: 'MPLP_ERR_QUERY_LIMIT', status: 422 });
  });

  test('a limit met in the middle of a long result breaks it off', async () => {
    const error = await limited({ queryMaxRows: 2_000_000 }, 'SELECT number FROM numbers(3000000)');
    expect(error).toMatchObject({ code: 'MPLP_ERR_QUERY_LIMIT' });
  });

  test('a client that goes away stops the query in ClickHouse', async () => {
    const abort = new AbortController();
    const marker = `m${randomUUID().replaceAll('-', '')}`;
    const sql = `SELECT count() AS ${marker} FROM numbers(1000000000000) WHERE sipHash64(number) = 7`;
    const running = stored.sql.run('default', { sql, params: {}, format: 'JSON' }, abort.signal);
    const isRunning = async () => {
      const result = await stored.store.client.query({
        query: `SELECT count() AS n FROM system.processes WHERE query LIKE '%${marker}%' AND query NOT LIKE '%system.processes%'`,
        format: 'JSONEachRow',
      });
      return Number((await result.json<{ n: string }>())[0]!.n) > 0;
    };
    await expect.poll(isRunning, { timeout: 15_000 }).toBe(true);
    abort.abort();
    await expect(running).rejects.toBeDefined();
    await expect.poll(isRunning, { timeout: 15_000 }).toBe(false);
  });

  test('more queries at a time than are allowed are told to come again', async () => {
    const queries = createSqlQueries({ store: stored.store, config: { ...config, queryMaxConcurrent: 2 } });
    const run = (sql: string, signal = noSignal): Promise<{ body: AsyncIterable<Uint8Array> }> =>
      queries.run('default', { sql, params: {}, format: 'JSONEachRow' }, signal);
    const long = "SELECT repeat('x', 1000) FROM numbers(50000)";
    try {
      const gone = new AbortController();
      const [read] = await Promise.all([run(long), run(long, gone.signal)]);
      await expect(run('SELECT 1')).rejects.toMatchObject({
        code: 'MPLP_ERR_QUERY_OVERLOADED',
        status: 429,
        retryAfterSeconds: expect.any(Number) as number,
      });
      // A place is free again when a result was read to its end, its client has gone, or a query failed.
      await bytesOf(read!.body);
      gone.abort();
      for (let i = 0; i < 5; i++) {
        await expect(run('SELECT nope')).rejects.toMatchObject({ status: 400 });
        await bytesOf((await run('SELECT 1')).body);
      }
    } finally {
      await queries.close();
    }
  });
});
