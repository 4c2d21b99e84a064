import { MplpError } from '../../errors/index.js';
import { isUuid } from '../../modules/documents/index.js';
import {
  readSettings,
  type StoredDelivery,
  type Webhook,
  type Webhooks,
} from '../../modules/webhooks/index.js';
import type { ListPosition } from '../../store/postgres/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { etagOfVersion, readIfMatch } from '../etag.js';
import { badRequest, checkEnvelope, checkQuery, limitOf } from '../protocol-exchange.js';
import { json } from '../replies.js';
import { readDocument } from '../request-document.js';

const PATH = '/v1.0/webhooks';
const MAX_BODY_BYTES = 64 * 1024;
const MAX_LIMIT = 100;
const MEMBERS = ['url', 'description', 'types', 'status'];

/** `/v1.0/webhooks`: where the events of the caller's project are sent to. */
export function createWebhookRoutes(webhooks: Webhooks): Route[] {
  const route = (
    method: Route['method'],
    path: string,
    action: 'read' | 'write',
    handle: (webhooks: Webhooks, request: HttpRequest) => Promise<HttpReply>,
  ): Route => ({
    method,
    path: PATH + path,
    permission: `webhooks:${action}`,
    handle: (request) => handle(webhooks, request),
  });
  return [
    route('GET', '', 'read', list),
    route('POST', '', 'write', create),
    route('GET', '/{id}', 'read', one),
    route('PUT', '/{id}', 'write', update),
    route('DELETE', '/{id}', 'write', remove),
    route('POST', '/{id}/test', 'write', test),
    route('GET', '/{id}/deliveries', 'read', deliveries),
  ];
}

async function create(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { projectId, subject } = request.principal;
  const created = await webhooks.create(projectId, await readBody(request), subject);
  return withTag(json({ ...document(created), secret: created.secret }, 201), created, {
    location: `${PATH}/${created.id}`,
  });
}

async function list(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request, ['limit', 'cursor']);
  const after = listPositionOf(request.query.get('cursor'));
  const page = await webhooks.list(request.principal.projectId, after, limitOf(request, MAX_LIMIT));
  const next = page.next === undefined ? null : encode(`${toMicroseconds(page.next)} ${page.next.id}`);
  return json({ webhooks: page.webhooks.map(document), next });
}

async function one(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const webhook = await webhooks.get(request.principal.projectId, idOf(request));
  return withTag(json(document(webhook)), webhook);
}

async function update(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { projectId, subject } = request.principal;
  const [id, version] = [idOf(request), readIfMatch(request)];
  const webhook = await webhooks.update(projectId, id, await readBody(request), version, subject);
  return withTag(json(document(webhook)), webhook);
}

async function remove(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { projectId, subject } = request.principal;
  await webhooks.remove(projectId, idOf(request), readIfMatch(request), subject);
  return { status: 204 };
}

/** 200 whatever the receiver said: the test has been made, and the answer tells how it went. */
async function test(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { projectId, subject } = request.principal;
  const { isDelivered, statusCode, error, durationMs } = await webhooks.test(
    projectId,
    idOf(request),
    subject,
    request.signal,
  );
  return json({
    outcome: isDelivered ? 'delivered' : 'failed',
    status_code: statusCode ?? null,
    error: error ?? null,
    duration_ms: durationMs,
  });
}

async function deliveries(webhooks: Webhooks, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request, ['limit', 'cursor']);
  const before = sequenceOf(request.query.get('cursor'));
  const { projectId } = request.principal;
  const page = await webhooks.deliveries(projectId, idOf(request), before, limitOf(request, MAX_LIMIT));
  const next = page.next === undefined ? null : encode(String(page.next));
  return json({ deliveries: page.deliveries.map(deliveryDocument), next });
}

async function readBody(request: HttpRequest): Promise<ReturnType<typeof readSettings>> {
  return readSettings(checkEnvelope(await readDocument(request, MAX_BODY_BYTES), MEMBERS, ''));
}

function document(webhook: Webhook): object {
  return {
    id: webhook.id,
    version: webhook.version,
    url: webhook.url,
    description: webhook.description ?? null,
    types: webhook.types,
    status: webhook.status,
    disabled_reason: webhook.disabledReason ?? null,
    failure_count: webhook.failureCount,
    failing_since: webhook.failingSince ?? null,
    created_by: webhook.createdBy ?? null,
    created_at: webhook.createdAt,
    updated_at: webhook.updatedAt,
  };
}

function deliveryDocument(delivery: StoredDelivery): object {
  return {
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    outcome: delivery.outcome,
    status_code: delivery.statusCode ?? null,
    error: delivery.error ?? null,
    duration_ms: delivery.durationMs ?? null,
    attempted_at: delivery.attemptedAt,
  };
}

function withTag(
  reply: HttpReply,
  { version }: Webhook,
  more: Readonly<Record<string, string>> = {},
): HttpReply {
  return { ...reply, headers: { ...reply.headers, etag: etagOfVersion(version), ...more } };
}

/** An id of another form names nothing; Postgres would call it a fault. */
function idOf(request: HttpRequest): string {
  const id = request.params['id'] ?? '';
  if (isUuid(id)) return id;
  throw new MplpError(
    'MPLP_ERR_WEBHOOKS_NOT_FOUND',
    `There is no webhook ${id.slice(0, 80)} in this project.`,
  );
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decode(cursor: string, pattern: RegExp): readonly string[] {
  const match =
    cursor.length > 128 ? null : pattern.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw badRequest('?cursor', 'format', 'must be the next of an earlier page');
  return match.slice(1);
}

function listPositionOf(cursor: string | null): ListPosition | undefined {
  if (cursor === null) return undefined;
  const [us = '', id = ''] = decode(cursor, /^(\d{1,16}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/);
  if (!Number.isSafeInteger(Number(us)))
    throw badRequest('?cursor', 'format', 'must be the next of an earlier page');
  const toMillisecond = new Date(Math.floor(Number(us) / 1000)).toISOString().slice(0, -1);
  return { createdAt: `${toMillisecond}${us.padStart(3, '0').slice(-3)}Z`, id };
}

/** These cursors have the time in microseconds since 1970. */
function toMicroseconds({ createdAt }: ListPosition): number {
  return Date.parse(`${createdAt.slice(0, 23)}Z`) * 1000 + Number(createdAt.slice(23, 26));
}

function sequenceOf(cursor: string | null): number | undefined {
  return cursor === null ? undefined : Number(decode(cursor, /^(\d{1,15})$/)[0]);
}
