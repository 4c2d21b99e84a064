import { createClient, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { createBlockInserter, type InsertBlocks } from './block-insert.js';
import { readMigrations } from './migrations.js';
import { insertSettings, requiredTableSettings } from './settings.js';

export interface ClickHouseStoreOptions {
  /** Read at every use: an embedded server keeps its address, a remote one its configuration. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** Cluster name: replicated and distributed tables. */
  readonly cluster: string | undefined;
  /** Nobody else uses this server, as with the embedded one. */
  readonly isOurs?: boolean;
  readonly log: Logger;
}

export interface ClickHouseStore {
  readonly client: ClickHouseClient;
  readonly database: string;
  /** A client of its own with another default database; whoever asks closes it. */
  connect(database: string): ClickHouseClient;
  ping(): Promise<boolean>;
  /** Creates the database and brings the tables up to date; safe to repeat and to run from two engines at once. */
  migrate(): Promise<void>;
  /** Reads back what the acknowledgement contract relies on. @throws MplpError MPLP_ERR_STORE_SETTINGS */
  verifySettings(): Promise<void>;
  /** Deletes stored spans after so many days; 0 keeps them for ever. */
  applyRetention(days: number): Promise<void>;
  /** Resolves when ClickHouse has the rows durably. */
  insertBlocks(insert: InsertBlocks): Promise<void>;
  /** Stored rows with `first <= seq <= last`. */
  countSeqRange(first: bigint, last: bigint, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

const retentionTables = Object.keys(requiredTableSettings);

/** Says how texts lie in a part; servers that do not know it have no other way. */
const TEXT_SETTING = /string_serialization_version = '\w+', /;

/** Leaves out of a statement what this server does not know and does not need. */
async function readKnownSettings(client: ClickHouseClient): Promise<(statement: string) => string> {
  const result = await client.query({
    query: `SELECT count() AS known FROM system.merge_tree_settings WHERE name = 'string_serialization_version'`,
    format: 'JSONEachRow',
  });
  const [row] = await result.json<{ known: string | number }>();
  return Number(row?.known) > 0
    ? (statement) => statement
    : (statement) => statement.replace(TEXT_SETTING, '');
}

const RENAMED = '_renamed';
/** The views that fill our tables, also with their renaming broken off. Those that users made are theirs. */
const OUR_VIEW = new RegExp(`^[a-z_]+_to_(${Object.keys(requiredTableSettings).join('|')})(${RENAMED})?$`);

/**
 * The id by which a table knows an insert again holds the UUID of the view that fills it. ClickHouse (26.7) loses that UUID in
 * memory at `MODIFY QUERY` and has it again after its next start: a segment that is sent before that start and again after it
 * would count twice. A view that is renamed there and back has its UUID at once. Inserts of others could miss the view
 * meanwhile, so this is for a server of our own. A rename that broke off half-way is ended.
 */
async function renewViews(client: ClickHouseClient, haveChanged: boolean): Promise<void> {
  const result = await client.query({
    query: `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'`,
    format: 'JSONEachRow',
  });
  for (const { name } of await result.json<{ name: string }>()) {
    if (!OUR_VIEW.test(name)) continue;
    if (name.endsWith(RENAMED))
      await client.command({ query: `RENAME TABLE ${name} TO ${name.slice(0, -RENAMED.length)}` });
    else if (haveChanged)
      await client.command({
        query: `RENAME TABLE ${name} TO ${name}${RENAMED}, ${name}${RENAMED} TO ${name}`,
      });
  }
}

export function createClickHouseStore(options: ClickHouseStoreOptions): ClickHouseStore {
  const { database, log } = options;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(database)) {
    throw new MplpError(
      'MPLP_ERR_CONFIG_INVALID',
      `The ClickHouse database name ${JSON.stringify(database)} is not a plain name.`,
    );
  }
  const connect = (name: string | undefined): ClickHouseClient =>
    createClient({
      url: options.url,
      username: options.username,
      password: options.password,
      ...(name === undefined ? {} : { database: name }),
      application: 'mplp',
      request_timeout: 300_000,
      max_open_connections: 32,
      keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
      log: { level: 127 as never },
    });
  const client = connect(database);
  const inserter = createBlockInserter(options);
  let viewsMayBeStale = false;
  const local = (table: string): string => (options.cluster === undefined ? table : `${table}_local`);

  return {
    client,
    database,
    connect,
    async ping() {
      const result = await client.ping();
      return result.success;
    },

    async migrate() {
      const admin = connect(undefined);
      try {
        const onCluster = options.cluster === undefined ? '' : ` ON CLUSTER '${options.cluster}'`;
        await admin.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}${onCluster}` });
      } finally {
        await admin.close();
      }
      const form = options.cluster === undefined ? 'single' : 'clustered';
      await client.command({
        query: `CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY name`,
      });
      const applied = new Map<string, string>();
      const rows = await client.query({
        query: 'SELECT name, checksum FROM schema_migrations FINAL',
        format: 'JSONEachRow',
      });
      for (const row of await rows.json<{ name: string; checksum: string }>())
        applied.set(row.name, row.checksum);
      const withKnownSettings = await readKnownSettings(client);
      for (const migration of await readMigrations(form, { database, cluster: options.cluster ?? '' })) {
        const known = applied.get(migration.name);
        if (known === migration.checksum) continue;
        if (known !== undefined)
          log.warn(
            { migration: migration.name },
            'an applied migration has changed; it is left as it was applied',
          );
        if (known !== undefined) continue;
        // Every statement is idempotent, so a migration that broke off, or runs in two engines, is simply run again.
        for (const statement of migration.statements)
          await client.command({ query: withKnownSettings(statement) });
        await client.insert({
          table: 'schema_migrations',
          values: [{ name: migration.name, checksum: migration.checksum }],
          format: 'JSONEachRow',
        });
        log.info({ migration: migration.name }, 'migrated ClickHouse');
        viewsMayBeStale = true;
      }
      if (options.isOurs === true) await renewViews(client, viewsMayBeStale);
      viewsMayBeStale = false;
    },

    async verifySettings() {
      const result = await client.query({
        query: `SELECT name, create_table_query FROM system.tables WHERE database = {database:String}`,
        query_params: { database },
        format: 'JSONEachRow',
      });
      const tables = new Map(
        (await result.json<{ name: string; create_table_query: string }>()).map((row) => [
          row.name,
          row.create_table_query,
        ]),
      );
      const faults: string[] = [];
      for (const [table, settings] of Object.entries(requiredTableSettings)) {
        const create = tables.get(local(table));
        if (create === undefined) faults.push(`table ${local(table)} is missing`);
        else if (options.cluster === undefined) {
          for (const [name, expected] of Object.entries(settings)) {
            const found = Number(new RegExp(`\\b${name} = (\\d+)`).exec(create)?.[1]);
            if (!(found >= expected))
              faults.push(`${table}.${name} is ${Number.isNaN(found) ? 'not set' : found}, not ${expected}`);
          }
        }
      }
      const names = Object.keys(insertSettings);
      const effective = await client.query({
        query: `SELECT name, value FROM system.settings WHERE name IN ({names:Array(String)})`,
        query_params: { names },
        format: 'JSONEachRow',
        clickhouse_settings: insertSettings as ClickHouseSettings,
      });
      const values = new Map(
        (await effective.json<{ name: string; value: string }>()).map((row) => [row.name, row.value]),
      );
      for (const [name, expected] of Object.entries(insertSettings)) {
        const found = values.get(name);
        if (name === 'wait_end_of_query' || found === String(expected)) continue;
        faults.push(`setting ${name} is ${found ?? 'unknown'}, not ${expected}`);
      }
      if (faults.length > 0) {
        throw new MplpError(
          'MPLP_ERR_STORE_SETTINGS',
          `ClickHouse does not run as the engine needs it: ${faults.join('; ')}.`,
        );
      }
    },

    async applyRetention(days) {
      const result = await client.query({
        query: `SELECT name, create_table_query FROM system.tables WHERE database = {database:String}`,
        query_params: { database },
        format: 'JSONEachRow',
      });
      for (const row of await result.json<{ name: string; create_table_query: string }>()) {
        if (!retentionTables.some((table) => local(table) === row.name)) continue;
        const has = /\bTTL received_at \+ toIntervalDay\((\d+)\)/.exec(row.create_table_query)?.[1];
        if ((has === undefined ? 0 : Number(has)) === days) continue;
        const onCluster = options.cluster === undefined ? '' : ` ON CLUSTER '${options.cluster}'`;
        await client.command({
          query:
            days === 0
              ? `ALTER TABLE ${row.name}${onCluster} REMOVE TTL`
              : `ALTER TABLE ${row.name}${onCluster} MODIFY TTL received_at + toIntervalDay(${days})`,
          clickhouse_settings: { materialize_ttl_after_modify: 0 },
        });
      }
    },

    insertBlocks: (insert) => inserter.insert(insert),

    async countSeqRange(first, last, signal) {
      const result = await client.query({
        query: `SELECT count() AS rows FROM span_payloads WHERE seq BETWEEN {first:UInt64} AND {last:UInt64}`,
        query_params: { first: first.toString(), last: last.toString() },
        format: 'JSONEachRow',
        abort_signal: signal,
        clickhouse_settings: {
          select_sequential_consistency: options.cluster === undefined ? '0' : '1',
        } as ClickHouseSettings,
      });
      const [row] = await result.json<{ rows: string | number }>();
      return Number(row?.rows ?? 0);
    },

    async close() {
      inserter.close();
      await client.close();
    },
  };
}
