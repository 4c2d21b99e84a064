import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

export const REDIS_PASSWORD = 'a-password-of-the-tests';

/** Whether Redis can be run here. Where it cannot, the tests that need it are skipped, and say so. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) process.stderr.write('redis-server is not installed: the tests that need it are skipped\n');

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** A plain client of its own, to look and to do damage. */
  readonly client: Redis;
  /** Ends it with SIGKILL; what it held is gone. */
  kill(): Promise<void>;
  /** On the same port, empty. */
  restart(): Promise<void>;
  /** It answers nothing, and closes nothing. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface TestRedisOptions {
  readonly port?: number;
  /** Further arguments of redis-server. */
  readonly more?: readonly string[];
}

/** A real Redis on a free port, without persistence. */
export async function startTestRedis({ port: given, more = [] }: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'mplp-redis-'));
  const port = given ?? (await freePort());
  const url = `redis://:${REDIS_PASSWORD}@127.0.0.1:${port}/1`;
  let child: ChildProcess;
  let client: Redis;
  const start = async (): Promise<void> => {
    const settings = `--port ${port} --bind 127.0.0.1 --save  --appendonly no --requirepass ${REDIS_PASSWORD}`;
    child = spawn('redis-server', [...settings.split(' '), '--dir', folder, ...more], { stdio: 'ignore' });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
      client.on('error', () => undefined);
      if (
        await client.connect().then(
          () => true,
          () => false,
        )
      )
        return;
      await delay(20);
    }
  };
  const kill = async (): Promise<void> => {
    client.disconnect();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    url,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    get client() {
      return client;
    },
    kill,
    async restart() {
      await kill();
      await start();
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
