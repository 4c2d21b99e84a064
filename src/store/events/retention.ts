import type { PostgresStore, Sql } from '../postgres/index.js';

/** Rows of one transaction, so that none is long. */
const CHUNK_EVENTS = 2_000;
/** Of one clean-up; the next one goes on. */
const MAX_CHUNKS = 25;

/**
 * Removes events older than `retentionMs`, from the beginning of the log and nowhere else, and notes how far it has
 * come: what is left has no holes, and a reader that was further back can be told. Of two engines one does it.
 *
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE
 */
export async function removeOldEvents(store: PostgresStore, retentionMs: number): Promise<void> {
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const removed = await store.transaction((sql) => removeChunk(sql, retentionMs));
    if (removed < CHUNK_EVENTS) return;
  }
}

async function removeChunk(sql: Sql, retentionMs: number): Promise<number> {
  const [free] = await sql`SELECT 1 FROM outbox_horizon FOR UPDATE SKIP LOCKED`;
  if (free === undefined) return 0;
  const [edge] = await sql<{ transaction: string; sequence: string }[]>`
    WITH oldest AS (
      SELECT transaction_id, sequence,
        created_at >= clock_timestamp() - ${retentionMs}::double precision * interval '1 millisecond'
          OR transaction_id >= pg_snapshot_xmin(pg_current_snapshot()) AS is_kept
      FROM outbox ORDER BY outbox.transaction_id, outbox.sequence LIMIT ${CHUNK_EVENTS}
    ), judged AS (
      SELECT *, bool_or(is_kept) OVER (ORDER BY transaction_id, sequence) AS is_behind_kept FROM oldest
    )
    SELECT transaction_id::text AS transaction, sequence::text AS sequence FROM judged
    WHERE NOT is_behind_kept ORDER BY transaction_id DESC, judged.sequence DESC LIMIT 1`;
  if (edge === undefined) return 0;
  const { transaction, sequence } = edge;
  const removed = await sql`
    DELETE FROM outbox WHERE (transaction_id, sequence) <= (${transaction}::xid8, ${sequence}::bigint)`;
  await sql`UPDATE outbox_horizon SET transaction_id = ${transaction}, sequence = ${sequence}::bigint`;
  return removed.count;
}
