import { MplpError } from '../../errors/index.js';
import type { JsonObject } from '../../protocol/index.js';
import type { StateCache, VersionedValue } from '../../store/cache/index.js';
import { eventOfChange } from '../../store/events/index.js';
import {
  newestFirst,
  pageOfRows,
  POSITION_COLUMN,
  type PostgresStore,
  type Sql,
} from '../../store/postgres/index.js';
import type { Change, DocumentChange, Documents, Stored } from './contract.js';
import { readCursor, writeCursor } from './cursor.js';
import { idTaken, notFound, stale } from './faults.js';
import { createGroupCommit, type RowHead } from './group-commit.js';
import { createKeyedQueue } from './keyed-queue.js';
import { MAX_DOCUMENT_BYTES, tooLarge } from './limits.js';
import { inTransaction, type Fragment, type Scope } from './scope.js';

export interface DocumentsOptions {
  /** `context`: first word of its events, kind of its cache keys, and what problems call it. */
  readonly kind: string;
  /** A table as 0001_create_state_tables.sql describes them. */
  readonly table: string;
  readonly store: PostgresStore;
  readonly cache: StateCache;
  /** Whether this engine hears of what others change. While it does not, nothing is answered from the cache. */
  readonly isCacheCurrent: () => boolean;
  /** Called after each change that this engine made, so that what follows documents need not wait for the event log. */
  readonly onChanged: (change: DocumentChange) => void;
}

interface Row extends RowHead {
  readonly document: JsonObject;
}

/** Tries against other engines that change the same document, before its row is locked. */
const MAX_TRIES = 3;

export function createDocuments(options: DocumentsOptions): Documents {
  const { kind, store, cache } = options;
  const queue = createKeyedQueue();
  const commits = createGroupCommit(store, options.table);
  const keyOf = (projectId: string, id: string) => ({ projectId, kind, id });

  const changed = (scope: Scope, id: string, version: number, stored?: Stored): void =>
    scope.onCommit(() => {
      const { projectId } = scope;
      const key = keyOf(projectId, id);
      cache.invalidate(key, version);
      // What was just written is what the next reader wants.
      if (stored !== undefined && options.isCacheCurrent())
        cache.keep(key, { version: stored.version, value: stored.text });
      options.onChanged({ projectId, id, version });
    });

  async function select(sql: Sql, projectId: string, id: string, lock: boolean): Promise<Stored | undefined> {
    const [row] = await sql<Row[]>`
      SELECT id, version, document, created_by, created_at, updated_at FROM ${sql(options.table)}
      WHERE project_id = ${projectId} AND id = ${id} ${lock ? sql`FOR UPDATE` : sql``}`;
    return row === undefined ? undefined : toStored(row, row.document);
  }

  const load = (projectId: string, id: string): Promise<Stored | undefined> =>
    store.query((sql) => select(sql, projectId, id, false));

  async function loadVersioned(projectId: string, id: string): Promise<VersionedValue<string> | undefined> {
    const stored = await load(projectId, id);
    return stored && { version: stored.version, value: stored.text };
  }

  function get(projectId: string, id: string): Stored | Promise<Stored> {
    const found = options.isCacheCurrent()
      ? cache.read(keyOf(projectId, id), () => loadVersioned(projectId, id))
      : loadVersioned(projectId, id);
    if (!(found instanceof Promise)) return { version: found.version, text: found.value };
    return found.then((loaded) => {
      if (loaded === undefined) throw notFound(kind, id);
      return { version: loaded.version, text: loaded.value };
    });
  }

  /** The event of the change in `changed`, and after it what the scope needs. */
  const eventOf = (
    sql: Sql,
    scope: Scope,
    id: string,
    { event, data = {} }: Omit<Change, 'document'>,
  ): Fragment =>
    eventOfChange(
      sql,
      { projectId: scope.projectId, type: event, subjectId: id, data, actor: scope.actor },
      scope.transaction !== undefined,
    );

  async function update(scope: Scope, id: string, from: number, change: Change): Promise<Stored | undefined> {
    const { document, text } = contentOf(change.document);
    const row =
      scope.transaction === undefined
        ? await commits.update({
            projectId: scope.projectId,
            actor: scope.actor,
            id,
            from,
            content: text,
            event: change.event,
            data: change.data ?? {},
          })
        : await updateIn(scope, scope.transaction, id, from, change, text);
    const stored = row === 'lost' ? await load(scope.projectId, id) : row && toStored(row, document);
    if (stored !== undefined) changed(scope, id, stored.version, stored);
    return stored;
  }

  async function updateIn(
    scope: Scope,
    sql: Sql,
    id: string,
    from: number,
    change: Change,
    content: string,
  ): Promise<RowHead | undefined> {
    const [row] = await sql<RowHead[]>`
      WITH changed AS (
        UPDATE ${sql(options.table)}
        SET document = ${content}::text::json, version = version + 1, updated_at = now()
        WHERE project_id = ${scope.projectId} AND id = ${id} AND version = ${from}
        RETURNING id, version, created_by, created_at, updated_at),
      ${eventOf(sql, scope, id, change)}
      SELECT * FROM changed`;
    return row;
  }

  /** One attempt on one version; `undefined` when somebody else was faster. */
  async function changeFrom(
    scope: Scope,
    id: string,
    current: Stored,
    ifVersion: number | undefined,
    decide: Parameters<Documents['change']>[3],
  ): Promise<Stored | undefined> {
    if (ifVersion !== undefined && ifVersion !== current.version) throw stale(kind, id, current.version);
    const change = decide(JSON.parse(current.text) as JsonObject, current.version);
    return change === undefined ? current : update(scope, id, current.version, change);
  }

  return {
    get,
    forget(projectId, id) {
      cache.invalidate(keyOf(projectId, id), Infinity);
    },
    async create(scope, document, data = {}) {
      const id = document['id'] as string;
      const content = contentOf(document);
      const rows = await scope.run<RowHead>(
        (sql, mark) => sql`
        WITH changed AS (
          INSERT INTO ${sql(options.table)} (project_id, id, document, created_by)
          VALUES (${scope.projectId}, ${id}, ${content.text}::text::json, ${scope.actor})
          ON CONFLICT DO NOTHING
          RETURNING id, version, created_by, created_at, updated_at),
        ${eventOf(sql, scope, id, { event: `${kind}.created`, data })} ${mark}
        SELECT * FROM changed`,
      );
      const [row] = rows ?? [];
      const stored =
        rows === undefined ? await load(scope.projectId, id) : row && toStored(row, content.document);
      if (stored === undefined) throw idTaken(kind, id);
      changed(scope, id, stored.version, stored);
      return stored;
    },
    async list(projectId, { filters, limit, cursor }) {
      const after = cursor === undefined ? undefined : readCursor(cursor);
      const rows = await store.query(
        (sql) => sql<(Row & { at: string })[]>`
        SELECT id, version, document, created_by, created_at, updated_at, ${sql.unsafe(POSITION_COLUMN)}
        FROM ${sql(options.table)}
        WHERE project_id = ${projectId}
          ${filtersOf(sql, filters)} ${newestFirst(sql, after, limit)}`,
      );
      const { page, next } = pageOfRows(rows, limit);
      return {
        documents: page.map((row) => toStored(row, row.document)),
        next: next && writeCursor(next),
      };
    },
    async change(scope, id, ifVersion, decide) {
      if (scope.transaction !== undefined) return changeLocked(scope, scope.transaction);
      return queue.run(`${scope.projectId} ${id}`, async () => {
        let isCached = true;
        for (let tries = 1; tries <= MAX_TRIES;) {
          const current = isCached ? await get(scope.projectId, id) : await load(scope.projectId, id);
          if (current === undefined) throw notFound(kind, id);
          try {
            const stored = await changeFrom(scope, id, current, ifVersion, decide);
            // That there is nothing to change may come from a version that another engine has replaced by now.
            if (stored !== undefined && !(isCached && stored === current)) return stored;
            if (stored === undefined) tries++;
          } catch (error) {
            // A refusal may come from a version that another engine has replaced by now.
            if (!isCached || !(error instanceof MplpError)) throw error;
            if (error.code === 'MPLP_ERR_STORE_UNAVAILABLE') throw error;
          }
          isCached = false;
        }
        return inTransaction(store, scope, changeLocked);
      });

      async function changeLocked(inner: Scope, sql: Sql): Promise<Stored> {
        const current = await select(sql, inner.projectId, id, true);
        if (current === undefined) throw notFound(kind, id);
        return (await changeFrom(inner, id, current, ifVersion, decide)) as Stored;
      }
    },
    async remove(scope, id, ifVersion, data = {}) {
      if (scope.transaction === undefined)
        return inTransaction(store, scope, (inner, sql) => removeLocked(inner, sql));
      return removeLocked(scope, scope.transaction);

      // Locked first, so that the event has its place behind that of every change before.
      async function removeLocked(inner: Scope, sql: Sql): Promise<void> {
        const current = await select(sql, inner.projectId, id, true);
        if (current === undefined) throw notFound(kind, id);
        if (ifVersion !== undefined && ifVersion !== current.version) throw stale(kind, id, current.version);
        await sql`
          WITH changed AS (
            DELETE FROM ${sql(options.table)} WHERE project_id = ${inner.projectId} AND id = ${id}
            RETURNING version + 1 AS version),
          ${eventOf(sql, inner, id, { event: `${kind}.deleted`, data })}
          SELECT version FROM changed`;
        changed(inner, id, Infinity);
      }
    },
  };
}

/** An empty list of pieces would be a value to the driver. */
function filtersOf(sql: Sql, filters: Readonly<Record<string, string>>): Fragment {
  return Object.entries(filters).reduce<Fragment>(
    (pieces, [column, value]) => sql`${pieces} AND ${sql(column)} = ${value}`,
    sql``,
  );
}

/** The document without what columns say. @throws MplpError MPLP_ERR_MODULES_LIMIT */
function contentOf(document: JsonObject): { document: JsonObject; text: string } {
  const { id: _id, metadata, ...rest } = document;
  const { created_at: _created, updated_at: _updated, ...kept } = (metadata ?? {}) as JsonObject;
  const content = metadata === undefined ? rest : { ...rest, metadata: kept };
  const text = JSON.stringify(content);
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) throw tooLarge('', MAX_DOCUMENT_BYTES);
  return { document: content, text };
}

function toStored(row: RowHead, document: JsonObject): Stored {
  const metadata = {
    created_by: row.created_by,
    ...(document['metadata'] as JsonObject | undefined),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
  return { version: row.version, text: JSON.stringify({ id: row.id, ...document, metadata }) };
}
