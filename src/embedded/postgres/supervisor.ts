import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../observability/log.js';
import { chooseAccount } from './account.js';
import { locateBinaries } from './binaries.js';
import { DATABASE, prepareCluster, USERNAME } from './cluster.js';
import { stopOrphan } from './orphan.js';
import { startServer, type ServerProcess } from './server-process.js';

export interface EmbeddedPostgresOptions {
  /** The engine's data folder, whose lock the caller holds; the database lives in `postgres/` below it. */
  readonly dataDir: string;
  /** Port on loopback; 0 picks a free one, which is then kept over restarts of the server. */
  readonly port: number;
  /** Password of the one user. Keep it over starts. */
  readonly password: string;
  /** The password was made just now: a database that is there already gets it. */
  readonly passwordIsNew: boolean;
  readonly log: Logger;
  readonly registry: Registry;
}

export type EmbeddedPostgresState = 'starting' | 'up' | 'restarting' | 'failed' | 'closed';

export interface EmbeddedPostgres {
  /** `postgres://user:password@host:port/database`; holds the password, so it belongs in no log. */
  readonly url: string;
  readonly port: number;
  readonly pid: number | undefined;
  readonly state: EmbeddedPostgresState;
  /** Why it is not up; empty when it is. */
  readonly detail: string;
  /** Stops the server; its data is whole and written when this resolves. */
  close(): Promise<void>;
}

const MAX_BACKOFF_MS = 10_000;
const STABLE_MS = 60_000;
/** Failures after which the server counts as failed, and gets another port in case something else has taken its own. */
const PATIENCE = 4;

/**
 * Starts PostgreSQL as a child process and keeps it running: when it dies it is started again with the same address,
 * so that clients simply retry. Returns at once: whoever needs the server waits for it, and the engine does not end
 * because of it.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log, dataDir } = options;
  const folder = join(dataDir, 'postgres');
  const closing = new AbortController();
  const restarts = new Counter({
    name: 'mplp_embedded_postgres_restarts_total',
    help: 'Times that the embedded Postgres was started again after it had ended by itself.',
    registers: [options.registry],
  });
  let port = options.port === 0 ? await findFreePort() : options.port;
  let state: EmbeddedPostgresState = 'starting';
  let detail = 'the embedded Postgres is starting';
  let server: ServerProcess | undefined;
  let failures = 0;
  let { passwordIsNew } = options;

  /** One life of the server. Resolves with the reason when it has ended. */
  const runOnce = async (): Promise<string> => {
    const binaries = locateBinaries();
    const account = await chooseAccount(dataDir, binaries.folder);
    await stopOrphan(folder, log);
    const { signal } = closing;
    await prepareCluster({ folder, binaries, account, password: options.password, passwordIsNew, signal });
    passwordIsNew = false;
    signal.throwIfAborted();
    server = await startServer({ program: binaries.postgres, account, folder, port, log });
    if (signal.aborted) void server.stop();
    if (!(await server.ready())) return `it did not start (${await server.ended})`;
    const startedAt = performance.now();
    if (state !== 'closed') state = 'up';
    detail = '';
    log.info({ port, pid: server.pid }, 'the embedded Postgres is up');
    const reason = await server.ended;
    if (performance.now() - startedAt > STABLE_MS) failures = 0;
    return `it ended (${reason})`;
  };

  const supervise = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      let reason: string;
      try {
        reason = await runOnce();
      } catch (error) {
        reason = (error as Error).message;
      }
      server = undefined;
      if (closing.signal.aborted) return;
      failures += 1;
      state = failures > PATIENCE ? 'failed' : 'restarting';
      detail = `the embedded Postgres is down: ${reason}`;
      log.error({ failures }, `${detail}; it is started again`);
      if (options.port === 0 && failures > PATIENCE) port = await findFreePort();
      const waitMs = Math.min(MAX_BACKOFF_MS, 50 * 2 ** failures);
      await delay(waitMs, undefined, { signal: closing.signal }).catch(() => undefined);
      restarts.inc();
    }
  };
  const supervised = supervise();

  return {
    get url() {
      return `postgres://${USERNAME}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/${DATABASE}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return server?.pid;
    },
    get state() {
      return state;
    },
    get detail() {
      return detail;
    },
    async close() {
      state = 'closed';
      detail = 'the embedded Postgres is stopped';
      closing.abort();
      await server?.stop();
      await supervised;
    },
  };
}

/** A port that nothing listens on now. Whoever takes it in between makes the start fail, and the next one goes on. */
async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
