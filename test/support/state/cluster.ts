import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestPostgres, type TestPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../engine-process.js';
import { freePort, startTestRedis, type TestRedis } from '../redis-server.js';
import { until } from '../until.js';

export const ADMIN_KEY = 'admin-key-of-both-engines';
/** The embedded server waits twice as long after each death, until it has been up for a while. */
const MAX_KILLS_OF_A_SERVER = 3;

/** Two engines on one Postgres and one Redis, each a process that can be killed at any time. */
export interface StateCluster {
  readonly postgresUrl: string;
  readonly redis: TestRedis;
  readonly engines: readonly [EngineProcess, EngineProcess];
  /** SIGKILL; resolves when it is up again, on another port. */
  killEngine(at: number): Promise<void>;
  /** SIGKILL of the server; resolves when it is up again, on the same port. */
  killPostgres(): Promise<void>;
  close(): Promise<void>;
}

/** Spans have no part in it, so ClickHouse has none either. */
export async function startStateCluster(env: Readonly<Record<string, string>> = {}): Promise<StateCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'mplp-state-'));
  const port = await freePort();
  const ofPostgres = { dataDir: await mkdtemp(join(tmpdir(), 'mplp-postgres-')), port };
  const redis = await startTestRedis();
  let postgres: TestPostgres = await startTestPostgres(ofPostgres);
  let kills = 0;
  const postgresUrl = postgres.server.url;
  const start = (at: number): Promise<EngineProcess> =>
    startEngineWithState(
      {
        DATABASE_URL: postgresUrl,
        REDIS_URL: redis.url,
        CLICKHOUSE_URL: 'http://127.0.0.1:9',
        MPLP_ADMIN_KEY: ADMIN_KEY,
        ...env,
      },
      join(folder, `engine${at}`),
    );
  const engines = [await start(0), await start(1)] as [EngineProcess, EngineProcess];
  return {
    postgresUrl,
    redis,
    engines,
    async killEngine(at) {
      await engines[at]?.kill();
      engines[at] = await start(at);
    },
    async killPostgres() {
      const { pid } = postgres.server;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await until(() => postgres.server.state === 'up' && postgres.server.pid !== pid);
      if (++kills < MAX_KILLS_OF_A_SERVER) return;
      await postgres.close();
      postgres = await startTestPostgres(ofPostgres);
      kills = 0;
    },
    async close() {
      await Promise.all(engines.map((engine) => engine.close()));
      await redis.close();
      await postgres.close();
      for (const each of [folder, ofPostgres.dataDir]) await rm(each, { recursive: true, force: true });
    },
  };
}
