import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { createLogger } from '#dist/observability/log.js';
import { afterAll, beforeAll, inject } from 'vitest';
import { describeTally, emptyTally, reportTally, type Tally } from '../support/crash/tally.js';

export interface SharedClickHouse {
  readonly tally: Tally;
  readonly address: { readonly url: string; readonly username: string; readonly password: string };
}

/** One ClickHouse for all cases of a test file, each with a database of its own; prints the tally at the end. */
export function shareClickHouse(name: string): SharedClickHouse {
  const tally = emptyTally();
  const shared = { tally, address: { url: '', username: '', password: '' } };
  let close = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mplp-crash-clickhouse-'));
    const log = createLogger({ level: 'fatal', format: 'json' });
    const clickhouse = await startEmbeddedClickHouse({ dataDir, port: 0, log });
    const { url, username, password } = clickhouse;
    shared.address = { url, username, password };
    close = async () => {
      await clickhouse.close();
      await rm(dataDir, { recursive: true, force: true });
    };
  });
  afterAll(async () => {
    await close();
    reportTally(inject('crashTallyPath'), tally);
    process.stderr.write(`${name}: ${describeTally(tally)}\n`);
  });
  return shared;
}
