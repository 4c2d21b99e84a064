import { MplpError } from '../../errors/index.js';
import { appendEvent, END_OF_LOG } from '../../store/events/index.js';
import {
  newestFirst,
  pageOfRows,
  POSITION_COLUMN,
  type ListPosition,
  type PostgresStore,
  type Sql,
} from '../../store/postgres/index.js';
import type { DisabledReason, Webhook, WebhookSettings } from './contract.js';

/** One project must not be able to keep the engine busy with requests to nowhere. */
const MAX_WEBHOOKS = 100;

export interface WebhookRow {
  readonly project_id: string;
  readonly id: string;
  readonly version: number;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly string[];
  readonly status: 'active' | 'disabled';
  readonly disabled_reason: DisabledReason | null;
  readonly failure_count: number;
  readonly failing_since: Date | null;
  readonly created_by: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const webhookColumns = `project_id, id, version, url, description, types, status, disabled_reason,
  failure_count, failing_since, created_by, created_at, updated_at`;

export function toWebhook(row: WebhookRow): Webhook {
  return {
    projectId: row.project_id,
    id: row.id,
    version: row.version,
    url: row.url,
    description: row.description ?? undefined,
    types: row.types,
    status: row.status,
    disabledReason: row.disabled_reason ?? undefined,
    failureCount: row.failure_count,
    failingSince: row.failing_since?.toISOString(),
    createdBy: row.created_by ?? undefined,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** @throws MplpError MPLP_ERR_WEBHOOKS_LIMIT, MPLP_ERR_STORE_UNAVAILABLE */
export function insertWebhook(
  store: PostgresStore,
  projectId: string,
  settings: WebhookSettings,
  secret: string,
  actor: string,
): Promise<Webhook> {
  const { url, description, types, status } = settings;
  return store.transaction(async (sql) => {
    // Two at a time could both find room for one.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`webhooks of ${projectId}`}, 0))`;
    const [room] = await sql<{ count: number }[]>`
      SELECT count(*) AS count FROM webhooks WHERE project_id = ${projectId}`;
    if ((room?.count ?? 0) >= MAX_WEBHOOKS)
      throw new MplpError('MPLP_ERR_WEBHOOKS_LIMIT', `A project may have ${MAX_WEBHOOKS} webhooks.`);
    const [row] = await sql<WebhookRow[]>`
      INSERT INTO webhooks (project_id, url, description, types, secret, status, disabled_reason, created_by,
        cursor_transaction_id, cursor_sequence)
      SELECT ${projectId}, ${url}, ${description ?? null}, ${sql.json([...types])}::jsonb, ${secret}, ${status},
        ${status === 'disabled' ? 'requested' : null}, ${actor}, transaction_id, sequence
      FROM (${sql.unsafe(END_OF_LOG)}) AS log_end
      RETURNING ${sql.unsafe(webhookColumns)}`;
    const webhook = toWebhook(row as WebhookRow);
    await tell(sql, webhook, 'webhook.created', actor);
    return webhook;
  });
}

/** Newest first. */
export async function listWebhooks(
  store: PostgresStore,
  projectId: string,
  after: ListPosition | undefined,
  limit: number,
): Promise<{ webhooks: readonly Webhook[]; next: ListPosition | undefined }> {
  const rows = await store.query(
    (sql) => sql<(WebhookRow & { at: string })[]>`
      SELECT ${sql.unsafe(webhookColumns)}, ${sql.unsafe(POSITION_COLUMN)}
      FROM webhooks WHERE project_id = ${projectId} ${newestFirst(sql, after, limit)}`,
  );
  const { page, next } = pageOfRows(rows, limit);
  return { webhooks: page.map(toWebhook), next };
}

/** @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND */
export async function readWebhook(
  store: PostgresStore,
  projectId: string,
  id: string,
): Promise<Webhook & { readonly secret: string }> {
  const [row] = await store.query(
    (sql) => sql<(WebhookRow & { secret: string })[]>`
      SELECT ${sql.unsafe(webhookColumns)}, secret FROM webhooks WHERE project_id = ${projectId} AND id = ${id}`,
  );
  if (row === undefined) throw notFound(id);
  return { ...toWebhook(row), secret: row.secret };
}

/**
 * Replaces the settings. One that is switched on again goes on where it was, with a clean record.
 *
 * @param version that it must have; any when `undefined`
 * @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED
 */
export function updateWebhook(
  store: PostgresStore,
  projectId: string,
  id: string,
  settings: WebhookSettings,
  version: number | undefined,
  actor: string,
): Promise<Webhook> {
  const { url, description, types, status } = settings;
  return store.transaction(async (sql) => {
    const before = await lockWebhook(sql, projectId, id, version);
    const reason = status === 'active' ? null : (before.disabledReason ?? 'requested');
    const isFresh = status === 'active' && (before.status === 'disabled' || before.url !== url);
    const [row] = await sql<WebhookRow[]>`
      UPDATE webhooks SET version = version + 1, url = ${url}, description = ${description ?? null},
        types = ${sql.json([...types])}, status = ${status}, disabled_reason = ${reason}, updated_at = now(),
        failure_count = CASE WHEN ${isFresh} THEN 0 ELSE failure_count END,
        failing_since = CASE WHEN ${isFresh} THEN NULL ELSE failing_since END,
        retry_at = CASE WHEN ${isFresh} THEN NULL ELSE retry_at END
      WHERE project_id = ${projectId} AND id = ${id} RETURNING ${sql.unsafe(webhookColumns)}`;
    const webhook = toWebhook(row as WebhookRow);
    await tell(sql, webhook, 'webhook.updated', actor);
    return webhook;
  });
}

/** @throws MplpError MPLP_ERR_WEBHOOKS_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED */
export function deleteWebhook(
  store: PostgresStore,
  projectId: string,
  id: string,
  version: number | undefined,
  actor: string,
): Promise<void> {
  return store.transaction(async (sql) => {
    const webhook = await lockWebhook(sql, projectId, id, version);
    await sql`DELETE FROM webhooks WHERE project_id = ${projectId} AND id = ${id}`;
    await tell(sql, { ...webhook, version: webhook.version + 1 }, 'webhook.deleted', actor);
  });
}

/** Switches a webhook off that cannot be delivered to, unless somebody has changed it meanwhile. */
export function disableWebhook(
  store: PostgresStore,
  { projectId, id, version }: Webhook,
  reason: DisabledReason,
): Promise<void> {
  return store.transaction(async (sql) => {
    const [row] = await sql<WebhookRow[]>`
      UPDATE webhooks SET version = version + 1, status = 'disabled', disabled_reason = ${reason}, updated_at = now()
      WHERE project_id = ${projectId} AND id = ${id} AND version = ${version} AND status = 'active'
      RETURNING ${sql.unsafe(webhookColumns)}`;
    if (row !== undefined) await tell(sql, toWebhook(row), 'webhook.disabled', undefined);
  });
}

async function lockWebhook(
  sql: Sql,
  projectId: string,
  id: string,
  version: number | undefined,
): Promise<Webhook> {
  const [row] = await sql<WebhookRow[]>`
    SELECT ${sql.unsafe(webhookColumns)} FROM webhooks WHERE project_id = ${projectId} AND id = ${id} FOR UPDATE`;
  if (row === undefined) throw notFound(id);
  if (version !== undefined && version !== row.version)
    throw new MplpError(
      'MPLP_ERR_HTTP_PRECONDITION_FAILED',
      `The webhook is at version ${row.version}, not ${version}: read it again.`,
    );
  return toWebhook(row);
}

/** Without the URL, which often holds a token of the receiver. */
function tell(sql: Sql, webhook: Webhook, type: string, actor: string | undefined): Promise<void> {
  const { projectId, id: subjectId, version, types, status, disabledReason } = webhook;
  const data = { types, status, disabled_reason: disabledReason ?? null };
  return appendEvent(sql, { projectId, type, subjectId, version, data, actor });
}

function notFound(id: string): MplpError {
  return new MplpError('MPLP_ERR_WEBHOOKS_NOT_FOUND', `There is no webhook ${id} in this project.`);
}
