import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MplpError } from '../../errors/index.js';
import type { Sql } from './session.js';

export interface Migration {
  /** `0001_create_state_tables` */
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

const folder = fileURLToPath(new URL('../../../schemas/postgres/', import.meta.url));
/** `mplp` as bytes: one engine migrates at a time, others wait. */
const LOCK_KEY = 0x6d_70_6c_70;
const LOCK_WAIT_MS = 60_000;

/** The ordered migrations of a folder; those of the engine when none is named. */
export async function readPostgresMigrations(from: string = folder): Promise<Migration[]> {
  const files = (await readdir(from)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(from, file), 'utf8');
      return {
        name: file.slice(0, -'.sql'.length),
        checksum: createHash('sha256').update(text).digest('hex'),
        text,
      };
    }),
  );
}

export type RunInTransaction = <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;

/**
 * Brings the tables up to date. Each migration is one transaction with its row in `schema_migrations`, under a lock of
 * the database: one that breaks off leaves nothing, and of two engines one waits and then finds the work done.
 *
 * @throws MplpError MPLP_ERR_STORE_SCHEMA when the tables are of a newer engine, or an applied migration was changed.
 */
export async function migrate(
  run: RunInTransaction,
  migrations: readonly Migration[],
  onApplied: (name: string) => void,
): Promise<void> {
  const applied = await run(async (sql) => {
    const [table] = await sql<
      { exists: boolean }[]
    >`SELECT to_regclass('schema_migrations') IS NOT NULL AS exists`;
    return table?.exists === true ? readApplied(sql) : new Map<string, string>();
  });
  check(applied, migrations);
  if (migrations.every(({ name }) => applied.has(name))) return;
  for (const migration of migrations) {
    const isNew = await run(async (sql) => {
      await sql.unsafe(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL statement_timeout = 0`);
      await sql`SELECT pg_advisory_xact_lock(${LOCK_KEY})`;
      await sql.unsafe(`CREATE TABLE IF NOT EXISTS schema_migrations (
        name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
      const now = await readApplied(sql);
      check(now, migrations);
      if (now.has(migration.name)) return false;
      await sql.unsafe(migration.text);
      await sql`INSERT INTO schema_migrations (name, checksum) VALUES (${migration.name}, ${migration.checksum})`;
      return true;
    });
    if (isNew) onApplied(migration.name);
  }
}

async function readApplied(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; checksum: string }[]>`SELECT name, checksum FROM schema_migrations`;
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function check(applied: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const known = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const newer = [...applied.keys()].filter((name) => !known.has(name)).sort();
  if (newer.length > 0) {
    throw new MplpError(
      'MPLP_ERR_STORE_SCHEMA',
      `The Postgres tables are of a newer engine: it applied ${newer.join(', ')}, which this one does not know. Start that version.`,
    );
  }
  const changed = [...applied]
    .filter(([name, checksum]) => known.get(name) !== checksum)
    .map(([name]) => name);
  if (changed.length > 0) {
    throw new MplpError(
      'MPLP_ERR_STORE_SCHEMA',
      `The files of applied Postgres migrations have changed since: ${changed.join(', ')}. Put them back as they were, and add a new one.`,
    );
  }
}
