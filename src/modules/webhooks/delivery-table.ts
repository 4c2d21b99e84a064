import type { PostgresStore, Sql } from '../../store/postgres/index.js';
import type { DeliverableWebhook, DeliveryRecord, StoredDelivery, Webhook } from './contract.js';
import { toWebhook, webhookColumns, type WebhookRow } from './webhook-table.js';

/** Attempts that are kept of one webhook. */
export const KEPT_DELIVERIES = 100;

type Key = Pick<Webhook, 'projectId' | 'id' | 'version'>;

/** Every active webhook of every project, with where its delivery stands. */
export async function readDeliverable(store: PostgresStore): Promise<readonly DeliverableWebhook[]> {
  const rows = await store.query(
    (sql) => sql<(WebhookRow & { secret: string; cursor: string; retry_in_ms: number })[]>`
      SELECT ${sql.unsafe(webhookColumns)}, secret,
        cursor_transaction_id::text || '-' || cursor_sequence::text AS cursor,
        coalesce(extract(epoch FROM retry_at - clock_timestamp()) * 1000, 0)::float8 AS retry_in_ms
      FROM webhooks WHERE status = 'active' ORDER BY project_id, id`,
  );
  return rows.map((row) => ({
    ...toWebhook(row),
    secret: row.secret,
    cursor: row.cursor,
    retryInMs: row.retry_in_ms,
  }));
}

/** Notes that everything up to the cursor is done. A cursor never goes back, whoever else delivers. */
export function noteProgress(
  store: PostgresStore,
  key: Key,
  cursor: string,
  records: readonly DeliveryRecord[],
): Promise<void> {
  const [transaction = '', sequence = ''] = cursor.split('-');
  const hasSucceeded = records.some(({ outcome }) => outcome === 'delivered');
  return store.transaction(async (sql) => {
    if (!(await isThere(sql, key))) return;
    await sql`
      UPDATE webhooks SET cursor_transaction_id = ${transaction}, cursor_sequence = ${sequence}
      WHERE project_id = ${key.projectId} AND id = ${key.id}
        AND (cursor_transaction_id, cursor_sequence) < (${transaction}::xid8, ${sequence}::bigint)`;
    if (hasSucceeded)
      await sql`
        UPDATE webhooks SET failure_count = 0, failing_since = NULL, retry_at = NULL
        WHERE project_id = ${key.projectId} AND id = ${key.id} AND version = ${key.version} AND failure_count > 0`;
    await insertRecords(sql, key, records);
  });
}

/**
 * Notes a failure and when the next attempt may be made.
 *
 * @returns how long the webhook has been failing, in milliseconds by the clock of Postgres.
 */
export function noteFailure(
  store: PostgresStore,
  key: Key,
  failureCount: number,
  retryInMs: number,
  records: readonly DeliveryRecord[],
): Promise<number> {
  return store.transaction(async (sql) => {
    if (!(await isThere(sql, key))) return 0;
    const [row] = await sql<{ failing_ms: number }[]>`
      UPDATE webhooks SET failure_count = ${failureCount},
        failing_since = CASE WHEN ${failureCount === 1} THEN now() ELSE coalesce(failing_since, now()) END,
        retry_at = now() + ${retryInMs}::double precision * interval '1 millisecond'
      WHERE project_id = ${key.projectId} AND id = ${key.id} AND version = ${key.version}
      RETURNING (extract(epoch FROM now() - failing_since) * 1000)::float8 AS failing_ms`;
    await insertRecords(sql, key, records);
    return row?.failing_ms ?? 0;
  });
}

/** Newest first. */
export async function listDeliveries(
  store: PostgresStore,
  projectId: string,
  webhookId: string,
  before: number | undefined,
  limit: number,
): Promise<{ deliveries: readonly StoredDelivery[]; next: number | undefined }> {
  const rows = await store.query(
    (sql) => sql<DeliveryRow[]>`
      SELECT sequence, event_id, event_type, outcome, status_code, error, duration_ms, attempted_at
      FROM webhook_deliveries WHERE project_id = ${projectId} AND webhook_id = ${webhookId}
        AND sequence < ${before ?? Number.MAX_SAFE_INTEGER}
      ORDER BY sequence DESC LIMIT ${limit + 1}`,
  );
  const page = rows.slice(0, limit);
  return {
    deliveries: page.map((row) => ({
      eventId: row.event_id,
      eventType: row.event_type,
      outcome: row.outcome,
      statusCode: row.status_code ?? undefined,
      error: row.error ?? undefined,
      durationMs: row.duration_ms ?? undefined,
      attemptedAt: row.attempted_at.toISOString(),
    })),
    next: rows.length > limit ? page.at(-1)?.sequence : undefined,
  };
}

interface DeliveryRow {
  readonly sequence: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly outcome: DeliveryRecord['outcome'];
  readonly status_code: number | null;
  readonly error: string | null;
  readonly duration_ms: number | null;
  readonly attempted_at: Date;
}

/** Keeps the webhook from being deleted until the transaction ends. */
async function isThere(sql: Sql, key: Key): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM webhooks WHERE project_id = ${key.projectId} AND id = ${key.id} FOR NO KEY UPDATE`;
  return rows.length > 0;
}

async function insertRecords(sql: Sql, key: Key, records: readonly DeliveryRecord[]): Promise<void> {
  if (records.length === 0) return;
  const rows = records.slice(-KEPT_DELIVERIES).map((record) => ({
    event_id: record.eventId,
    event_type: record.eventType,
    outcome: record.outcome,
    status_code: record.statusCode ?? null,
    error: record.error ?? null,
    duration_ms: record.durationMs ?? null,
  }));
  await sql`
    INSERT INTO webhook_deliveries
      (project_id, webhook_id, version, event_id, event_type, outcome, status_code, error, duration_ms)
    SELECT ${key.projectId}, ${key.id}::uuid, ${key.version}::bigint, r.event_id, r.event_type, r.outcome, r.status_code,
      r.error, r.duration_ms
    FROM jsonb_to_recordset(${sql.json(rows)}) AS r
      (event_id text, event_type text, outcome text, status_code integer, error text, duration_ms integer)`;
  await sql`
    DELETE FROM webhook_deliveries WHERE project_id = ${key.projectId} AND webhook_id = ${key.id} AND sequence <= (
      SELECT sequence FROM webhook_deliveries WHERE project_id = ${key.projectId} AND webhook_id = ${key.id}
      ORDER BY sequence DESC OFFSET ${KEPT_DELIVERIES} LIMIT 1)`;
}
