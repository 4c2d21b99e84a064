import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Config } from './config/index.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded/postgres/index.js';
import { MplpError } from './errors/index.js';
import type { PartState } from './http/index.js';
import type { Logger } from './observability/log.js';
import { loadSecret } from './security/index.js';
import { createPostgresStore, type PostgresStore } from './store/postgres/index.js';

const RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;
/** How often the start of the embedded server is looked at. */
const POLL_MS = 20;
/** A start that takes longer is one without Postgres. */
const MAX_START_MS = 10_000;
/** Tables of another version do not change by themselves. */
const SCHEMA_RETRY_MS = 30_000;

export interface EnginePostgres {
  readonly store: PostgresStore;
  /** Process of the embedded server. */
  readonly pid: number | undefined;
  /** For `/ready`. Asks Postgres itself a few times a minute at most. */
  part(): Promise<PartState>;
  /** Resolves when the tables are ready, when a first attempt failed, or after so much time. */
  waitForStart(timeoutMs: number): Promise<void>;
  /** To be called when nothing uses the store any more. */
  close(): Promise<void>;
}

/**
 * Postgres for the engine: the configured one or the embedded one, with its tables brought up to date in the background
 * as soon as it answers. Never fails because of Postgres: spans do not need it.
 */
export async function startEnginePostgres(
  config: Config,
  log: Logger,
  registry: Registry,
): Promise<EnginePostgres> {
  const embedded = config.databaseUrl === undefined ? await startEmbedded(config, log, registry) : undefined;
  const store = createPostgresStore({
    get url() {
      return embedded?.url ?? (config.databaseUrl as string);
    },
    log,
    registry,
  });
  const closing = new AbortController();
  let detail = 'Postgres is being prepared';
  let attempts = 0;
  let onAttempted = (): void => {};
  const attempted = new Promise<void>((resolve) => (onAttempted = resolve));
  const prepared = prepare();
  let isStarting = true;
  const started = (timeoutMs: number): Promise<unknown> => {
    const timeout = new AbortController();
    return Promise.race([
      prepared,
      attempted,
      delay(timeoutMs, undefined, { signal: timeout.signal, ref: false }).catch(() => undefined),
    ]).finally(() => timeout.abort());
  };
  void started(MAX_START_MS).then(() => (isStarting = false));

  async function prepare(): Promise<void> {
    let told = '';
    while (!closing.signal.aborted) {
      let waitMs = POLL_MS;
      // While the embedded server starts, its supervisor is the one to say so.
      if (embedded === undefined || embedded.state === 'up') {
        try {
          await store.migrate();
          log.info('Postgres is ready');
          return;
        } catch (error) {
          const isKnown = error instanceof MplpError;
          waitMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** attempts++);
          detail = isKnown ? error.message : 'the tables cannot be brought up to date; the log has the cause';
          if (!isKnown || error.code === 'MPLP_ERR_STORE_SCHEMA') waitMs = SCHEMA_RETRY_MS;
          const text = (error as Error).message;
          if (text !== told)
            log.error({ err: error }, 'Postgres is not ready; spans are taken in all the same');
          told = text;
          onAttempted();
        }
      }
      await delay(waitMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    store,
    get pid() {
      return embedded?.pid;
    },
    async part() {
      const of = (ok: boolean, text: string): PartState => ({
        name: 'postgres',
        ok,
        detail: text,
        // Whoever waits for a start waits for this too; afterwards spans can do without.
        optional: !isStarting,
      });
      if (embedded !== undefined && embedded.state !== 'up')
        return of(false, `the embedded Postgres is ${embedded.state}`);
      if (!store.isMigrated) return of(false, detail);
      return (await store.ping()) ? of(true, '') : of(false, 'Postgres does not answer');
    },
    async waitForStart(timeoutMs) {
      await started(timeoutMs);
    },
    async close() {
      closing.abort();
      await prepared;
      await store.close();
      await embedded?.close();
    },
  };
}

async function startEmbedded(config: Config, log: Logger, registry: Registry): Promise<EmbeddedPostgres> {
  const { key, created } = await loadSecret(join(config.dataDir, 'postgres-password'));
  return startEmbeddedPostgres({
    dataDir: config.dataDir,
    port: config.postgresPort,
    password: key,
    passwordIsNew: created,
    log,
    registry,
  });
}
