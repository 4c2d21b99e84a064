import { createHash, randomUUID } from 'node:crypto';
import type { JsonObject } from '../../protocol/index.js';
import { appendEvent } from '../../store/events/index.js';
import {
  newestFirst,
  pageOfRows,
  POSITION_COLUMN,
  type PostgresStore,
  type Sql,
} from '../../store/postgres/index.js';
import {
  inTransaction,
  notFound,
  readCursor,
  writeCursor,
  type Documents,
  type ListQuery,
  type Scope,
} from '../documents/index.js';

/** A context as it was at one version. Never changes. */
export interface Snapshot {
  readonly id: string;
  readonly contextId: string;
  readonly version: number;
  /** Of the parts and their hashes: equal content has an equal hash. Hexadecimal. */
  readonly sha256: string;
  readonly createdBy: string;
  readonly createdAt: string;
}

export interface SnapshotPage {
  readonly snapshots: readonly Snapshot[];
  readonly next: string | undefined;
}

export interface Snapshots {
  create(scope: Scope, contextId: string): Promise<Snapshot>;
  get(projectId: string, contextId: string, id: string): Promise<Snapshot & { document: JsonObject }>;
  list(projectId: string, contextId: string, query: Omit<ListQuery, 'filters'>): Promise<SnapshotPage>;
}

interface Row {
  readonly id: string;
  readonly context_id: string;
  readonly version: number;
  readonly hash: string;
  readonly created_by: string;
  readonly created_at: Date;
}

/** Where a part of a document stands: a member, or one of its variables. */
type PartPath = readonly string[];

const VARIABLES: PartPath = ['shared_state', 'variables'];

export function createSnapshots(store: PostgresStore, documents: Documents): Snapshots {
  return {
    async create(scope, contextId) {
      const write = async (inner: Scope, sql: Sql): Promise<Snapshot> => {
        // The row is locked, so that the snapshot is of one version. A change that waits for it meanwhile may have the
        // lower number of a transaction, and its event then comes first: the version says which one was kept.
        const [locked] = await sql<{ version: number; document: JsonObject }[]>`
          SELECT version, document FROM contexts WHERE project_id = ${inner.projectId} AND id = ${contextId}
          FOR UPDATE`;
        if (locked === undefined) throw notFound('context', contextId);
        return insert(inner, sql, contextId, locked.version, partsOf(locked.document));
      };
      return scope.transaction === undefined
        ? inTransaction(store, scope, write)
        : write(scope, scope.transaction);
    },
    async get(projectId, contextId, id) {
      const found = await store.query(
        (sql) => sql<(Row & { parts: Record<string, string>; contents: Record<string, unknown> })[]>`
        SELECT id, context_id, version, encode(content_sha256, 'hex') AS hash, created_by, created_at, parts,
          (SELECT json_object_agg(encode(part.sha256, 'hex'), part.content) FROM context_snapshot_parts AS part
            WHERE part.project_id = snapshot.project_id AND part.context_id = snapshot.context_id
              AND part.sha256 IN (SELECT decode(value, 'hex') FROM json_each_text(snapshot.parts))) AS contents
        FROM context_snapshots AS snapshot
        WHERE project_id = ${projectId} AND context_id = ${contextId} AND id = ${id}`,
      );
      const [row] = found;
      if (row === undefined) {
        await documents.get(projectId, contextId);
        throw notFound('snapshot', id);
      }
      return { ...toSnapshot(row), document: { id: contextId, ...join(row.parts, row.contents) } };
    },
    async list(projectId, contextId, { limit, cursor }) {
      await documents.get(projectId, contextId);
      const after = cursor === undefined ? undefined : readCursor(cursor);
      const rows = await store.query(
        (sql) => sql<(Row & { at: string })[]>`
        SELECT id, context_id, version, encode(content_sha256, 'hex') AS hash, created_by, created_at,
          ${sql.unsafe(POSITION_COLUMN)}
        FROM context_snapshots WHERE project_id = ${projectId} AND context_id = ${contextId}
          ${newestFirst(sql, after, limit)}`,
      );
      const { page, next } = pageOfRows(rows, limit);
      return { snapshots: page.map(toSnapshot), next: next && writeCursor(next) };
    },
  };
}

async function insert(
  scope: Scope,
  sql: Sql,
  contextId: string,
  version: number,
  parts: readonly Part[],
): Promise<Snapshot> {
  const id = randomUUID();
  const names = JSON.stringify(Object.fromEntries(parts.map(({ path, hash }) => [pathText(path), hash])));
  const contents = JSON.stringify(parts.map(({ hash, text }) => [hash, text]));
  await sql`
    INSERT INTO context_snapshot_parts (project_id, context_id, sha256, content)
    SELECT ${scope.projectId}, ${contextId}::uuid, decode(part ->> 0, 'hex'), (part ->> 1)::json
    FROM json_array_elements(${contents}::text::json) AS part
    ON CONFLICT DO NOTHING`;
  const [row] = await sql<Row[]>`
    INSERT INTO context_snapshots (project_id, context_id, id, version, parts, content_sha256, created_by)
    VALUES (${scope.projectId}, ${contextId}, ${id}, ${version}, ${names}::text::json,
      decode(${sha256(names)}, 'hex'), ${scope.actor})
    RETURNING id, context_id, version, encode(content_sha256, 'hex') AS hash, created_by, created_at`;
  await appendEvent(sql, {
    projectId: scope.projectId,
    type: 'context.snapshot_created',
    subjectId: contextId,
    version,
    data: { snapshot_id: id },
    actor: scope.actor,
  });
  return toSnapshot(row as Row);
}

interface Part {
  readonly path: PartPath;
  readonly text: string;
  readonly hash: string;
}

/** Every member of the document, and of its variables each by itself, in one order whatever the document's is. */
function partsOf(document: JsonObject): Part[] {
  const parts: Part[] = [];
  const add = (path: PartPath, value: unknown): void => {
    const text = JSON.stringify(value);
    parts.push({ path, text, hash: sha256(text) });
  };
  const walk = (path: PartPath, value: unknown): void => {
    const isParent = VARIABLES.slice(0, path.length).every((name, index) => name === path[index]);
    if (!isParent || path.length > VARIABLES.length || typeof value !== 'object' || value === null)
      return add(path, value);
    // An empty object has no member that would stand for it.
    if (Array.isArray(value) || Object.keys(value).length === 0) return add(path, value);
    for (const [name, member] of Object.entries(value)) walk([...path, name], member);
  };
  walk([], document);
  return parts.sort((a, b) => (pathText(a.path) < pathText(b.path) ? -1 : 1));
}

/** The document of the parts. */
function join(
  parts: Readonly<Record<string, string>>,
  contents: Readonly<Record<string, unknown>>,
): JsonObject {
  const document: JsonObject = {};
  for (const [text, hash] of Object.entries(parts)) {
    const path = JSON.parse(text) as string[];
    let at = document;
    for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as JsonObject;
    at[path.at(-1) as string] = contents[hash];
  }
  return document;
}

function pathText(path: PartPath): string {
  return JSON.stringify(path);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function toSnapshot(row: Row): Snapshot {
  return {
    id: row.id,
    contextId: row.context_id,
    version: row.version,
    sha256: row.hash,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
  };
}
