import { Counter, Gauge, type Registry } from 'prom-client';
import { MplpError } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { postgresCode, storeUnavailable, toStoreError } from './error-class.js';
import { migrate, readPostgresMigrations, type Migration } from './migrations.js';
import { createSessionPool } from './session-pool.js';
import { addressOf, openSession, type Session, type Sql } from './session.js';
import { runStatement, runTransaction, type Answer, type TransactionOptions } from './transaction.js';

export interface PostgresStoreOptions {
  /** Read whenever a connection is opened: an embedded server may have got another port. */
  readonly url: string;
  readonly log: Logger;
  readonly registry: Registry;
  readonly limits?: Partial<PostgresLimits>;
}

/** Bounds on how long anything waits for Postgres. */
export interface PostgresLimits {
  readonly maxSessions: number;
  readonly connectTimeoutMs: number;
  /** Longest wait for a connection that is in use. */
  readonly acquireTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** Longest transaction, or statement outside of one, until the connection counts as dead. */
  readonly deadlineMs: number;
  /** How long the outcome of a lost COMMIT is looked up. */
  readonly lookupMs: number;
  readonly idleTimeoutMs: number;
}

export const defaultPostgresLimits: PostgresLimits = {
  maxSessions: 20,
  connectTimeoutMs: 3_000,
  acquireTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  lockTimeoutMs: 5_000,
  deadlineMs: 15_000,
  lookupMs: 20_000,
  idleTimeoutMs: 30_000,
};

export interface PostgresStore {
  /** The tables are up to date; before that, `query` and `transaction` answer 503. */
  readonly isMigrated: boolean;
  /**
   * Runs statements outside of a transaction: single reads. When the connection breaks, what became of a change is not
   * known, so changes go through `transaction`.
   *
   * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE, with Retry-After
   */
  query<T>(run: (sql: Sql) => Promise<T>): Promise<T>;
  /** See `runTransaction`: resolved is committed, rejected is rolled back. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** See `runStatement`: one statement that makes `changes` changes and writes a mark for each. */
  statement<T>(changes: number, run: (sql: Sql, marks: readonly string[]) => Promise<T>): Promise<Answer<T>>;
  /**
   * Creates the database when it is missing and brings its tables up to date; safe to repeat and to run from two engines at
   * once.
   *
   * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE, MPLP_ERR_STORE_SCHEMA
   */
  migrate(): Promise<void>;
  /**
   * Calls back after every transaction that has changed something and is committed, with the `sql` that its work was
   * given. Must not throw. Gives the function that ends it.
   */
  onCommitted(listener: (sql: Sql) => void): () => void;
  /**
   * A connection beside the pool, for what outlives a statement: LISTEN and locks of a session. It opens with its first
   * statement and never again; whoever opens it bounds the time of its statements and closes it before the store.
   */
  openSession(options: DedicatedSessionOptions): Session;
  /** Whether Postgres answers; asks it only when nothing has been heard of it for a while. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

export interface DedicatedSessionOptions {
  /** Called once, when the connection is gone. */
  readonly onDead: () => void;
  readonly onNotify?: ((channel: string, payload: string) => void) | undefined;
}

const NO_SUCH_DATABASE = '3D000';
const DUPLICATE_DATABASE = '42P04';
/** Answers younger than this stand for a ping. */
const PING_FRESH_MS = 15_000;
const MIGRATION_DEADLINE_MS = 600_000;
/** Marks of transactions older than this cannot be asked for any more. */
const MARK_RETENTION = '10 minutes';
/** Requests that come with the same key are answered alike for so long. */
export const IDEMPOTENCY_KEY_LIFETIME = '24 hours';
const CLEANUP_MS = 300_000;

/** State of the modules. Nothing connects until it is used, and nothing is asked while nobody asks. */
export function createPostgresStore(
  options: PostgresStoreOptions,
  migrations?: readonly Migration[],
): PostgresStore {
  const { log } = options;
  const limits: PostgresLimits = { ...defaultPostgresLimits, ...options.limits };
  const metrics = createStoreMetrics(options.registry);
  let isMigrated = false;
  let heardAt = -Infinity;
  let lostSessions = 0;
  const commitListeners = new Set<(sql: Sql) => void>();
  let cleanedAt = performance.now();
  const pool = createSessionPool({
    ...limits,
    url: () => options.url,
    onLost: () => (heardAt = -Infinity),
  });
  metrics.observe(() => pool.counts);

  /** Keeps what is known of Postgres up to date by what any use of it shows. */
  const heard = async <T>(use: Promise<T>): Promise<T> => {
    try {
      const result = await use;
      heardAt = performance.now();
      metrics.up.set(1);
      return result;
    } catch (error) {
      if (error instanceof MplpError && error.code === 'MPLP_ERR_STORE_UNAVAILABLE') metrics.up.set(0);
      throw error;
    }
  };

  const withSession = async <T>(run: (sql: Sql) => Promise<T>): Promise<T> => {
    const session = await pool.acquire();
    const timer = setTimeout(() => session.destroy(), limits.deadlineMs);
    try {
      return await session.run(run);
    } catch (error) {
      throw toStoreError(error);
    } finally {
      clearTimeout(timer);
      pool.release(session);
    }
  };

  const changeOptions: TransactionOptions = {
    pool,
    deadlineMs: limits.deadlineMs,
    lookupMs: limits.lookupMs,
    hasMark: true,
    onCommitted: (sql) => commitListeners.forEach((listener) => listener(sql)),
    onLookup: (outcome) => {
      metrics.lookups.inc({ outcome });
      log.warn({ outcome }, 'the answer to a COMMIT was lost; its outcome was looked up');
    },
  };
  const migrationOptions = { ...changeOptions, deadlineMs: MIGRATION_DEADLINE_MS, hasMark: false };

  /** Marks and idempotency keys that nobody can ask for are deleted now and then, by whoever uses the store. */
  const cleanUpSometimes = (): void => {
    if (performance.now() - cleanedAt < CLEANUP_MS) return;
    cleanedAt = performance.now();
    withSession((sql) =>
      sql.unsafe(`
        DELETE FROM transaction_marks WHERE created_at < now() - interval '${MARK_RETENTION}';
        DELETE FROM idempotency_keys WHERE created_at < now() - interval '${IDEMPOTENCY_KEY_LIFETIME}'`),
    ).catch((error: unknown) => log.warn({ err: error }, 'what had run out was not deleted'));
  };

  const assertMigrated = (): void => {
    if (!isMigrated)
      throw storeUnavailable('Postgres is not ready yet: its tables are being brought up to date.');
  };

  return {
    get isMigrated() {
      return isMigrated;
    },
    async query(run) {
      assertMigrated();
      return heard(withSession(run));
    },
    async transaction(work) {
      assertMigrated();
      const result = await heard(runTransaction(changeOptions, work));
      cleanUpSometimes();
      return result;
    },
    async statement(changes, run) {
      assertMigrated();
      const result = await heard(runStatement(changeOptions, changes, run));
      cleanUpSometimes();
      return result;
    },
    async migrate() {
      const known = migrations ?? (await readPostgresMigrations());
      const run = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
        heard(runTransaction(migrationOptions, work));
      const apply = (): Promise<void> =>
        migrate(run, known, (name) => log.info({ migration: name }, 'migrated Postgres'));
      try {
        await apply();
      } catch (error) {
        if (postgresCode((error as Error).cause) !== NO_SUCH_DATABASE) throw error;
        await createDatabase(options.url, limits);
        await apply();
      }
      isMigrated = true;
    },
    async ping() {
      if (performance.now() - heardAt < PING_FRESH_MS) return true;
      try {
        await heard(withSession((sql) => sql`SELECT 1`));
        return true;
      } catch {
        return false;
      }
    },
    onCommitted(listener) {
      commitListeners.add(listener);
      return () => void commitListeners.delete(listener);
    },
    openSession({ onDead, onNotify }) {
      return openSession({
        ...limits,
        url: options.url,
        attempt: lostSessions,
        onDead() {
          lostSessions++;
          heardAt = -Infinity;
          onDead();
        },
        onNotify,
      });
    },
    close: () => pool.close(),
  };
}

/** From the database that every server has. */
async function createDatabase(url: string, limits: PostgresLimits): Promise<void> {
  const name = addressOf(url).database;
  const session = openSession({ ...limits, url, database: 'postgres', attempt: 0, onDead: () => undefined });
  try {
    await session.sql.unsafe(`CREATE DATABASE "${name.replaceAll('"', '""')}" TEMPLATE template0`);
  } catch (error) {
    // Another engine was faster; the second name is that of a race within Postgres.
    const code = postgresCode(error) ?? '';
    if ([DUPLICATE_DATABASE, '23505'].includes(code)) return;
    throw storeUnavailable(
      `There is no database ${JSON.stringify(name)}, and it cannot be created (${code}).`,
      error,
    );
  } finally {
    await session.close();
  }
}

function createStoreMetrics(registry: Registry) {
  const registers = [registry];
  let counts = (): { idle: number; busy: number } => ({ idle: 0, busy: 0 });
  const up = new Gauge({
    name: 'mplp_postgres_up',
    help: 'Whether Postgres answered when it was last used: 1 or 0.',
    registers,
  });
  new Gauge({
    name: 'mplp_postgres_connections',
    help: 'Connections to Postgres: busy, idle.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(counts())) this.set({ state }, count);
    },
  });
  const lookups = new Counter({
    name: 'mplp_postgres_lost_commits_total',
    help: 'COMMITs whose answer was lost, by what the lookup found: committed, abandoned, unknown.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['committed', 'abandoned', 'unknown']) lookups.inc({ outcome }, 0);
  return { up, lookups, observe: (read: typeof counts) => void (counts = read) };
}
