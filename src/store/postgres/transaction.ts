import { randomUUID } from 'node:crypto';
import { MplpError } from '../../errors/index.js';
import {
  classifyPostgresError,
  isFromStandby,
  isRolledBack,
  postgresCode,
  storeUnavailable,
  toStoreError,
} from './error-class.js';
import { findOutcome, type Mark } from './outcome.js';
import type { SessionPool } from './session-pool.js';
import type { Session, Sql } from './session.js';

export interface TransactionOptions {
  readonly pool: SessionPool;
  /** After this time the connection is broken: Postgres would have given up the statement before. */
  readonly deadlineMs: number;
  /** How long a lost outcome is looked up. */
  readonly lookupMs: number;
  /** Without a mark a lost COMMIT is not looked up: for work that finds out by itself, when it runs again. */
  readonly hasMark: boolean;
  readonly onLookup: (outcome: 'committed' | 'abandoned' | 'unknown') => void;
  /** Called when a transaction that changed something is known to be committed, with what its work was given. */
  readonly onCommitted: (sql: Sql) => void;
}

const MAX_CONFLICTS = 3;
const NOTHING_CHANGED = '; nothing was changed';

/**
 * Runs work in a transaction. It is committed when this resolves, and was rolled back when this rejects, with one
 * exception that says so: a COMMIT whose answer is lost, while Postgres also cannot be asked what became of it.
 *
 * Work that loses against another transaction (serialization, deadlock) runs again, up to three times. It awaits its
 * statements and has no effects but those on the database.
 *
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE; with the member `outcome: "unknown"` in the case above.
 */
export async function runTransaction<T>(
  options: TransactionOptions,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(options, work);
    } catch (error) {
      if (classifyPostgresError(error) !== 'conflict' || attempt === MAX_CONFLICTS)
        throw toStoreError(error, NOTHING_CHANGED);
    }
  }
}

async function runOnce<T>(options: TransactionOptions, work: (sql: Sql) => Promise<T>): Promise<T> {
  const { pool } = options;
  const session = await pool.acquire();
  const timer = setTimeout(() => session.destroy(), options.deadlineMs);
  let result: T;
  let mark: Mark | undefined;
  try {
    try {
      await session.run((sql) => sql.unsafe('BEGIN'));
      result = await session.run(work);
      if (options.hasMark) mark = await session.run(writeMark);
    } catch (error) {
      await rollBack(session, error);
      // When the connection broke, whatever work made of that is not the reason.
      throw session.isDead ? toStoreError(brokenBy(error), NOTHING_CHANGED) : error;
    }
    try {
      await session.run((sql) => sql.unsafe('COMMIT'));
      if (mark !== undefined) options.onCommitted(session.sql);
      return result;
    } catch (error) {
      if (!session.isDead && classifyPostgresError(error) !== 'unavailable') throw error;
      session.destroy();
      // Nothing was written, so there is nothing to lose.
      if (options.hasMark && mark === undefined) return result;
      if (mark === undefined) throw error;
    }
  } finally {
    clearTimeout(timer);
    pool.release(session);
  }
  await assertCommitted(options, mark, session);
  return result;
}

/** What became of the changes of a statement. */
export type Answer<T> =
  | { readonly rows: T }
  /** The rows went down with the connection. One entry a mark: `undefined` when its change is committed. */
  | { readonly lost: readonly (MplpError | undefined)[] };

/**
 * Runs one statement that makes independent changes, outside of a transaction: one round trip instead of five. It gets a
 * mark for each change and must write the row `(mark, 'committed')` into `transaction_marks` exactly when it makes that
 * change.
 *
 * @throws MplpError as `runTransaction`: nothing was changed.
 */
export async function runStatement<T>(
  options: TransactionOptions,
  changes: number,
  run: (sql: Sql, marks: readonly string[]) => Promise<T>,
): Promise<Answer<T>> {
  for (let attempt = 1; ; attempt++) {
    const { pool } = options;
    const marks = Array.from({ length: changes }, () => randomUUID());
    const session = await pool.acquire();
    const timer = setTimeout(() => session.destroy(), options.deadlineMs);
    try {
      const rows = await session.run((sql) => run(sql, marks));
      options.onCommitted(session.sql);
      return { rows };
    } catch (error) {
      const kind = classifyPostgresError(error);
      if (kind === 'conflict' && attempt < MAX_CONFLICTS) continue;
      if (isFromStandby(error)) session.destroy();
      if (isRolledBack(error) || (!session.isDead && kind !== 'unavailable'))
        throw toStoreError(error, NOTHING_CHANGED);
      const wasSent = session.isConnected;
      session.destroy();
      if (!wasSent) throw toStoreError(brokenBy(error), NOTHING_CHANGED);
    } finally {
      clearTimeout(timer);
      pool.release(session);
    }
    const lookups = marks.map((id) => assertCommitted(options, { id }, session));
    const lost = await Promise.allSettled(lookups);
    return {
      lost: lost.map((found) => (found.status === 'fulfilled' ? undefined : (found.reason as MplpError))),
    };
  }
}

/** Resolves when the transaction of a mark was committed. @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
async function assertCommitted(options: TransactionOptions, mark: Mark, { sql }: Session): Promise<void> {
  const outcome = await findOutcome(options.pool, mark, options.lookupMs);
  options.onLookup(outcome);
  if (outcome === 'committed') return options.onCommitted(sql);
  if (outcome === 'abandoned')
    throw storeUnavailable(
      'The connection to Postgres broke before the change was committed; nothing was changed.',
    );
  throw storeUnavailable(
    'The connection to Postgres broke while the change was being committed, and Postgres cannot be asked what became ' +
      'of it: read the resource before repeating the request.',
    undefined,
    { outcome: 'unknown' },
  );
}

/** Writes the mark, unless the transaction has changed nothing. */
async function writeMark(sql: Sql): Promise<Mark | undefined> {
  const id = randomUUID();
  const [row] = await sql<{ pid: number; xid: string }[]>`
    INSERT INTO transaction_marks (id, outcome)
    SELECT ${id}, 'committed' WHERE pg_current_xact_id_if_assigned() IS NOT NULL
    RETURNING pg_backend_pid() AS pid, pg_current_xact_id()::xid::text AS xid`;
  return row === undefined ? undefined : { id, runner: row };
}

async function rollBack(session: Session, reason: unknown): Promise<void> {
  if (session.isDead) return;
  if (isFromStandby(reason)) return session.destroy();
  try {
    // There was no connection, or there is none any more, which the session may not know yet.
    if (['CONNECTION', 'CONNECT_', 'E'].some((start) => postgresCode(reason)?.startsWith(start) === true))
      return session.destroy();
    await session.run((sql) => sql.unsafe('ROLLBACK'));
  } catch {
    session.destroy();
  }
}

function brokenBy(error: unknown): unknown {
  return error instanceof MplpError || classifyPostgresError(error) === 'unavailable'
    ? error
    : Object.assign(new Error('the connection broke', { cause: error }), { code: 'CONNECTION_CLOSED' });
}
