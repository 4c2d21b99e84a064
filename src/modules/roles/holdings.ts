import type { PostgresStore, Sql } from '../../store/postgres/index.js';
import {
  findPredefinedRole,
  MAX_ANCESTORS,
  resolveRoles,
  type ResolvedRoles,
  type Role,
} from './rules/index.js';

/** Roles, resolved as one moment of the database has them. */
export interface Holdings {
  readonly roleIds: readonly string[];
  readonly resolved: ResolvedRoles;
  /** What it takes in memory, roughly. */
  readonly bytes: number;
  /** Milliseconds until the first assignment ends, by the clock of Postgres; Infinity when none does. */
  readonly expiresInMs: number;
}

type Fragment = ReturnType<Sql>;

/** Documents of roles that one answer may rest on; with more, nothing can be said of what they allow. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Of a rule that is inherited, beside its document. */
const RULE_BYTES = 512;

/** What a subject has. Asks Postgres: what is allowed must not rest on a copy that may be old. */
export function readHoldings(store: PostgresStore, projectId: string, subject: string): Promise<Holdings> {
  return read(
    store,
    projectId,
    (sql) => sql`
      SELECT role_id,
        extract(epoch FROM (document ->> 'expires_at')::timestamptz - now())::float8 * 1000 AS expires_in_ms
      FROM role_assignments
      WHERE project_id = ${projectId} AND subject = ${subject}
        AND coalesce((document ->> 'expires_at')::timestamptz > now(), true)`,
  );
}

/** One role with all it inherits. */
export function readRole(store: PostgresStore, projectId: string, id: string): Promise<Holdings> {
  return read(store, projectId, (sql) => sql`SELECT ${id}::text AS role_id, NULL::float8 AS expires_in_ms`);
}

/** One statement, so that assignments, roles and parents are of one moment: mixed, they could allow what never was allowed. */
async function read(
  store: PostgresStore,
  projectId: string,
  given: (sql: Sql) => Fragment,
): Promise<Holdings> {
  const rows = await store.query(
    (sql) => sql<{ id: string; document: string | null; expires_in_ms: number | null }[]>`
      WITH RECURSIVE given AS MATERIALIZED (${given(sql)}),
      needed(id) AS (
        SELECT role_id FROM given
        UNION
        SELECT parent.id FROM needed
        JOIN roles ON roles.project_id = ${projectId} AND roles.id = needed.id::uuid
        CROSS JOIN LATERAL json_array_elements_text(roles.parents) AS parent(id))
      SELECT role_id AS id, NULL AS document, expires_in_ms FROM given
      UNION ALL (
        SELECT roles.id::text, roles.document::text, NULL FROM needed
        JOIN roles ON roles.project_id = ${projectId} AND roles.id = needed.id::uuid
        LIMIT ${MAX_ANCESTORS + 1})`,
  );
  const roles = new Map<string, Role>();
  const roleIds: string[] = [];
  let [bytes, expiresInMs] = [0, Infinity];
  for (const { id, document, expires_in_ms: endsInMs } of rows) {
    if (document === null) {
      roleIds.push(id);
      expiresInMs = Math.min(expiresInMs, endsInMs ?? Infinity);
    } else {
      bytes += Buffer.byteLength(document);
      if (bytes <= MAX_BYTES) roles.set(id, { ...(JSON.parse(document) as Role), id });
    }
  }
  const [first = ''] = roleIds;
  const resolved: ResolvedRoles =
    bytes > MAX_BYTES
      ? { roles: [], faults: [{ kind: 'size', role: first }] }
      : resolveRoles(roleIds, (id) => roles.get(id) ?? findPredefinedRole(id));
  const rules = resolved.roles.reduce(
    (sum, role) => sum + role.rules.length + role.capabilities.length + role.constraints.length,
    0,
  );
  return { roleIds, resolved, bytes: Math.min(bytes, MAX_BYTES) + rules * RULE_BYTES, expiresInMs };
}
