import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '#dist/embedded/postgres/index.js';
import { ask, isAlive, log, PASSWORD, startTestPostgres, until } from './embedded-postgres.js';

const holder = fileURLToPath(new URL('./holder.mjs', import.meta.url));
const KEEP = 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer';
const isRoot = process.getuid?.() === 0;

describe('the embedded Postgres', () => {
  // Most tests share a folder, since to make a database takes longer than all that they do with it.
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'mplp-postgres-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  const pidFile = () => join(dataDir, 'postgres/postmaster.pid');
  const start = (options: object = {}) => startTestPostgres({ dataDir, ...options });

  it('starts as it is: durable, on loopback only, for whoever has the password, and ends whole', async () => {
    const postgres = await start();
    const { url, pid } = postgres.server;
    const settings = await ask<{ name: string; setting: string }>(
      url,
      `SELECT name, setting FROM pg_settings
       WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories', 'data_checksums')`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      data_checksums: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
    });
    await expect(ask(url.replace(PASSWORD, 'another-password-than-that'), 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o077).toBe(0);
    await postgres.close();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(pidFile())).toBe(false);
    await postgres.close();
  });

  it('is started again with the same address and all that was committed after kill -9', async () => {
    const postgres = await start();
    const { server } = postgres;
    const { url, pid } = server;
    await ask(url, KEEP);
    process.kill(pid as number, 'SIGKILL');
    await until(() => server.pid !== pid && server.state === 'up');
    expect(server.url).toBe(url);
    expect(await ask(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await postgres.close();
  });

  it('ends when its engine is killed, and the next engine finds everything', async () => {
    const first = await hold(dataDir);
    await ask(first.url, KEEP);
    first.child.kill('SIGKILL');
    await until(() => !isAlive(first.pid));
    const postgres = await start();
    expect(await ask(postgres.server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await postgres.close();
  });

  it('stops the server of an earlier engine that still runs', async () => {
    const first = await hold(dataDir);
    await ask(first.url, KEEP);
    // Stopped, the server cannot follow the guard; it goes on when the next engine sends its own signals.
    process.kill(first.pid, 'SIGSTOP');
    first.child.kill('SIGKILL');
    const next = start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isAlive(first.pid)).toBe(true);
    process.kill(first.pid, 'SIGCONT');
    const postgres = await next;
    await until(() => !isAlive(first.pid));
    expect(await ask(postgres.server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await postgres.close();
  });

  it('starts over a pid file whose number belongs to another process, and over a start that broke off', async () => {
    await (await start()).close();
    await writeFile(pidFile(), `${process.pid}\n${join(dataDir, 'postgres')}\n0\n0\n\n\n0 0\nready\n`);
    await mkdir(join(dataDir, 'postgres-new-broken/data'), { recursive: true });
    const postgres = await start();
    expect(postgres.server.pid).not.toBe(process.pid);
    expect((await readdir(dataDir)).sort()).toEqual(['postgres']);
    await postgres.close();
  });

  it('takes a new password when the old one is lost', async () => {
    await (await start()).close();
    const password = 'a-second-one-with-\'quotes"-in-it';
    const postgres = await start({ password, passwordIsNew: true });
    expect(await ask(postgres.server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.close();
    await (await start({ passwordIsNew: true })).close();
  });

  it('says what is wrong and goes on trying when the files are of another version', async () => {
    await (await start()).close();
    const version = join(dataDir, 'postgres/PG_VERSION');
    const text = await readFile(version, 'utf8');
    await writeFile(version, '17\n');
    const server = await startEmbeddedPostgres({
      ...{ dataDir, port: 0, password: PASSWORD, passwordIsNew: false, log },
      registry: new Registry(),
    });
    await until(() => /PostgreSQL 17/.test(server.detail));
    expect(server.state).toBe('restarting');
    await writeFile(version, text);
    await until(() => server.state === 'up');
    await server.close();
  });

  it('can be closed while it starts', async () => {
    const fresh = join(dataDir, 'fresh');
    await mkdir(fresh);
    for (const waitMs of [0, 150]) {
      const server = await startEmbeddedPostgres({
        ...{ dataDir: fresh, port: 0, password: PASSWORD, passwordIsNew: false, log },
        registry: new Registry(),
      });
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await server.close();
      expect(isAlive(server.pid)).toBe(false);
    }
  });

  it.runIf(isRoot)('starts for root where no other account can reach the files', async () => {
    await mkdir(join(dataDir, 'closed'), { mode: 0o700 });
    const below = join(dataDir, 'closed/engine');
    await mkdir(below, { mode: 0o700 });
    const postgres = await startTestPostgres({ dataDir: below });
    expect(await ask(postgres.server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await stat(join(below, 'postgres'))).uid).toBe(0);
    await postgres.close();
  });

  it.runIf(isRoot)('runs as an ordinary user as itself', async () => {
    const uid = 65_534;
    const own = join(dataDir, 'own');
    await chmod(dataDir, 0o711);
    await mkdir(own);
    await chown(own, uid, uid);
    const child = fork(holder, [own], {
      uid,
      gid: uid,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {},
    });
    const { url } = await firstMessage(child);
    expect(await ask(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await stat(join(own, 'postgres'))).uid).toBe(uid);
    child.send('close');
    await once(child, 'exit');
    expect(existsSync(join(own, 'postgres/postmaster.pid'))).toBe(false);
  });
});

/** Another process that has the embedded Postgres, as an engine has it. */
async function hold(dataDir: string): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const child = fork(holder, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return { child, ...(await firstMessage(child)) };
}

async function firstMessage(child: ChildProcess): Promise<{ url: string; pid: number }> {
  const [message] = (await once(child, 'message')) as [{ url: string; pid: number }];
  return message;
}
