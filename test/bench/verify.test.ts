import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startEmbeddedClickHouse, type EmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { createRowMapper } from '../../bench/baseline/rows.mjs';
import { idInRound, makeBodies } from '../../bench/bodies.mjs';
import { connectClickHouse, type ClickHouse } from '../../bench/clickhouse.mjs';
import { columnDefinitions, spanColumns } from '../../bench/columns.mjs';
import { expectContent, findDifferences, findSpanTables, type Expectation } from '../../bench/verify.mjs';

/** The benchmark's check must see a lost, a doubled and a changed span, in whichever table it happens. */

type Pool = Parameters<typeof makeBodies>[0];
const items = 5;
const payloadColumns = ['parameters', 'output', 'action_duration', 'metadata', 'extra'];
let dataDir: string;
let child: EmbeddedClickHouse;
let store: ClickHouse;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'mplp-verify-'));
  child = await startEmbeddedClickHouse({ dataDir, port: 0, log: pino({ level: 'silent' }) });
  store = connectClickHouse({
    url: child.url,
    username: child.username,
    password: child.password,
    pid: child.pid ?? 0,
  });
  await store.query('CREATE DATABASE verified');
});
afterAll(async () => {
  store.close();
  await child.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** The spans of the first bodies of a pool's row, as rows. */
function makeRows(pool: Pool) {
  const toRow = createRowMapper();
  const bodies = [...makeBodies({ ...pool, references: true })];
  return Array.from({ length: items }, (_, item) => {
    const round = Math.floor(item / bodies.length);
    return (bodies[item % bodies.length]?.references ?? []).map((json) => {
      const span = JSON.parse(json) as Record<string, unknown>;
      for (const name of ['id', 'trace_id', 'span_id', 'parent_span_id']) {
        if (typeof span[name] === 'string') span[name] = idInRound(span[name], round);
      }
      return toRow(span, 1_790_000_000);
    });
  }).flat();
}

async function fillTables(pool: Pool): Promise<void> {
  await store.query('DROP TABLE IF EXISTS verified.spans');
  await store.query('DROP TABLE IF EXISTS verified.payloads');
  const kept = Object.keys(spanColumns).filter((column) => !payloadColumns.includes(column));
  await store.query(
    `CREATE TABLE verified.spans (${columnDefinitions(kept)}) ENGINE = MergeTree ORDER BY (trace_id, span_id)`,
  );
  await store.query(
    `CREATE TABLE verified.payloads (${columnDefinitions(['seq', ...payloadColumns])}) ENGINE = MergeTree ORDER BY seq`,
  );
  const lines = Buffer.from(
    makeRows(pool)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  for (const table of ['spans', 'payloads']) {
    const settings = { input_format_skip_unknown_fields: 1, async_insert: 0 };
    await store.insert(`INSERT INTO verified.${table} FORMAT JSONEachRow`, [lines], settings);
  }
}

const expectationOf = async (pool: Pool): Promise<Expectation> =>
  (await expectContent(store, pool, await findSpanTables(store), [items])).get(items)!;
const differencesTo = async (expected: Expectation) =>
  findDifferences(store, await findSpanTables(store), expected);
const baseTimeMs = Date.UTC(2026, 0, 2);

test.each(['ndjson', 'json', 'msgpack', 'ws-msgpack', 'single', 'llm'] as const)(
  'spans of form %s are equal when stored as sent',
  async (form) => {
    const pool = {
      form,
      seed: 3,
      baseTimeMs,
      bodies: 2,
      spansPerBody: form === 'llm' ? 20 : form === 'single' ? 1 : 200,
    };
    await fillTables(pool);
    const tables = await findSpanTables(store);
    expect(tables.main.name).toBe('verified.spans');
    expect(tables.companions.map(({ name }) => name)).toEqual(['verified.payloads']);
    expect(tables.uncovered).toEqual([]);
    const expected = await expectationOf(pool);
    expect(expected.rows).toBe(String(items * pool.spansPerBody));
    expect(await differencesTo(expected)).toEqual([]);
  },
);

describe('what must be seen', () => {
  const pool: Pool = { form: 'ndjson', seed: 3, baseTimeMs, bodies: 2, spansPerBody: 100 };
  let expected: Expectation;
  beforeEach(async () => {
    await fillTables(pool);
    expected ??= await expectationOf(pool);
  });
  const differences = () => differencesTo(expected);
  const change = (sql: string) => store.query(sql, { mutations_sync: 2 });

  test('a lost span is seen', async () => {
    await change('ALTER TABLE verified.spans DELETE WHERE seq = 10');
    expect((await differences()).join('\n')).toMatch(/verified\.spans: \d+ rows/);
  });

  test('a doubled span is seen', async () => {
    await store.query('INSERT INTO verified.spans SELECT * FROM verified.spans WHERE seq = 10');
    expect((await differences()).join('\n')).toMatch(/rows/);
  });

  test('one span in place of another is seen', async () => {
    await change('ALTER TABLE verified.spans DELETE WHERE seq = 10');
    await store.query(
      'INSERT INTO verified.spans SELECT * REPLACE(10 AS seq) FROM verified.spans WHERE seq = 11',
    );
    expect((await differences()).join('\n')).toMatch(/span ids/);
  });

  test('a lost payload is seen', async () => {
    await change('ALTER TABLE verified.payloads DELETE WHERE seq = 10');
    expect((await differences()).join('\n')).toMatch(/verified\.payloads: \d+ rows/);
  });

  test.each([
    ['verified.spans', 'duration_ns', 'duration_ns + 1'],
    ['verified.spans', 'metrics', "replaceOne(metrics, ':', ': ')"],
    ['verified.payloads', 'metadata', "replaceOne(metadata, 'e', 'f')"],
  ])('a change in %s.%s is seen and named', async (table, column, expression) => {
    await change(`ALTER TABLE ${table} UPDATE ${column} = ${expression} WHERE seq = 10`);
    expect(await differences()).toEqual([`content differs in ${table}.${column}`]);
  });

  test('payloads of two spans that changed places are seen', async () => {
    await change(
      `ALTER TABLE verified.payloads UPDATE parameters = if(seq = 10, ${parametersOf(11)}, ${parametersOf(10)}) WHERE seq IN (10, 11)`,
    );
    expect(await differences()).toEqual(['content differs in the ids, or in which row a value stands']);
  });
});

const parametersOf = (seq: number): string => `(SELECT parameters FROM verified.payloads WHERE seq = ${seq})`;
