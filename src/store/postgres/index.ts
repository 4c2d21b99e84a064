export {
  createPostgresStore,
  defaultPostgresLimits,
  type PostgresLimits,
  type PostgresStore,
  type PostgresStoreOptions,
} from './store.js';
export { classifyPostgresError, postgresCode, type PostgresErrorClass } from './error-class.js';
export { readPostgresMigrations, type Migration } from './migrations.js';
export { addressOf, type Sql } from './session.js';
