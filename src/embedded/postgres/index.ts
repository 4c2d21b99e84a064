export { startEmbeddedPostgres } from './supervisor.js';
export type { EmbeddedPostgres, EmbeddedPostgresOptions, EmbeddedPostgresState } from './supervisor.js';
