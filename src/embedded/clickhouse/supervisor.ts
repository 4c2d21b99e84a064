import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import type { ChildReport, ChildSetup } from './child.js';
import { serverArgs } from './server-args.js';

export interface EmbeddedClickHouseOptions {
  /** The engine's data folder; ClickHouse lives in `clickhouse/` below it. */
  readonly dataDir: string;
  /** Port on loopback; 0 picks a free one, which is then kept over restarts. */
  readonly port: number;
  readonly log: Logger;
  /** Password of the one user; random when not given. Keep it over restarts where other clients use the server. */
  readonly password?: string;
}

export type EmbeddedState = 'up' | 'restarting' | 'failed' | 'closed';

export interface EmbeddedClickHouse {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly port: number;
  readonly pid: number | undefined;
  readonly state: EmbeddedState;
  close(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
/** How long the first start is tried again. */
const FIRST_START_MS = 10_000;
const FIRST_START_RETRY_MS = 200;
const STOP_TIMEOUT_MS = 15_000;
const MAX_BACKOFF_MS = 10_000;

/**
 * Starts ClickHouse as a child process behind its own HTTP interface and keeps it running: when it dies it is
 * started again on the same port with the same password, so that clients simply retry.
 *
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE when the first start fails.
 */
export async function startEmbeddedClickHouse(
  options: EmbeddedClickHouseOptions,
): Promise<EmbeddedClickHouse> {
  const { log } = options;
  const setup: Omit<ChildSetup, 'port'> = {
    dataPath: join(options.dataDir, 'clickhouse'),
    host: '127.0.0.1',
    username: 'default',
    password: options.password ?? randomBytes(24).toString('base64url'),
    serverArgs: serverArgs(),
  };
  let state: EmbeddedState = 'restarting';
  let port = options.port;
  let child: ChildProcess | undefined;
  let failures = 0;

  const start = async (): Promise<void> => {
    const started = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'json',
      execArgv: [],
    });
    child = started;
    started.stderr?.on('data', (text: Buffer) =>
      log.warn(
        { clickhouse: text.toString('utf8').slice(0, 2000) },
        'embedded ClickHouse wrote to standard error',
      ),
    );
    const report = await firstReport(started, { ...setup, port });
    if ('failed' in report) {
      started.kill('SIGKILL');
      throw new MplpError(
        'MPLP_ERR_STORE_UNAVAILABLE',
        `The embedded ClickHouse did not start: ${report.failed}`,
      );
    }
    port = report.ready.port;
    state = 'up';
    const startedAt = Date.now();
    started.on('exit', (code, signal) => {
      if (state === 'closed') return;
      if (Date.now() - startedAt > 60_000) failures = 0;
      log.error({ code, signal }, 'embedded ClickHouse ended; it is started again');
      state = 'restarting';
      void restart();
    });
  };

  const restart = async (): Promise<void> => {
    while (state === 'restarting' || state === 'failed') {
      await delay(Math.min(MAX_BACKOFF_MS, 100 * 2 ** failures++), undefined, { ref: false });
      if ((state as EmbeddedState) === 'closed') return;
      try {
        await start();
        log.info({ port, pid: child?.pid }, 'embedded ClickHouse is up again');
        return;
      } catch (error) {
        state = failures > 5 ? 'failed' : 'restarting';
        log.error({ err: error }, 'embedded ClickHouse did not start');
      }
    }
  };

  // The child of an engine that was killed lets go of the data folder when it notices, which takes a moment.
  for (const until = Date.now() + FIRST_START_MS; ; await delay(FIRST_START_RETRY_MS)) {
    try {
      await start();
      break;
    } catch (error) {
      if (Date.now() > until) throw error;
      log.warn(
        { err: error },
        'embedded ClickHouse did not start yet; is the one of an earlier engine still ending?',
      );
    }
  }
  log.info({ port, pid: child?.pid }, 'embedded ClickHouse is up');
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    username: setup.username,
    password: setup.password,
    get port() {
      return port;
    },
    get pid() {
      return child?.pid;
    },
    get state() {
      return state;
    },
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      const stopping = child;
      if (stopping === undefined || stopping.exitCode !== null || stopping.signalCode !== null) return;
      const gone = once(stopping, 'exit');
      stopping.kill('SIGTERM');
      const timer = setTimeout(() => stopping.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

async function firstReport(child: ChildProcess, setup: ChildSetup): Promise<ChildReport> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => resolve({ failed: `no answer within ${READY_TIMEOUT_MS / 1000} s` }),
      READY_TIMEOUT_MS,
    );
    const settle = (report: ChildReport): void => {
      clearTimeout(timer);
      resolve(report);
    };
    child.once('message', (message) => settle(message as ChildReport));
    child.once('exit', (code, signal) =>
      settle({ failed: `the process ended (${signal ?? `exit code ${code}`})` }),
    );
    child.once('error', (error) => settle({ failed: error.message }));
    child.send(setup);
  });
}
