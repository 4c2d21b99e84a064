import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plantedEnv } from '../support/plant.js';
import { hasRedis } from '../support/redis-server.js';
import { bugs } from '../support/state/bugs.js';
import { startStateCluster, type StateCluster } from '../support/state/cluster.js';
import { emptyStoryTally, runStory } from '../support/state/run-story.js';
import { calmRounds, rounds } from '../support/state/story.js';

const STORIES = 3;

describe.skipIf(!hasRedis)(
  'contexts of two engines that are killed, on a Postgres and a Redis that are',
  () => {
    let cluster: StateCluster;
    const tally = emptyStoryTally();
    beforeAll(async () => {
      cluster = await startStateCluster();
    });
    afterAll(async () => {
      await cluster.close();
      process.stdout.write(`contexts, short form: ${JSON.stringify(tally)}\n`);
    });

    it('are what the acknowledged requests made of them, each once', { timeout: 300_000 }, async () => {
      const property = fc.asyncProperty(rounds, (all) => runStory(cluster, all, tally));
      await fc.assert(property, { numRuns: STORIES, endOnFailure: true });
      expect(tally.events).toBeGreaterThan(50);
    });
  },
);

describe.skipIf(!hasRedis)('a planted bug is caught', () => {
  it.each([
    ['staleCache', /served version \d+ of .* having acknowledged/],
    ['guessedRow', /acknowledged, and in no version|nothing explains/],
  ] as const)('%s', { timeout: 300_000 }, async (bug, complaint) => {
    const cluster = await startStateCluster(plantedEnv(...bugs[bug]));
    try {
      const property = fc.asyncProperty(calmRounds, (all) => runStory(cluster, all));
      const outcome = await fc.check(property, { numRuns: 30, endOnFailure: true });
      expect(String(outcome.errorInstance)).toMatch(complaint);
    } finally {
      await cluster.close();
    }
  });
});
