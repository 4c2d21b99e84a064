import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedClickHouse, type EmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { createLogger } from '#dist/observability/log.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tally } from '../support/crash/world.js';
import { expectKept, inWorld, killPoints, killedAt, recovered, recoveryPoints, started, surviveKillAt } from './cases.js';

const tally: Tally = { kills: 0, sent: 0, lost: 0, doubled: 0 };
let clickhouse: EmbeddedClickHouse;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mplp-crash-ch-'));
  clickhouse = await startEmbeddedClickHouse({ dataDir: folder, port: 0, log: createLogger({ level: 'fatal', format: 'json' }) });
});

afterAll(async () => {
  await clickhouse.close();
  await rm(folder, { recursive: true, force: true });
  process.stderr.write(
    `crash suite: ${tally.kills} kills, ${tally.sent} spans sent, ${tally.lost} lost, ${tally.doubled} doubled\n`,
  );
});

describe('a kill', () => {
  it.each(killPoints)('$row: $what', { timeout: 60_000 }, async ({ point }) => {
    await surviveKillAt({ tally, clickhouse }, point);
  });

  it('K0: before the body is complete leaves nothing', { timeout: 60_000 }, async () => {
    await inWorld({ tally, clickhouse }, async (world) => {
      const engine = await started(world);
      const { port } = new URL(engine.url);
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.write(
        'POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n' +
          'Authorization: Bearer the-admin-key-of-the-crash-suite\r\n\r\n{"trace_id":',
      );
      await world.client.send(engine.url, 4);
      engine.kill('SIGKILL');
      expect(await engine.ended).toBe('SIGKILL');
      socket.destroy();
      expectKept(await recovered(world), world.seed);
    });
  });

  it('K11: in every step of the recovery, one after the other', { timeout: 60_000 }, async () => {
    await inWorld({ tally, clickhouse }, async (world) => {
      await killedAt(world, 'spool.seal:2');
      for (const point of recoveryPoints) expect(await world.start({ MPLP_FAILPOINT: point })).toBeUndefined();
      expectKept(await recovered(world), world.seed);
    });
  });
});
