import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import { Registry } from 'prom-client';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '#dist/embedded/postgres/index.js';
import { createLogger } from '#dist/observability/log.js';

export const PASSWORD = 'a-password-of-the-tests';
export const log = createLogger({ level: 'silent', format: 'json' });

export interface TestPostgres {
  readonly server: EmbeddedPostgres;
  readonly dataDir: string;
  close(): Promise<void>;
}

/** A real embedded Postgres, up, on a data folder of its own that is gone after `close`. */
export async function startTestPostgres(
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<TestPostgres> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mplp-postgres-')));
  const server = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    password: PASSWORD,
    passwordIsNew: false,
    log,
    registry: new Registry(),
    ...options,
  });
  await until(() => server.state === 'up');
  return {
    server,
    dataDir,
    async close() {
      await server.close();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Asks with a plain client of its own. */
export async function ask<Row extends object>(url: string, statement: string): Promise<Row[]> {
  const database = decodeURIComponent(new URL(url).pathname.slice(1));
  const sql = postgres(url, { max: 1, database, onnotice: () => undefined });
  try {
    return [...(await sql.unsafe<Row[]>(statement))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

export async function until(isTrue: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !(await isTrue()); await delay(20))
    if (performance.now() > end) throw new Error(`never: ${isTrue.toString()}`);
}

export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
