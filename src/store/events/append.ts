import type { Sql } from '../postgres/index.js';
import type { NewEvent } from './contract.js';

/** Connections whose transaction has appended something that no reader has been told of. */
const untold = new WeakSet<Sql>();

/** Readers hold many events at a time. */
export const MAX_EVENT_DATA_BYTES = 32 * 1024;

/**
 * Writes an event in the caller's transaction: it exists when, and only when, the change does. The event log of
 * the process hears of the COMMIT and tells other engines.
 *
 * No NOTIFY here: a transaction that has one commits under a lock of the whole database, so that commits come one by one
 * and share no sync to disk. Half of all changes a second were lost to that.
 *
 * The number of a transaction is given out before it waits for the lock of the subject, so a later change can have the
 * lower one. Its event takes the number of the subject's last event then, which is as safe for readers (they stop before
 * the oldest running transaction, and this one is older still) and keeps the events of a subject in the order of its
 * versions. For that the caller locks the row of the subject, by changing it, before it calls this.
 *
 * Data beyond the limit is replaced by `{"omitted_bytes": n}`: an event must not be what makes a legal change fail.
 */
export async function appendEvent(sql: Sql, event: NewEvent): Promise<void> {
  const { projectId, type, subjectId, version, actor } = event;
  untold.add(sql);
  await sql`
    INSERT INTO outbox (transaction_id, project_id, type, subject_id, version, payload, actor)
    VALUES (
      GREATEST(pg_current_xact_id(), (
        SELECT transaction_id FROM outbox WHERE project_id = ${projectId} AND subject_id = ${subjectId}
        ORDER BY sequence DESC LIMIT 1)),
      ${projectId}, ${type}, ${subjectId}, ${version}, ${eventData(event.data)}::text::jsonb, ${actor ?? null})`;
}

/** A piece of a statement. */
type Fragment = ReturnType<Sql>;

/**
 * The same for a statement that makes its change itself, as `WITH changed AS (… RETURNING …, version), event AS (…)`:
 * the event is there when `changed` has a row.
 *
 * @param inTransaction the statement is not the first of its transaction, so that its number may be old.
 */
export function eventOfChange(sql: Sql, event: Omit<NewEvent, 'version'>, inTransaction: boolean): Fragment {
  const { projectId, type, subjectId, actor } = event;
  untold.add(sql);
  const number = inTransaction
    ? sql`GREATEST(pg_current_xact_id(), (
        SELECT transaction_id FROM outbox WHERE project_id = ${projectId} AND subject_id = ${subjectId}
        ORDER BY sequence DESC LIMIT 1))`
    : sql`pg_current_xact_id()`;
  return sql`
    event AS (
      INSERT INTO outbox (transaction_id, project_id, type, subject_id, version, payload, actor)
      SELECT ${number}, ${projectId}, ${type}, ${subjectId}::uuid, version, ${eventData(event.data)}::text::jsonb, ${actor ?? null}
      FROM changed)`;
}

/**
 * The same for a statement that is a transaction of its own and changes many subjects: `changed` has the columns
 * `project_id`, `type`, `id`, `version`, `data` (text, see `eventData`) and `actor`.
 */
export function eventsOfChanges(sql: Sql): Fragment {
  untold.add(sql);
  return sql`
    event AS (
      INSERT INTO outbox (transaction_id, project_id, type, subject_id, version, payload, actor)
      SELECT pg_current_xact_id(), project_id, type, id, version, data::jsonb, actor FROM changed)`;
}

/** Whether the transaction that was committed with this may have appended events; says so once. */
export function takeAppended(sql: Sql): boolean {
  return untold.delete(sql);
}

/** Data of an event as JSON, within its limit. */
export function eventData(data: NewEvent['data']): string {
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text);
  return bytes <= MAX_EVENT_DATA_BYTES ? text : JSON.stringify({ omitted_bytes: bytes });
}
