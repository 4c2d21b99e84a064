import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, startCli } from '../support/cli-process.js';
import { hasRedis, REDIS_PASSWORD, startTestRedis } from '../support/redis-server.js';

/** A port on which nobody listens: it was taken and given back. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mplp-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const commands = ['serve', 'doctor', 'demo', 'ingest', 'query', 'tail', 'trace', 'dead-letters'];

describe('help', () => {
  it('lists every command, the global options and the exit codes', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    for (const option of ['--url', '--key', '--data-dir', '--no-color', '--version'])
      expect(stdout).toContain(option);
    expect(stdout).toContain('Exit codes:');
  });

  it.each(commands)('of %s has examples', async (command) => {
    const { code, stdout } = await runCli([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: mplp ${command}`);
    expect(stdout).toMatch(/Examples:\n {2}\$ /);
  });

  it('of serve lists every flag of the engine', async () => {
    const { stdout } = await runCli(['serve', '--help']);
    for (const flag of ['--config', '--port', '--clickhouse-url', '--spool-max-bytes'])
      expect(stdout).toContain(flag);
  });
});

describe('exit codes', () => {
  it('are 2 for a wrong command line', async () => {
    const wrong = [
      ['no-such-command'],
      ['--url', 'nonsense', 'query', 'SELECT 1'],
      ['--url', 'ftp://127.0.0.1', 'tail'],
      ['query', '--no-such-option'],
      ['query', '--format', 'xml', 'SELECT 1'],
      ['query', '-p', 'no-equals-sign', 'SELECT 1'],
      ['trace'],
      ['trace', 'not-a-uuid'],
      ['ingest', 'spans.unknown'],
      ['ingest', '--batch-spans', '0', '-'],
      ['demo', '--rate', 'fast'],
      ['dead-letters', 'replay'],
      ['dead-letters', 'replay', '--all', 'some-id'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await runCli(args);
      expect([args, code]).toEqual([args, 2]);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: /);
    }
  });

  it('are 2 for a faulty configuration of serve, with every fault named', async () => {
    const { code, stderr } = await runCli(['serve', '--port', 'x', '--log-level', 'loud'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(/--port/);
    expect(stderr).toMatch(/--log-level/);
  });

  it('are 1 with advice when nobody answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const file = join(folder, 'spans.ndjson');
    await writeFile(file, '{}\n');
    const trace = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
    for (const args of [['query', 'SELECT 1'], ['tail'], ['trace', trace], ['dead-letters', 'list']]) {
      const { code, stderr } = await runCli(['--url', url, ...args]);
      expect([args, code]).toEqual([args, 1]);
      expect(stderr).toContain('ECONNREFUSED');
      expect(stderr).toContain('npm start');
    }
  });

  it('are 130 after Ctrl-C, also while a request is being retried', async () => {
    const file = join(folder, 'interrupted.ndjson');
    await writeFile(file, '{}\n');
    const cli = startCli(['ingest', file, '--url', `http://127.0.0.1:${await freePort()}`]);
    await cli.seen('Trying again');
    cli.child.kill('SIGINT');
    const { code, stderr } = await cli.result;
    expect(code).toBe(130);
    expect(stderr).not.toContain('error:');
  });
});

describe('an answer that is not the engine’s', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((_request, response) =>
      response.writeHead(404).end('<h1>nothing here</h1>'),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('is told as such', async () => {
    const { code, stderr } = await runCli(['query', 'SELECT 1'], { env: { MPLP_URL: url } });
    expect(code).toBe(1);
    expect(stderr).toContain('404');
    expect(stderr).toContain('--url');
  });
});

describe('doctor', () => {
  it('finds each part in order or says what to do', async () => {
    const env = { MPLP_PORT: String(await freePort()), MPLP_DATA_DIR: join(folder, 'data') };
    const { code, stdout } = await runCli(
      ['doctor', '--json', '--url', `http://127.0.0.1:${env.MPLP_PORT}`],
      { env },
    );
    const findings = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; name: string; advice?: string });
    const names = findings.map(({ name }) => name);
    for (const name of [
      'Node',
      'native addon',
      'configuration',
      'open files',
      'embedded ClickHouse',
      'embedded Postgres',
      'disk space',
      'disk sync',
      'engine',
      'port',
    ]) {
      expect(names).toContain(name);
    }
    for (const finding of findings) if (finding.level !== 'ok') expect(finding.advice).toBeTruthy();
    expect(code).toBe(findings.some(({ level }) => level === 'fail') ? 1 : 0);
  });

  it('fails on a faulty configuration and on an unreachable ClickHouse', async () => {
    const faulty = await runCli(['doctor'], { env: { MPLP_PORT: 'x' } });
    expect(faulty.code).toBe(1);
    expect(faulty.stdout).toMatch(/fail {2}configuration +MPLP_PORT/);
    const clickhouse = `http://user:secret@127.0.0.1:${await freePort()}/mplp`;
    const remote = await runCli(['doctor'], { env: { CLICKHOUSE_URL: clickhouse, MPLP_DATA_DIR: folder } });
    expect(remote.code).toBe(1);
    expect(remote.stdout).toMatch(/fail {2}ClickHouse /);
    expect(remote.stdout).not.toContain('secret');
    const database = `postgres://user:secret@127.0.0.1:${await freePort()}/mplp`;
    const away = await runCli(['doctor'], { env: { DATABASE_URL: database, MPLP_DATA_DIR: folder } });
    expect(away.code).toBe(1);
    expect(away.stdout).toMatch(/fail {2}Postgres .*ECONNREFUSED/);
    expect(away.stdout).not.toContain('secret');
    const cache = `redis://user:secret@127.0.0.1:${await freePort()}/0`;
    const absent = await runCli(['doctor'], { env: { REDIS_URL: cache, MPLP_DATA_DIR: folder } });
    expect(absent.code).toBe(1);
    expect(absent.stdout).toMatch(/fail {2}Redis .*ECONNREFUSED/);
    expect(absent.stdout).not.toContain('secret');
  });

  it.skipIf(!hasRedis)('finds Redis in order, or says what is wrong with it', async () => {
    const redis = await startTestRedis({ more: ['--maxmemory-policy', 'allkeys-lru'] });
    const lineOf = async (url: string) => {
      const { stdout } = await runCli(['doctor'], { env: { REDIS_URL: url, MPLP_DATA_DIR: folder } });
      return stdout.split('\n').find((line) => / {2}Redis /.test(line));
    };
    try {
      expect(await lineOf(redis.url)).toMatch(/^ok {4}Redis +version \d/);
      expect(await lineOf(redis.url.replace(REDIS_PASSWORD, 'wrong-password'))).toMatch(/^fail .*WRONGPASS/);
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
      expect(await lineOf(redis.url)).toMatch(/^warn .*takes nothing new/);
      await redis.client.replicaof('127.0.0.1', 9);
      expect(await lineOf(redis.url)).toMatch(/^fail .*replica/);
    } finally {
      await redis.close();
    }
  });
});
