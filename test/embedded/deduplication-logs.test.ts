import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findLostNotes } from '#dist/embedded/clickhouse/deduplication-logs.js';
import { insertSettings } from '#dist/store/clickhouse/settings.js';
import { makeFailingRename, type RenameFault } from '../support/failing-rename.js';
import { temporaryFolder } from '../support/spool-fixtures.js';
import { startTestClickHouse } from './embedded-clickhouse.js';

/** One with a name that must be quoted, as users may give it. */
const TABLES = ['a', 'b', 'c.d'];
const ROWS = [{ n: 1 }, { n: 2 }];

/** ClickHouse with a table that fills three others, whose renames of parts can be made to fail. */
async function startFailingClickHouse() {
  const rename = makeFailingRename(await temporaryFolder());
  Object.assign(process.env, rename.env);
  onTestFinished(() => {
    for (const name of Object.keys(rename.env)) delete process.env[name];
  });
  const clickhouse = await startTestClickHouse();
  onTestFinished(() => clickhouse.close());
  const client = clickhouse.client();
  const run = (query: string): Promise<unknown> => client.command({ query });
  await run('CREATE TABLE source (n UInt32) ENGINE = Null');
  for (const table of TABLES) {
    await run(
      `CREATE TABLE \`${table}\` (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100`,
    );
    await run(`CREATE MATERIALIZED VIEW \`source_to_${table}\` TO \`${table}\` AS SELECT n FROM source`);
  }
  return {
    rename,
    insert: (token: string) =>
      client.insert({
        table: 'source',
        values: ROWS,
        format: 'JSONEachRow',
        clickhouse_settings: { ...insertSettings, insert_deduplication_token: token } as never,
      }),
    async counts() {
      const query = `SELECT ${TABLES.map((table) => `(SELECT toUInt32(count()) FROM \`${table}\`) AS \`${table}\``).join(', ')}`;
      const [row] = await (
        await client.query({ query, format: 'JSONEachRow' })
      ).json<Record<string, number>>();
      return Object.values(row ?? {});
    },
  };
}

describe('an insert whose part was noted and not put into place', () => {
  it.each<RenameFault>(['kill', 'EIO'])('is stored when it is sent again (%s)', async (fault) => {
    const { rename, insert, counts } = await startFailingClickHouse();
    await insert('before');
    for (const after of TABLES.keys()) {
      rename.order(fault, after);
      await expect(insert(`${after}`)).rejects.toThrow();
      expect(rename.isDone).toBe(true);
      // As the loader does, until it is taken.
      await expect
        .poll(() =>
          insert(`${after}`).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
      expect(await counts(), `after ${after} parts`).toEqual(TABLES.map(() => ROWS.length * (after + 2)));
    }
    for (const token of ['before', '0', '1', '2']) await insert(token);
    expect(await counts()).toEqual(TABLES.map(() => ROWS.length * 4));
  });
});

describe('lost notes', () => {
  it('are those whose block is in no part of their partition', async () => {
    const table = await temporaryFolder();
    for (const part of [
      '20261129_1_4_1',
      '20261129_6_6_0',
      '20261129_9_9_0_12',
      '20261130_7_7_0',
      'tmp_insert_20261129_7_7_0',
      'deduplication_logs',
      'detached',
    ]) {
      mkdirSync(join(table, part));
    }
    const log = (number: number, lines: string[]): string => {
      const path = join(table, 'deduplication_logs', `deduplication_log_${number}.txt`);
      writeFileSync(path, lines.join('\n') + '\n');
      return path;
    };
    const kept = [
      '1\t20261129_2_2_0\tx',
      '1\t20261129_6_6_0\tx',
      '1\t20261129_9_9_0\tx',
      '2\t20261129_8_8_0\tx',
    ];
    log(1, kept);
    const path = log(2, ['1\t20261129_7_7_0\tx', ...kept, '1\t20261129_5_5_0\tx', '1\t20261128_1_1_0\tx']);
    expect(findLostNotes(table)).toEqual(new Map([[path, [...kept, '']]]));
    expect(findLostNotes(await temporaryFolder())).toEqual(new Map());
  });
});
