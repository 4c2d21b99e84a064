import type { PostgresStore, Sql } from '../../store/postgres/index.js';
import { within, type Scope } from '../documents/index.js';

/**
 * Runs work while nobody else changes roles of the project or who has them, whichever engine they ask: two changes that are
 * right each could make a circle together, or assign a role that is being removed. Changes of roles are rare.
 */
export function underRoleLock<T>(
  store: PostgresStore,
  scope: Scope,
  work: (scope: Scope, sql: Sql) => Promise<T>,
): Promise<T> {
  return within(store, scope, async (inner, sql) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`roles of ${inner.projectId}`}, 0))`;
    return work(inner, sql);
  });
}
