import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { JsonObject } from '../../protocol/index.js';
import {
  checkExpiry,
  checkFuture,
  checkSubject,
  createDocuments,
  invalid,
  refuseNul,
  within,
  type DocumentsOptions,
  type ListQuery,
  type Page,
  type Scope,
  type Stored,
} from '../documents/index.js';

const TABLE = 'api_keys';
const MAX_NAME = 256;
const SECRET_BYTES = 32;
const KEY = /^mplp_key_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_[\w-]{43}$/;

/** What is known of a key that somebody comes with. */
export interface FoundKey {
  readonly projectId: string;
  readonly subject: string;
  readonly secretSha256: Uint8Array;
  /** Milliseconds until it ends, by the clock of Postgres; Infinity when it does not. */
  readonly expiresInMs: number;
}

/** Keys by which subjects are known: `{id, name, subject, expires_at?, metadata}`. Made and removed, never changed. */
export interface ApiKeys {
  /**
   * A key for a subject. The key itself is in no other answer, and of it Postgres gets the SHA-256 only.
   *
   * @throws MplpError MPLP_ERR_MODULES_INVALID
   */
  create(
    scope: Scope,
    settings: { readonly subject: unknown; readonly name: unknown; readonly expiresAt?: unknown },
  ): Promise<Stored & { readonly key: string }>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND */
  get(projectId: string, id: string): Promise<Stored>;
  /** By `subject`. */
  list(projectId: string, query: ListQuery): Promise<Page>;
  /** It opens nothing from then on. @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED */
  remove(scope: Scope, id: string, ifVersion?: number): Promise<void>;
  /** Another engine may have removed it: see `Documents`. */
  forget(projectId: string, id: string): void;
  /** Of any project; asks Postgres. `undefined` when there is none, or when it has ended. */
  find(id: string): Promise<FoundKey | undefined>;
}

export function createApiKeys(options: Omit<DocumentsOptions, 'kind' | 'table'>): ApiKeys {
  const { store } = options;
  const documents = createDocuments({ ...options, kind: 'api_key', table: TABLE });
  return {
    get: async (projectId, id) => documents.get(projectId, id),
    list: (projectId, query) => documents.list(projectId, query),
    remove: (scope, id, ifVersion) => documents.remove(scope, id, ifVersion),
    forget(projectId, id) {
      documents.forget(projectId, id);
      options.onChanged({ projectId, id, version: Infinity });
    },
    async create(scope, settings) {
      const document: JsonObject = {
        id: randomUUID(),
        name: checkName(settings.name),
        subject: checkSubject(settings.subject),
      };
      const expiresAt = checkExpiry(settings.expiresAt);
      if (expiresAt !== undefined) document['expires_at'] = expiresAt;
      const id = document['id'] as string;
      const key = `mplp_key_${id.replaceAll('-', '')}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
      const stored = await within(store, scope, async (inner, sql) => {
        await checkFuture(sql, expiresAt);
        const made = await documents.create(inner, { ...document, metadata: {} });
        await sql`
          UPDATE api_keys SET secret_sha256 = decode(${sha256(key).toString('hex')}, 'hex')
          WHERE project_id = ${inner.projectId} AND id = ${id}`;
        return made;
      });
      return { ...stored, key };
    },
    async find(id) {
      const [row] = await store.query(
        (sql) => sql<{ project_id: string; subject: string; secret: string; expires_in_ms: number | null }[]>`
          SELECT project_id, subject, encode(secret_sha256, 'hex') AS secret,
            extract(epoch FROM (document ->> 'expires_at')::timestamptz - now())::float8 * 1000 AS expires_in_ms
          FROM api_keys WHERE id = ${id} AND secret_sha256 IS NOT NULL
            AND coalesce((document ->> 'expires_at')::timestamptz > now(), true)`,
      );
      return (
        row && {
          projectId: row.project_id,
          subject: row.subject,
          secretSha256: Buffer.from(row.secret, 'hex'),
          expiresInMs: row.expires_in_ms ?? Infinity,
        }
      );
    },
  };
}

/** The id that stands in a key; `undefined` for a text that is none. */
export function idInKey(key: string): string | undefined {
  return KEY.exec(key)?.slice(1).join('-');
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function checkName(value: unknown): string {
  if (value === undefined) throw invalid('/name', 'required', 'is required');
  if (typeof value !== 'string' || value === '' || value.length > MAX_NAME)
    throw invalid('/name', 'type', `must be a text of 1 to ${MAX_NAME} characters`);
  refuseNul(value, '/name');
  return value;
}
