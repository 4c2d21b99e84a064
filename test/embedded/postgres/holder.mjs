// Starts the embedded Postgres on the folder of its argument and tells its parent where it is.
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { startEmbeddedPostgres } from '#dist/embedded/postgres/index.js';
import { createLogger } from '#dist/observability/log.js';

const server = await startEmbeddedPostgres({
  dataDir: process.argv[2],
  port: 0,
  password: 'a-password-of-the-tests',
  passwordIsNew: false,
  log: createLogger({ level: 'silent', format: 'json' }),
  registry: new Registry(),
});
while (server.state !== 'up') await delay(10);
process.send({ url: server.url, pid: server.pid });
process.once('message', async () => {
  await server.close();
  process.disconnect();
});
