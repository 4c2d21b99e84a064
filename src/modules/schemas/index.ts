export { createPostgresSchemaStore } from './postgres-schema-store.js';
