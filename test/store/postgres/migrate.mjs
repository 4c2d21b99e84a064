// Migrates the database of its first argument with the files of its second one, as an engine would.
import { Registry } from 'prom-client';
import { createLogger } from '#dist/observability/log.js';
import { createPostgresStore, readPostgresMigrations } from '#dist/store/postgres/index.js';

const [url, folder] = process.argv.slice(2);
const log = createLogger({ level: 'silent', format: 'json' });
const store = createPostgresStore(
  { url, log, registry: new Registry() },
  await readPostgresMigrations(folder),
);
await store.migrate();
await store.close();
