import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readPostgresMigrations } from '#dist/store/postgres/index.js';
import {
  ask,
  startTestPostgres,
  until,
  type TestPostgres,
} from '../../embedded/postgres/embedded-postgres.js';
import { openStore } from './stores.js';

const script = fileURLToPath(new URL('./migrate.mjs', import.meta.url));

describe('migrations of Postgres', () => {
  let postgres: TestPostgres;
  let folder: string;
  let url: string;
  let databases = 0;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    folder = await mkdtemp(join(tmpdir(), 'mplp-migrations-'));
  });
  afterAll(async () => {
    await postgres.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    // A database that is not there yet: the migration makes it.
    url = postgres.server.url.replace(/mplp$/, `db_${++databases}`);
    await rm(folder, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), 'mplp-migrations-'));
  });

  const put = (name: string, text: string) => writeFile(join(folder, `${name}.sql`), text);
  const run = (): ChildProcess => spawn(process.execPath, [script, url, folder], { stdio: 'inherit' });
  const applied = async () =>
    (await ask<{ name: string }>(url, 'SELECT name FROM schema_migrations ORDER BY name')).map(
      ({ name }) => name,
    );
  const migrate = async () => {
    const opened = openStore(url, {}, await readPostgresMigrations(folder));
    try {
      await opened.store.migrate();
    } finally {
      await opened.close();
    }
  };

  it('are applied once when two engines start at once, each waiting for the other', async () => {
    await put(
      '0001_slow',
      'CREATE TABLE counted (n int); SELECT pg_sleep(0.3); INSERT INTO counted VALUES (1)',
    );
    await put('0002_more', 'INSERT INTO counted VALUES (2)');
    const codes = await Promise.all(
      [run(), run()].map(async (child) => ((await once(child, 'exit')) as [number])[0]),
    );
    expect(codes).toEqual([0, 0]);
    expect(await applied()).toEqual(['0001_slow', '0002_more']);
    expect(await ask(url, 'SELECT n FROM counted ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('leave nothing of one that was interrupted, and go on there', async () => {
    await put('0001_first', 'CREATE TABLE first (n int)');
    await put('0002_second', 'CREATE TABLE second (n int); SELECT pg_sleep(60); CREATE TABLE third (n int)');
    const child = run();
    await until(async () => {
      const rows = await ask(
        postgres.server.url,
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%CREATE TABLE second%' AND state = 'active' AND pid <> pg_backend_pid()`,
      );
      return rows.length > 0;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await applied()).toEqual(['0001_first']);
    // The server notices late that nobody listens; an engine that starts meanwhile waits for its lock.
    await ask(
      postgres.server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
    );
    await put('0002_second', 'CREATE TABLE second (n int); CREATE TABLE third (n int)');
    await migrate();
    expect(await applied()).toEqual(['0001_first', '0002_second']);
    expect(await ask(url, 'SELECT n FROM third')).toEqual([]);
  });

  it('refuse tables of a newer engine, and files that have changed', async () => {
    await put('0001_first', 'CREATE TABLE first (n int)');
    await put('0002_second', 'CREATE TABLE second (n int)');
    await migrate();
    await rm(join(folder, '0002_second.sql'));
    await expect(migrate()).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_SCHEMA',
      message: expect.stringMatching(/newer engine.*0002_second/) as string,
    });
    await put('0002_second', 'CREATE TABLE second (n int, m int)');
    await expect(migrate()).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_SCHEMA',
      message: expect.stringMatching(/changed.*0002_second/) as string,
    });
  });

  it('of a faulty file fail whole, with the error of Postgres', async () => {
    await put('0001_faulty', 'CREATE TABLE first (n int); CREATE TABEL second (n int)');
    await expect(migrate()).rejects.toMatchObject({ code: '42601' });
    await put('0001_faulty', 'CREATE TABLE first (n int); CREATE TABLE second (n int)');
    await migrate();
    expect(await applied()).toEqual(['0001_faulty']);
  });
});
