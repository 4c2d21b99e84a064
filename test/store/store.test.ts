import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '#dist/observability/log.js';
import {
  createClickHouseStore,
  readMigrations,
  splitStatements,
  type ClickHouseStore,
} from '#dist/store/clickhouse/index.js';
import { startTestClickHouse, type TestClickHouse } from '../embedded/embedded-clickhouse.js';

const log = createLogger({ level: 'silent', format: 'json' });

describe('the ClickHouse store', () => {
  let clickhouse: TestClickHouse;
  const stores: ClickHouseStore[] = [];

  const open = (database: string, isOurs = false): ClickHouseStore => {
    const { url, username, password } = clickhouse.server;
    const store = createClickHouseStore({
      url,
      username,
      password,
      database,
      cluster: undefined,
      isOurs,
      log,
    });
    stores.push(store);
    return store;
  };
  const rows = async <T>(store: ClickHouseStore, query: string): Promise<T[]> =>
    (await store.client.query({ query, format: 'JSONEachRow' })).json<T>();

  beforeAll(async () => {
    clickhouse = await startTestClickHouse();
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await clickhouse.close();
  });

  it('migrates a fresh database, and again without effect', async () => {
    const store = open('fresh');
    await store.migrate();
    await store.migrate();
    await store.verifySettings();
    const applied = await rows<{ name: string }>(
      store,
      'SELECT name FROM schema_migrations FINAL ORDER BY name',
    );
    expect(applied.map((row) => row.name)).toEqual(
      (await readMigrations('single', { database: 'fresh', cluster: '' })).map((m) => m.name),
    );
  });

  it('migrates from two engines at once', async () => {
    const [a, b] = [open('together'), open('together')];
    await Promise.all([a.migrate(), b.migrate()]);
    await a.verifySettings();
    const migrations = await readMigrations('single', { database: 'together', cluster: '' });
    expect(await rows(a, 'SELECT name FROM schema_migrations FINAL')).toHaveLength(migrations.length);
  });

  it('goes on where a migration broke off', async () => {
    const store = open('broken');
    const [first] = await readMigrations('single', { database: 'broken', cluster: '' });
    const admin = clickhouse.client();
    await admin.command({ query: 'CREATE DATABASE broken' });
    for (const statement of (first?.statements ?? []).slice(0, 4))
      await store.client.command({ query: statement });
    await store.migrate();
    await store.verifySettings();
  });

  it('ends the renaming of a view that broke off', async () => {
    const store = open('renamed', true);
    const views = (): Promise<unknown[]> =>
      rows(
        store,
        `SELECT name, uuid FROM system.tables WHERE database = 'renamed' AND engine = 'MaterializedView' ORDER BY name`,
      );
    await store.migrate();
    await store.client.command({
      query: "CREATE MATERIALIZED VIEW `a user's_renamed` ENGINE = Memory AS SELECT seq FROM span_intake",
    });
    const before = await views();
    await store.client.command({
      query: 'RENAME TABLE span_intake_to_spans TO span_intake_to_spans_renamed',
    });
    await store.migrate();
    expect(await views()).toEqual(before);
  });

  it('refuses tables without the settings that the contract needs, naming each', async () => {
    const store = open('loose');
    await store.migrate();
    await store.client.command({
      query: 'ALTER TABLE spans MODIFY SETTING non_replicated_deduplication_window = 5',
    });
    await store.client.command({ query: 'ALTER TABLE span_payloads MODIFY SETTING fsync_after_insert = 0' });
    await expect(store.verifySettings()).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_SETTINGS',
      message: expect.stringMatching(
        /spans\.non_replicated_deduplication_window is 5.*span_payloads\.fsync_after_insert is 0/s,
      ) as string,
    });
  });

  it('sets, changes and removes the retention', async () => {
    const store = open('retention');
    await store.migrate();
    const ttl = async (): Promise<string> =>
      (
        await rows<{ q: string }>(
          store,
          `SELECT create_table_query AS q FROM system.tables WHERE database = 'retention' AND name = 'spans'`,
        )
      )[0]?.q ?? '';
    await store.applyRetention(30);
    expect(await ttl()).toContain('TTL received_at + toIntervalDay(30)');
    await store.applyRetention(7);
    expect(await ttl()).toContain('TTL received_at + toIntervalDay(7)');
    await store.applyRetention(0);
    expect(await ttl()).not.toContain('TTL received_at');
  });

  it('fills every table once, however often a token comes', async () => {
    const store = open('tokens');
    await store.migrate();
    const insert = async (token: string): Promise<void> => {
      await store.client.command({
        query: `INSERT INTO span_intake (project_id, trace_id, span_id, action_name, action_type, start_time, duration_ns, seq, received_at, parameters)
          SELECT 'default', toUUID('21111111-1111-4111-8111-111111111111'), generateUUIDv4(), 'search', 'execute',
            toDateTime64('2026-01-01 00:00:00', 9, 'UTC'), 5000000, number, now(), '{}'
          FROM numbers(100) SETTINGS insert_deduplication_token = '${token}'`,
      });
    };
    await insert('one');
    await insert('one');
    await insert('two');
    for (const table of ['spans', 'span_payloads']) {
      expect(
        Number((await rows<{ c: string }>(store, `SELECT count() AS c FROM ${table}`))[0]?.c),
        table,
      ).toBe(200);
    }
    const [summary] = await rows<{ c: string }>(store, 'SELECT sum(span_count) AS c FROM trace_summaries');
    expect(Number(summary?.c)).toBe(200);
    const [minutes] = await rows<{ c: string }>(store, 'SELECT sum(span_count) AS c FROM action_minutes');
    expect(Number(minutes?.c)).toBe(200);
  });

  it('keeps the spans of a store of before, and fills in what it did not have', async () => {
    const store = open('before');
    const admin = clickhouse.client();
    await admin.command({ query: 'CREATE DATABASE before' });
    const [first] = await readMigrations('single', { database: 'before', cluster: '' });
    for (const statement of first?.statements ?? []) await store.client.command({ query: statement });
    // 120 days: more partitions than an insert may have unless told.
    await store.client.command({
      query: `INSERT INTO span_intake (project_id, trace_id, span_id, id, agent_id, action_name, action_type, fields, seq, received_at, tags, service_name, otel_shape)
        SELECT 'default', toUUID('21111111-1111-4111-8111-111111111111'), generateUUIDv4(),
          toUUID('0b111111-1111-4111-8111-111111111111'), toUUID('a1111111-1111-4111-8111-111111111111'), 'search',
          if(number % 4 = 1, 'invoke', 'execute'), 0, number, now() - 86400 * number,
          if(number % 4 = 3, map(), map('service.name', 'tagged', 'n', toString(number))), if(number % 4 = 2, 'named', ''),
          if(number % 4 = 2, '5.0.0.0.0.0.s', '')
        FROM numbers(120) SETTINGS max_partitions_per_insert_block = 0`,
    });
    const spans = async (): Promise<unknown[]> => rows(store, `SELECT seq, id, tags FROM spans ORDER BY seq`);
    const before = await spans();
    expect(before).toHaveLength(120);
    await store.migrate();
    expect(await spans()).toEqual(before);
    const types = await rows<{ type: string }>(
      store,
      `SELECT DISTINCT type FROM system.columns WHERE database = 'before' AND name = 'tags'`,
    );
    expect(types.map(({ type }) => type)).toEqual(['Map(LowCardinality(String), LowCardinality(String))']);
    const operations = async (): Promise<unknown[]> =>
      rows(
        store,
        `SELECT service_name, span_kind, toUInt32(uniqExact(toDate(received_at))) AS days FROM service_operations
         GROUP BY service_name, span_kind ORDER BY service_name, span_kind`,
      );
    const all = [
      { service_name: 'a1111111-1111-4111-8111-111111111111', span_kind: 'internal', days: 30 },
      { service_name: 'named', span_kind: 'consumer', days: 30 },
      { service_name: 'tagged', span_kind: 'client', days: 30 },
      { service_name: 'tagged', span_kind: 'internal', days: 30 },
    ];
    expect(await operations()).toEqual(all);

    // Again, with days that are there already: only those up to the first of them are read, and nothing is doubled.
    await store.client.command({ query: "DELETE FROM schema_migrations WHERE name LIKE '0004%'" });
    await store.client.command({
      query: `ALTER TABLE service_operations DELETE WHERE received_at < now() - 86400 * 10.5 SETTINGS mutations_sync = 2`,
    });
    await store.migrate();
    await store.client.command({ query: 'OPTIMIZE TABLE service_operations FINAL' });
    expect(await operations()).toEqual(all);
    expect(await rows(store, 'SELECT toUInt32(count()) AS c FROM service_operations')).toEqual([{ c: 120 }]);
  });

  it('has a clustered form that ClickHouse parses, with the same tables', async () => {
    const store = open('fresh');
    const single = (await readMigrations('single', { database: 'd', cluster: '' })).flatMap(
      (m) => m.statements,
    );
    const clustered = (await readMigrations('clustered', { database: 'd', cluster: 'c1' })).flatMap(
      (m) => m.statements,
    );
    for (const statement of clustered) {
      const result = await store.client.query({
        query: 'SELECT formatQuery({sql:String}) AS formatted',
        query_params: { sql: statement },
        format: 'JSONEachRow',
      });
      const [row] = await result.json<{ formatted: string }>();
      // Rows go through the Distributed table, which knows the cluster.
      if (!statement.startsWith('INSERT INTO')) expect(row?.formatted).toContain('ON CLUSTER c1');
    }
    const names = (statements: string[], suffix: string): string[] =>
      statements.flatMap(
        (s) =>
          new RegExp(`CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\\w+?)${suffix}\\b`).exec(s)?.[1] ??
          [],
      );
    // Inserts only pass through span_intake.
    const sharded = names(single, '').filter((n) => !n.includes('_to_') && n !== 'span_intake');
    expect(new Set(names(clustered, ''))).toEqual(
      new Set([...names(single, ''), ...sharded.map((n) => `${n}_local`)]),
    );
    expect(clustered.filter((s) => s.includes('ENGINE = Replicated')).length).toBe(sharded.length);
    expect(clustered.filter((s) => s.includes('ENGINE = Distributed')).length).toBe(sharded.length);
  });
});

describe('splitStatements', () => {
  it('drops comments and keeps what stands between semicolons', () => {
    expect(splitStatements("-- a; b\nSELECT 1;\n\n-- c\nSELECT ';' ;\n")).toEqual(['SELECT 1', "SELECT ';'"]);
  });
});
