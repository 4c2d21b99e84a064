import { MplpError } from '../../errors/index.js';
import type { Sql } from '../postgres/index.js';
import type { StateEvent } from './contract.js';
import { comparePositions, positionOf, toCursor, type Position } from './position.js';
import type { TypeFilter } from './type-filter.js';

/** An event with what a reader needs to bound and place it. */
export interface StoredEvent {
  readonly event: StateEvent;
  readonly position: Position;
  /** Of its data, as JSON. */
  readonly bytes: number;
}

/** What the log looked like to one statement. */
export interface LogEdges {
  /** No transaction from here on has ended. */
  readonly future: Position;
  /** The last event that retention has removed. */
  readonly horizon: Position;
}

export interface EventFilter {
  readonly projectId: string | undefined;
  readonly subjectId: string | undefined;
  readonly types: TypeFilter;
}

interface EdgeRow {
  readonly future: string;
  readonly horizon_transaction: string;
  readonly horizon_sequence: string;
}

interface EventRow {
  readonly transaction: string;
  readonly sequence: string;
  readonly project_id: string;
  readonly type: string;
  readonly subject_id: string;
  readonly version: number;
  readonly payload: string;
  readonly actor: string | null;
  readonly created_at: Date;
}

const edgeColumns = `
  pg_snapshot_xmax(pg_current_snapshot())::text AS future,
  coalesce(horizon.transaction_id, '0')::text AS horizon_transaction,
  coalesce(horizon.sequence, 0)::text AS horizon_sequence`;
const eventColumns = `
  transaction_id::text AS transaction, sequence::text AS sequence, project_id, type, subject_id, version,
  payload::text AS payload, actor, created_at`;
const fromHorizon = 'FROM (SELECT 1) AS one LEFT JOIN outbox_horizon AS horizon ON true';

export async function readEdges(sql: Sql): Promise<LogEdges> {
  const [row] = await sql.unsafe<EdgeRow[]>(`SELECT ${edgeColumns} ${fromHorizon}`);
  return toEdges(row as EdgeRow);
}

/**
 * Where the log ends: the last event that nothing can come before any more, present or removed.
 *
 * It has to be one that was committed. The number of the next transaction would not do: numbers of transactions that left
 * nothing on disk are given out again after a crash, and events with them would lie before such a position.
 */
export async function readEnd(sql: Sql): Promise<Position> {
  const [row] = await sql.unsafe<{ transaction: string; sequence: string }[]>(`
    SELECT transaction_id::text AS transaction, sequence::text AS sequence FROM (${END_OF_LOG}) AS log_end`);
  const { transaction, sequence } = row as { transaction: string; sequence: string };
  return positionOf(transaction, sequence);
}

/** As a subselect: `transaction_id` and `sequence` of the end of the log. */
export const END_OF_LOG = `
  SELECT * FROM (
    (SELECT transaction_id, sequence FROM outbox WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY transaction_id DESC, sequence DESC LIMIT 1)
    UNION ALL SELECT transaction_id, sequence FROM outbox_horizon
    UNION ALL SELECT '0', 0
  ) AS ends ORDER BY transaction_id DESC, sequence DESC LIMIT 1`;

export interface Tail extends LogEdges {
  readonly events: readonly StoredEvent[];
  /** There are events that cannot be handed over yet: a transaction that began before theirs is still running. */
  readonly isHeldBack: boolean;
}

/** All events behind a position that are settled, at most `limit`. */
export async function readTail(sql: Sql, after: Position, limit: number): Promise<Tail> {
  const rows = await sql<(EdgeRow & { is_held_back: boolean } & Nullable<EventRow>)[]>`
    SELECT ${sql.unsafe(edgeColumns)}, page.*,
      EXISTS (SELECT FROM outbox WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot())) AS is_held_back
    ${sql.unsafe(fromHorizon)}
    LEFT JOIN LATERAL (
      SELECT ${sql.unsafe(eventColumns)} FROM outbox
      WHERE (transaction_id, sequence) > (${String(after.transaction)}::xid8, ${String(after.sequence)}::bigint)
        AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY outbox.transaction_id, outbox.sequence LIMIT ${limit}
    ) AS page ON true`;
  const [first] = rows;
  return {
    ...toEdges(first as EdgeRow),
    isHeldBack: first?.is_held_back === true,
    events: rows.filter(isEvent).map(toStoredEvent).sort(byPosition),
  };
}

export interface Page {
  readonly horizon: Position;
  readonly events: readonly StoredEvent[];
  /** Everything up to here has been looked at. */
  readonly end: Position;
}

/**
 * Matching events behind `after` up to and with `until`, which is settled. One call looks at `limit` events, however few
 * match, so that it ends soon.
 */
export async function readPage(
  sql: Sql,
  { after, until, filter, limit }: { after: Position; until: Position; filter: EventFilter; limit: number },
): Promise<Page> {
  const { projectId = null, subjectId = null, types } = filter;
  const rows = await sql<
    (EdgeRow & Nullable<EventRow> & { is_match: boolean | null; looked_at: string | null })[]
  >`
    SELECT ${sql.unsafe(edgeColumns)}, page.*
    ${sql.unsafe(fromHorizon)}
    LEFT JOIN LATERAL (
      SELECT ${sql.unsafe(eventColumns)}, is_match, looked_at::text FROM (
        SELECT *,
          (${projectId}::text IS NULL OR project_id = ${projectId})
            AND (${subjectId}::uuid IS NULL OR subject_id = ${subjectId})
            AND (${types.names === undefined} OR type = ANY(${[...(types.names ?? [])]}::text[])
              OR type ^@ ANY(${[...(types.prefixes ?? [])]}::text[])) AS is_match,
          row_number() OVER (ORDER BY transaction_id, sequence) AS place, count(*) OVER () AS looked_at
        FROM (
          SELECT * FROM outbox
          WHERE (transaction_id, sequence) > (${String(after.transaction)}::xid8, ${String(after.sequence)}::bigint)
            AND (transaction_id, sequence) <= (${String(until.transaction)}::xid8, ${String(until.sequence)}::bigint)
          ORDER BY outbox.transaction_id, outbox.sequence LIMIT ${limit}
        ) AS scanned
      ) AS judged
      -- The last one tells how far the page goes, whether it matches or not.
      WHERE is_match OR place = looked_at
    ) AS page ON true`;
  const found = rows
    .filter(isEvent)
    .map((row) => ({ ...toStoredEvent(row), isMatch: row.is_match === true }));
  found.sort(byPosition);
  const isFull = Number(rows[0]?.looked_at ?? 0) === limit;
  return {
    horizon: toEdges(rows[0] as EdgeRow).horizon,
    events: found.filter(({ isMatch }) => isMatch),
    end: isFull ? (found.at(-1)?.position ?? until) : until,
  };
}

/**
 * Refuses a position behind which events may be missing: retention has removed some, or it is of another database.
 *
 * @throws MplpError MPLP_ERR_EVENTS_CURSOR_GONE
 */
export function checkKept(position: Position, { horizon, future }: LogEdges): void {
  if (comparePositions(position, horizon) < 0)
    throw new MplpError(
      'MPLP_ERR_EVENTS_CURSOR_GONE',
      'Events after this cursor are no longer kept: read the resources again, and then follow from now on, without a cursor.',
    );
  if (comparePositions(position, future) > 0)
    throw new MplpError(
      'MPLP_ERR_EVENTS_CURSOR_GONE',
      'This cursor lies in the future: it is of another database. Read the resources again, and then follow from now on, without a cursor.',
    );
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

function isEvent<Row extends Nullable<EventRow>>(row: Row): row is Row & EventRow {
  return row.sequence !== null;
}

function toEdges(row: EdgeRow): LogEdges {
  return {
    future: positionOf(row.future, '0'),
    horizon: positionOf(row.horizon_transaction, row.horizon_sequence),
  };
}

function toStoredEvent(row: EventRow): StoredEvent {
  const position = positionOf(row.transaction, row.sequence);
  const event: StateEvent = {
    id: toCursor(position),
    projectId: row.project_id,
    type: row.type,
    subjectId: row.subject_id,
    version: row.version,
    data: JSON.parse(row.payload) as Record<string, unknown>,
    actor: row.actor ?? undefined,
    time: row.created_at.toISOString(),
  };
  return { event, position, bytes: row.payload.length };
}

function byPosition(a: StoredEvent, b: StoredEvent): number {
  return comparePositions(a.position, b.position);
}
