import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../support/random.js';
import type { WorldOptions } from '../../support/crash/world.js';
import { expectKept, inWorld, killPoints, killedAt, recovered, recoveryPoints, started } from '../cases.js';
import { shareClickHouse } from '../shared-clickhouse.js';

const SEEDS = Number(process.env['MPLP_CRASH_SEEDS'] ?? 20);
const FIRST_SEED = Number(process.env['MPLP_CRASH_SEED'] ?? Date.now() % 1_000_000);
const shared = shareClickHouse('crash suite, kills');
const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index);

const options = (seed: number): WorldOptions => ({
  tally: shared.tally,
  clickhouse: shared.address,
  seed,
  spansPerBatch: 1 + (seed % 40),
});

/** The point at another passage for each seed, so that every run dies somewhere else. */
function pointFor(point: string, seed: number): string {
  const [name = '', count = '1'] = point.split(':');
  return `${name}:${Math.max(1, Number(count) + (seed % 4) - 1)}`;
}

describe.each(killPoints)('$row: killed $what', ({ point }) => {
  it.each(seeds)('seed %i', async (seed) => {
    await inWorld(options(seed), async (world) => {
      await killedAt(world, pointFor(point, seed), seed % 2 === 0 ? {} : { MPLP_POWER_LOSS: '1' });
      expectKept(await recovered(world), seed);
    });
  });
});

describe('K11: killed in the recovery, ten times in a row', () => {
  it.each(seeds)('seed %i', async (seed) => {
    await inWorld(options(seed), async (world) => {
      const random = createRandom(seed);
      await killedAt(world, pointFor('spool.seal:3', seed));
      for (let round = 0; round < 10; round++) {
        const engine = await world.start({ MPLP_FAILPOINT: random.pick(recoveryPoints) });
        // Once the recovery has nothing left to do, its points are not passed any more.
        engine?.kill('SIGKILL');
        await engine?.ended;
      }
      expectKept(await recovered(world), seed);
    });
  });
});

describe('killed at random moments, engine and embedded ClickHouse, one after the other', () => {
  it.each(seeds.slice(0, Math.ceil(SEEDS / 4)))('seed %i', async (seed) => {
    const env = { MPLP_SPOOL_SEGMENT_BYTES: '1048576' };
    await inWorld({ tally: shared.tally, seed, spansPerBatch: 1 + (seed % 100), env }, async (world) => {
      const random = createRandom(seed);
      for (let round = 0; round < 10; round++) {
        const engine = await started(world);
        const sending = world.client.send(engine.url, 100_000, 8);
        await delay(50 + random.below(1500));
        if (random.chance(0.5)) {
          engine.killClickHouse();
          await delay(random.below(1500));
        }
        engine.kill('SIGKILL');
        expect(await engine.ended).toBe('SIGKILL');
        await sending;
      }
      expectKept(await recovered(world), seed);
    });
  });
});
