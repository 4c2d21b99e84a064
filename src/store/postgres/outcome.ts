import { setTimeout as delay } from 'node:timers/promises';
import { postgresCode } from './error-class.js';
import type { SessionPool } from './session-pool.js';

/** What a transaction leaves behind in `transaction_marks`, and who wrote it. */
export interface Mark {
  readonly id: string;
  /** Process of the server that ran the transaction, and the transaction's number there, where they are known. */
  readonly runner?: { readonly pid: number; readonly xid: string };
}

const RETRY_MS = 100;
const LOCK_TIMEOUT_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Finds out what became of a transaction whose COMMIT went unanswered, by inserting its mark once more:
 * - the mark is there, so the transaction was committed;
 * - it is not there and ours is put in its place, so the transaction can never commit any more, not even when its
 *   COMMIT is still on its way;
 * - Postgres makes the insert wait, so the transaction still runs: its process is ended where it is known (elsewhere its
 *   time limits end it), and the question repeated.
 *
 * A number of a transaction (`pg_xact_status`) would not do: after a crash or a failover of the server, numbers that
 * were not yet on disk are given out again, and the answer would be about somebody else's transaction.
 */
export async function findOutcome(
  pool: SessionPool,
  mark: Mark,
  lookupMs: number,
): Promise<'committed' | 'abandoned' | 'unknown'> {
  for (const until = performance.now() + lookupMs; performance.now() < until; await delay(RETRY_MS)) {
    try {
      return await ask(pool, mark, until - performance.now());
    } catch (error) {
      if (postgresCode(error) === LOCK_NOT_AVAILABLE) await endBackend(pool, mark).catch(() => undefined);
      // Anything else means that Postgres cannot be asked now.
    }
  }
  return 'unknown';
}

async function ask(pool: SessionPool, { id }: Mark, remainingMs: number): Promise<'committed' | 'abandoned'> {
  const session = await pool.acquire();
  const timer = setTimeout(() => session.destroy(), Math.max(LOCK_TIMEOUT_MS, Math.min(remainingMs, 5_000)));
  try {
    return await session.run(async (sql) => {
      await sql.unsafe(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await sql`
      INSERT INTO transaction_marks (id, outcome) VALUES (${id}, 'abandoned')
      ON CONFLICT (id) DO NOTHING`;
      const [row] = await sql<{ outcome: 'committed' | 'abandoned' }[]>`
      SELECT outcome FROM transaction_marks WHERE id = ${id}`;
      if (row === undefined) throw new Error('the mark is gone');
      await sql.unsafe('RESET lock_timeout');
      return row.outcome;
    });
  } catch (error) {
    session.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    pool.release(session);
  }
}

/** Ends the process that runs the transaction, if it still does: a process number alone may be somebody else's by now. */
async function endBackend(pool: SessionPool, { runner }: Mark): Promise<void> {
  if (runner === undefined) return;
  const { pid, xid } = runner;
  const session = await pool.acquire();
  try {
    await session.run(
      (sql) => sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ${pid} AND backend_xid::text = ${xid}`,
    );
  } finally {
    pool.release(session);
  }
}
