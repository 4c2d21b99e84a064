import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startFaultProxy, type Fault } from '../../support/fault-proxy.js';
import { createRandom } from '../../support/random.js';
import { expectKept, inWorld, recovered, started } from '../cases.js';
import { shareClickHouse } from '../shared-clickhouse.js';

const FIRST_SEED = Number(process.env['MPLP_CRASH_SEED'] ?? Date.now() % 1_000_000);
const shared = shareClickHouse('crash suite, network');

async function proxied() {
  const proxy = await startFaultProxy(shared.address.url);
  onTestFinished(() => proxy.close());
  return {
    proxy,
    options: { tally: shared.tally, clickhouse: shared.address, through: proxy.url, seed: FIRST_SEED },
  };
}

describe('the network', () => {
  it('N1: ClickHouse is away for a minute', async () => {
    const { proxy, options } = await proxied();
    await inWorld(options, async (world) => {
      const engine = await started(world);
      proxy.fault = { kind: 'down' };
      for (const until = Date.now() + 60_000; Date.now() < until; await delay(500)) {
        await world.client.send(engine.url, 5);
      }
      proxy.fault = { kind: 'none' };
      expectKept(await world.verdict(engine), world.seed);
    });
  });

  it.each<Fault>([
    { kind: 'slow', bytesPerSecond: 1000 },
    { kind: 'late', delayMs: 30_000 },
    { kind: 'hang' },
  ])('N2: $kind for so long that inserts time out', async (fault) => {
    const { proxy, options } = await proxied();
    await inWorld(options, async (world) => {
      const engine = await started(world);
      proxy.fault = fault;
      for (const until = Date.now() + 75_000; Date.now() < until; await delay(1000)) {
        await world.client.send(engine.url, 2);
      }
      proxy.fault = { kind: 'none' };
      expectKept(await world.verdict(engine), world.seed);
    });
  });

  it('N2 and K: any fault at any time, with kills in between', async () => {
    const { proxy, options } = await proxied();
    const faults: Fault[] = [
      { kind: 'none' },
      { kind: 'down' },
      { kind: 'lose-reply' },
      { kind: 'cut', afterBytes: 2000 },
      { kind: 'late', delayMs: 200 },
      { kind: 'slow', bytesPerSecond: 100_000 },
    ];
    await inWorld(options, async (world) => {
      const random = createRandom(world.seed);
      for (let round = 0; round < 12; round++) {
        proxy.fault = { kind: 'none' };
        const engine = await started(world);
        const sending = world.client.send(engine.url, 100_000, 4);
        for (let step = 0; step < 5; step++) {
          proxy.fault = random.pick(faults);
          await delay(random.below(700));
        }
        engine.kill('SIGKILL');
        expect(await engine.ended).toBe('SIGKILL');
        await sending;
      }
      proxy.fault = { kind: 'none' };
      expectKept(await recovered(world), world.seed);
    });
  });
});
