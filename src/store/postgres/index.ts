export {
  createPostgresStore,
  defaultPostgresLimits,
  IDEMPOTENCY_KEY_LIFETIME,
  type DedicatedSessionOptions,
  type PostgresLimits,
  type PostgresStore,
  type PostgresStoreOptions,
} from './store.js';
export {
  classifyPostgresError,
  postgresCode,
  storeUnavailable,
  toStoreError,
  type PostgresErrorClass,
} from './error-class.js';
export { readPostgresMigrations, type Migration } from './migrations.js';
export { newestFirst, pageOfRows, POSITION_COLUMN, type ListPosition } from './newest-first.js';
export { addressOf, type Session, type Sql } from './session.js';
export type { Answer } from './transaction.js';
