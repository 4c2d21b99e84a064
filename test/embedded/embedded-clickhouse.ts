import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { startEmbeddedClickHouse, type EmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { createLogger } from '#dist/observability/log.js';

export interface TestClickHouse {
  readonly server: EmbeddedClickHouse;
  readonly dataDir: string;
  client(options?: {
    database?: string;
    compression?: boolean;
    session_id?: string;
    password?: string;
  }): ClickHouseClient;
  close(): Promise<void>;
}

/** A real embedded ClickHouse on a data folder of its own, gone after `close`. */
export async function startTestClickHouse(): Promise<TestClickHouse> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mplp-clickhouse-'));
  const log = createLogger({ level: 'silent', format: 'json' });
  const server = await startEmbeddedClickHouse({ dataDir, port: 0, log });
  const clients: ClickHouseClient[] = [];
  return {
    server,
    dataDir,
    client(options = {}) {
      const client = createClient({
        url: server.url,
        username: server.username,
        password: options.password ?? server.password,
        ...(options.database !== undefined && { database: options.database }),
        ...(options.session_id !== undefined && { session_id: options.session_id }),
        compression: { request: options.compression ?? false, response: options.compression ?? false },
        log: { level: 127 as never },
      });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) await client.close();
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
