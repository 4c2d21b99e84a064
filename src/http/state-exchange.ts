import { createHash } from 'node:crypto';
import { MplpError } from '../errors/index.js';
import { createScope, inTransaction, isUuid, type Scope, type Stored } from '../modules/documents/index.js';
import { IDEMPOTENCY_KEY_LIFETIME, type PostgresStore } from '../store/postgres/index.js';
import type { HttpReply, HttpRequest } from './contract.js';
import { etagOfVersion } from './etag.js';
import { badRequest, limitOf } from './protocol-exchange.js';
import { readerOf } from './request-document.js';

/** Of the body of a request to a module. */
export const MAX_STATE_BODY_BYTES = 4 * 1024 * 1024;
const MAX_LIMIT = 1_000;
const KEY = /^[\x21-\x7e]{1,255}$/;
const NO_BODY = ['GET', 'HEAD', 'DELETE'];

/** The id in a path. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function idOf(request: HttpRequest, name = 'id'): string {
  return uuidOf(request.params[name] ?? '', name);
}

/** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function uuidOf(id: string, name: string): string {
  if (isUuid(id)) return id;
  const hint = isUuid(id.toLowerCase())
    ? `: send ${id.toLowerCase()}`
    : ' such as 5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60';
  throw badRequest(`{${name}}`, 'pattern', `must be a lower-case UUID${hint}`);
}

/** A stored document with its ETag. */
export function replyWithStored({ text, version }: Stored, status = 200, location?: string): HttpReply {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      etag: etagOfVersion(version),
      ...(location === undefined ? {} : { location }),
    },
    body: text,
  };
}

/** 304 when the client has this version already. */
export function replyUnlessKnown(request: HttpRequest, stored: Stored): HttpReply {
  const known = request.header('if-none-match');
  const tags = known.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known !== '' && (tags.includes('*') || tags.includes(etagOfVersion(stored.version))))
    return { status: 304, headers: { etag: etagOfVersion(stored.version) } };
  return replyWithStored(stored);
}

/** `limit` and `cursor` of a list. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function pageOf(request: HttpRequest): { limit: number; cursor: string | undefined } {
  return { limit: limitOf(request, MAX_LIMIT), cursor: request.query.get('cursor') ?? undefined };
}

/** The value of a filter of a list. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function filterOf(request: HttpRequest, name: string): string {
  const value = request.query.get(name) ?? '';
  if (value.length <= 256 && !value.includes('\0')) return value;
  throw badRequest(`?${name}`, 'format', 'must be at most 256 characters, without U+0000');
}

/** Those of the named filters that a request gives. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function filtersOf(request: HttpRequest, names: readonly string[]): Record<string, string> {
  const given = names.filter((name) => request.query.has(name));
  return Object.fromEntries(given.map((name) => [name, filterOf(request, name)]));
}

/** Documents as the items of a list. */
export function replyWithPage(name: string, texts: readonly string[], next: string | undefined): HttpReply {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `{"${name}":[${texts.join(',')}],"next":${JSON.stringify(next ?? null)}}`,
  };
}

/** What to do when the reply to a change of `{id}` is given again. */
export function forgetting(
  request: HttpRequest,
  of: { forget(projectId: string, id: string): void },
): () => void {
  const { id } = request.params;
  return () => (id === undefined ? undefined : of.forget(request.principal.projectId, id));
}

export interface ChangingOptions {
  /** What is written down of a reply that holds a secret. */
  readonly kept?: (reply: HttpReply) => HttpReply;
  /** Called when an earlier reply is given again: the change may be that of another engine, unheard of as yet. */
  readonly onRepeated?: () => void;
}

/**
 * Runs what a request changes. With an `Idempotency-Key` the reply is written down in the same transaction, and the same
 * request gets it again for 24 hours.
 *
 * @param handle gets the document in the body, `undefined` when the method has none.
 * @throws MplpError MPLP_ERR_HTTP_IDEMPOTENCY_MISMATCH
 */
export async function changing(
  store: PostgresStore,
  request: HttpRequest,
  handle: (scope: Scope, document: unknown) => Promise<HttpReply>,
  { kept = (reply) => reply, onRepeated = () => undefined }: ChangingOptions = {},
): Promise<HttpReply> {
  const bytes = NO_BODY.includes(request.method) ? undefined : await request.body(MAX_STATE_BODY_BYTES);
  const document = bytes === undefined || bytes.length === 0 ? undefined : readerOf(request)(bytes);
  const caller = { projectId: request.principal.projectId, actor: request.principal.subject };
  const key = request.header('idempotency-key');
  if (key === '') return handle(createScope(store, caller), document);
  if (!KEY.test(key))
    throw badRequest('Idempotency-Key', 'format', 'must be 1 to 255 printable ASCII characters');
  const digest = createHash('sha256')
    .update(`${request.method} ${request.path}\n${request.header('if-match')}\n`)
    .update(bytes ?? '')
    .digest('hex');
  return inTransaction(store, caller, async (scope, sql) => {
    await sql`
      DELETE FROM idempotency_keys
      WHERE project_id = ${scope.projectId} AND key = ${key} AND created_at < now() - ${IDEMPOTENCY_KEY_LIFETIME}::interval`;
    // Waits for a request with the same key that is under way.
    const claimed = await sql`
      INSERT INTO idempotency_keys (project_id, key, request_sha256)
      VALUES (${scope.projectId}, ${key}, decode(${digest}, 'hex')) ON CONFLICT DO NOTHING RETURNING key`;
    if (claimed.length === 0) {
      const [former] = await sql<{ same: boolean; reply: HttpReply }[]>`
        SELECT request_sha256 = decode(${digest}, 'hex') AS same, reply FROM idempotency_keys
        WHERE project_id = ${scope.projectId} AND key = ${key}`;
      if (former?.same !== true)
        throw new MplpError(
          'MPLP_ERR_HTTP_IDEMPOTENCY_MISMATCH',
          'This Idempotency-Key came with another request before: use a new key.',
        );
      scope.onCommit(onRepeated);
      return former.reply;
    }
    const reply = await handle(scope, document);
    await sql`
      UPDATE idempotency_keys SET reply = ${JSON.stringify(kept(reply))}::text::json
      WHERE project_id = ${scope.projectId} AND key = ${key}`;
    return reply;
  });
}
