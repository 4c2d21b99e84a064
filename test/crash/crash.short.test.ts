import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askClickHouse } from '../support/crash/oracle.js';
import { emptyTally } from '../support/crash/tally.js';
import { ADMIN_KEY, type WorldOptions } from '../support/crash/world.js';
import { startErrorProxy, type InsertError } from '../support/error-proxy.js';
import { startFaultProxy, type Fault, type FaultProxy } from '../support/fault-proxy.js';
import {
  damageOneRecord,
  expectKept,
  inWorld,
  killPoints,
  killedAt,
  recovered,
  recoveryPoints,
  sendTimes,
  started,
  surviveKillAt,
} from './cases.js';
import { shareClickHouse } from './shared-clickhouse.js';

const shared = shareClickHouse('crash suite, short form');
const options = (): WorldOptions => ({ tally: shared.tally, clickhouse: shared.address });
/** What planted bugs lose and double is not counted. */
const planted = emptyTally();

async function proxied(): Promise<{ proxy: FaultProxy; options: WorldOptions }> {
  const proxy = await startFaultProxy(shared.address.url);
  onTestFinished(() => proxy.close());
  return { proxy, options: { ...options(), through: proxy.url } };
}

/** A 1.5 MiB file system at the path where mounting is allowed; elsewhere the spool's own limit is what is hit. */
function mountSmallDisk(path: string): () => void {
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return () => undefined;
  }
  return () => void execFileSync('umount', ['-l', path]);
}

describe('a kill', { timeout: 60_000 }, () => {
  it.each(killPoints)('$row: $what', ({ point }) => surviveKillAt(options(), point));

  it('K0: before the body is complete', async () => {
    await inWorld(options(), async (world) => {
      const engine = await started(world);
      const socket = connect(Number(new URL(engine.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.write(
        'POST /v1.0/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n' +
          `Authorization: Bearer ${ADMIN_KEY}\r\n\r\n{"trace_id":`,
      );
      await world.client.send(engine.url, 4);
      engine.kill('SIGKILL');
      expect(await engine.ended).toBe('SIGKILL');
      socket.destroy();
      expectKept(await recovered(world), world.seed);
    });
  });

  it('K6: while half of the segment is on its way to ClickHouse', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld(through, async (world) => {
      const engine = await started(world);
      proxy.fault = { kind: 'cut', afterBytes: 3000 };
      proxy.onBroken = () => engine.kill('SIGKILL');
      await world.client.send(engine.url, 400);
      expect(await engine.ended).toBe('SIGKILL');
      proxy.onBroken = () => undefined;
      proxy.fault = { kind: 'none' };
      expectKept(await recovered(world), world.seed);
    });
  });

  it('K7: after ClickHouse took the segment, its reply lost', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld(through, async (world) => {
      const engine = await started(world);
      proxy.fault = { kind: 'lose-reply' };
      proxy.onBroken = () => engine.kill('SIGKILL');
      await world.client.send(engine.url, 400);
      expect(await engine.ended).toBe('SIGKILL');
      proxy.onBroken = () => undefined;
      proxy.fault = { kind: 'none' };
      expectKept(await recovered(world), world.seed);
    });
  });

  it('K11: in every step of the recovery, one after the other', async () => {
    await inWorld(options(), async (world) => {
      await killedAt(world, 'spool.seal:2');
      for (const point of recoveryPoints)
        expect(await world.start({ MPLP_FAILPOINT: point })).toBeUndefined();
      expectKept(await recovered(world), world.seed);
    });
  });

  it('is survived while the embedded ClickHouse of the killed engine still holds its folder', async () => {
    await inWorld({ tally: shared.tally }, async (world) => {
      const engine = await started(world);
      await world.client.send(engine.url, 5);
      const { pid } = engine.clickhouse;
      process.kill(pid!, 'SIGSTOP');
      engine.kill('SIGKILL');
      await engine.ended;
      setTimeout(() => process.kill(pid!, 'SIGCONT'), 1000);
      expectKept(await recovered(world), world.seed);
    });
  });

  it('K8: of the first engine on a store and its embedded ClickHouse, and of the next: both know the inserts again', async () => {
    await inWorld({ tally: shared.tally }, async (world) => {
      await killedAt(world, 'loader.inserted:1');
      await killedAt(world, 'loader.inserted:2');
      expectKept(await recovered(world), world.seed);
    });
  });

  it('at a random moment, of the engine and of its embedded ClickHouse, again and again', async () => {
    await inWorld({ tally: shared.tally }, async (world) => {
      for (let round = 0; round < 4; round++) {
        const engine = await started(world);
        const sending = world.client.send(engine.url, 1000);
        await delay(100 + ((world.seed >> round) % 500));
        if (round % 2 === 1) engine.killClickHouse();
        if (round % 2 === 1) await delay(300);
        engine.kill('SIGKILL');
        await engine.ended;
        await sending;
      }
      expectKept(await recovered(world), world.seed);
    });
  });
});

describe('a power loss (what was not synced is gone)', { timeout: 60_000 }, () => {
  it.each([
    'spool.written:5',
    'spool.synced:5',
    'spool.acked:5',
    'spool.sealed:2',
    'loader.inserted:2',
    'spool.checkpointed:2',
  ])('P1: at %s', (point) => surviveKillAt(options(), point, { MPLP_POWER_LOSS: '1' }));
});

describe('the network', { timeout: 90_000 }, () => {
  it('N1: ClickHouse is away for 5 seconds while spans keep coming', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld(through, async (world) => {
      const engine = await started(world);
      await world.client.send(engine.url, 10);
      proxy.fault = { kind: 'down' };
      const until = Date.now() + 5000;
      for (; Date.now() < until; await delay(100)) await world.client.send(engine.url, 5);
      proxy.fault = { kind: 'none' };
      expectKept(await world.verdict(engine), world.seed);
    });
  });

  it('N2: resets, cuts, loses replies, is late, is slow, and stands still', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld(through, async (world) => {
      const engine = await started(world);
      const faults: Fault[] = [
        { kind: 'cut', afterBytes: 100 },
        { kind: 'cut', afterBytes: 5000 },
        { kind: 'lose-reply' },
        { kind: 'late', delayMs: 150 },
        { kind: 'slow', bytesPerSecond: 20_000 },
        { kind: 'hang' },
      ];
      for (const fault of faults) {
        proxy.fault = fault;
        await world.client.send(engine.url, 15);
        await delay(800);
        proxy.fault = { kind: 'none' };
        expectKept(await world.verdict(engine), world.seed);
      }
      expect(proxy.broken).toBeGreaterThan(2);
    });
  });

  it('N3: ClickHouse answers with errors that pass', async () => {
    const proxy = await startErrorProxy(shared.address.url);
    onTestFinished(() => proxy.close());
    await inWorld({ ...options(), through: proxy.url }, async (world) => {
      const engine = await started(world);
      const errors: InsertError[] = [
        {
          status: 500,
          code: 252,
          message:
            'Too many parts (3000). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)',
        },
        { status: 500, code: 241, message: 'Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)' },
        { status: 500, code: 159, message: 'Timeout exceeded. (TIMEOUT_EXCEEDED)' },
        { status: 500, code: 242, message: 'Table is in readonly mode. (TABLE_IS_READ_ONLY)' },
        { status: 404, code: 60, message: 'Table span_intake does not exist. (UNKNOWN_TABLE)' },
        { status: 403, code: 516, message: 'default: Authentication failed. (AUTHENTICATION_FAILED)' },
        { status: 429, message: 'slow down' },
        { status: 503, message: 'upstream is away' },
      ];
      for (const error of errors) {
        let left = 2;
        proxy.decide = () => (left-- > 0 ? error : undefined);
        await world.client.send(engine.url, 5);
        expectKept(await world.verdict(engine), world.seed);
      }
      expect(proxy.refused).toBe(errors.length * 2);
    });
  });

  it('N3: ClickHouse refuses some spans for good: they are dead letters, and come back by replay', async () => {
    const proxy = await startErrorProxy(shared.address.url);
    onTestFinished(() => proxy.close());
    const poisoned = new Set([3, 17]);
    const mark = (batch: number): string => (poisoned.has(batch) ? 'POISON' : '');
    await inWorld({ ...options(), through: proxy.url, mark }, async (world) => {
      const engine = await started(world);
      const overflow = { status: 500, code: 407, message: 'Decimal math overflow. (DECIMAL_OVERFLOW)' };
      proxy.decide = (body) => (body.includes('POISON') ? overflow : undefined);
      // One at a time, so that each body is a record of its own.
      await world.client.send(engine.url, 30, 1);
      expectKept(await world.verdict(engine, { excused: poisoned, deadLetters: 2 }), world.seed);
      proxy.decide = () => undefined;
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
      const body = JSON.stringify({ all: true });
      const reply = await fetch(`${engine.url}/v1.0/dead-letters/replay`, { method: 'POST', headers, body });
      expect(((await reply.json()) as { replayed: string[] }).replayed).toHaveLength(2);
      expectKept(await world.verdict(engine), world.seed);
    });
  });
});

describe('the disk', { timeout: 60_000 }, () => {
  it('P5: full, it makes the engine refuse spans, and take them again by itself when ClickHouse is back', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld({ ...through, env: { MPLP_SPOOL_MAX_BYTES: '2097152' } }, async (world) => {
      const unmount = mountSmallDisk(`${world.dataDir}/spool`);
      try {
        const engine = await started(world);
        proxy.fault = { kind: 'down' };
        const sending = world.client.send(engine.url, 350);
        await expect.poll(() => world.client.refusals, { timeout: 30_000 }).toBeGreaterThan(3);
        proxy.fault = { kind: 'none' };
        await sending;
        expectKept(await world.verdict(engine), world.seed);
        engine.kill('SIGTERM');
        expect(await engine.ended).toBe('0');
      } finally {
        unmount();
      }
    });
  });

  it('P3: a flipped bit costs its record only, and nothing false is stored', async () => {
    await inWorld(options(), async (world) => {
      await killedAt(world, 'spool.seal:2');
      const excused = damageOneRecord(world.dataDir);
      expectKept(await recovered(world, { excused, quarantined: 1 }), world.seed);
    });
  });
});

describe('the times of spans (T2)', { timeout: 60_000 }, () => {
  it('are refused before the acknowledgement where ClickHouse could not hold them, and stored where it can', async () => {
    await inWorld(options(), async (world) => {
      const engine = await started(world);
      for (const times of [
        { start: '1970-01-01T00:00:00Z' },
        { start: '9999-12-31T23:59:59Z' },
        { start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' },
        { start: '2026-01-01T00:00:00Z', end: '9999-12-31T23:59:59.999999999Z' },
        { start: '0000-01-01T00:00:00Z' },
      ]) {
        const { status, text } = await sendTimes(engine, [times]);
        expect(status, text).toBe(400);
        expect(text).toContain('/timestamp');
      }
      const day = (index: number): string => new Date(Date.now() - (index + 1) * 86_400_000).toISOString();
      const days = Array.from({ length: 150 }, (_, index) => ({ start: day(index), end: day(index) }));
      const { status, text } = await sendTimes(engine, [...days, { start: '1970-01-01T00:00:00Z' }]);
      expect(status, text).toBe(202);
      expect(JSON.parse(text)).toMatchObject({ accepted: 150, rejected: 1 });
      const count = async (): Promise<number> => {
        const [row] = await askClickHouse<{ spans: string }>(
          engine.clickhouse,
          'SELECT count() AS spans FROM spans',
        );
        return Number(row!.spans);
      };
      await expect.poll(count, { timeout: 20_000 }).toBe(150);
    });
  });
});

describe('a planted bug is caught', { timeout: 60_000 }, () => {
  it('ack-before-fsync: a power loss takes acknowledged spans', async () => {
    await inWorld({ ...options(), tally: planted }, async (world) => {
      await killedAt(world, 'spool.acked:5', { MPLP_POWER_LOSS: '1', MPLP_PLANT: 'ack-before-fsync' });
      expect((await recovered(world)).problems.join()).toMatch(/acknowledged spans are lost/);
    });
  });

  it('token-omitted: a lost reply doubles spans', async () => {
    const { proxy, options: through } = await proxied();
    await inWorld({ ...through, tally: planted }, async (world) => {
      const engine = await started(world, { MPLP_PLANT: 'token-omitted' });
      proxy.fault = { kind: 'lose-reply' };
      proxy.onBroken = () => (proxy.fault = { kind: 'none' });
      await world.client.send(engine.url, 20);
      expect((await world.verdict(engine)).problems.join()).toMatch(/more than once/);
    });
  });

  it('unlink-before-checkpoint: a kill in between leaves a sidecar without its segment', async () => {
    await inWorld({ ...options(), tally: planted }, async (world) => {
      await killedAt(world, 'spool.checkpoint:2', { MPLP_PLANT: 'unlink-before-checkpoint' });
      expect((await recovered(world)).problems.join()).toMatch(/quarantined records/);
    });
  });

  it('crc-skipped: a flipped bit reaches the table', async () => {
    await inWorld({ ...options(), tally: planted, env: { MPLP_PLANT: 'crc-skipped' } }, async (world) => {
      await killedAt(world, 'spool.seal:2');
      const excused = damageOneRecord(world.dataDir);
      expect((await recovered(world, { excused, quarantined: 1 })).problems.join()).toMatch(
        /came out other than it went in/,
      );
    });
  });

  it('and is refused outside of tests', async () => {
    await inWorld({ ...options(), tally: planted }, async (world) => {
      const refused = world.start({
        MPLP_PLANT: 'crc-skipped',
        NODE_ENV: 'production',
        MPLP_LOG_LEVEL: 'silent',
      });
      await expect(refused).rejects.toThrow(/did not start: 1/);
    });
  });
});
