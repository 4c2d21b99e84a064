import type { Sql } from './session.js';

/** A place in a list that is sorted by creation, newest first. */
export interface ListPosition {
  /** As Postgres writes it, to the microsecond: `2025-01-31T09:30:00.123456Z`. */
  readonly createdAt: string;
  readonly id: string;
}

/** What a list selects besides: where each row stands. */
export const POSITION_COLUMN = `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`;

/** The end of a list's statement, behind its `WHERE`: the rows after a place, and one more that tells whether more follow. */
export function newestFirst(sql: Sql, after: ListPosition | undefined, limit: number): ReturnType<Sql> {
  const behind =
    after === undefined
      ? sql``
      : sql`AND (created_at, id) < (${after.createdAt}::text::timestamptz, ${after.id}::uuid)`;
  return sql`${behind} ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`;
}

/** Rows of such a statement as a page; `next` is where it ended when more follow. */
export function pageOfRows<Row extends { readonly id: string; readonly at: string }>(
  rows: readonly Row[],
  limit: number,
): { readonly page: readonly Row[]; readonly next: ListPosition | undefined } {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { page, next: last === undefined ? undefined : { createdAt: last.at, id: last.id } };
}
