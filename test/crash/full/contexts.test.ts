import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedis } from '../../support/redis-server.js';
import { startStateCluster, type StateCluster } from '../../support/state/cluster.js';
import { emptyStoryTally, runStory } from '../../support/state/run-story.js';
import { rounds } from '../../support/state/story.js';

const STORIES = Number(process.env['MPLP_CRASH_STORIES'] ?? 100);
const SEED = Number(process.env['MPLP_CRASH_SEED'] ?? Date.now() % 1_000_000);

describe.skipIf(!hasRedis)('contexts, in many stories', () => {
  let cluster: StateCluster;
  const tally = emptyStoryTally();
  beforeAll(async () => {
    cluster = await startStateCluster();
  });
  afterAll(async () => {
    await cluster.close();
    process.stdout.write(`contexts, seed ${SEED}: ${JSON.stringify(tally)}\n`);
  });

  it('are what the acknowledged requests made of them, each once', { timeout: 7_200_000 }, async () => {
    const property = fc.asyncProperty(rounds, (all) => runStory(cluster, all, tally));
    await fc.assert(property, { numRuns: STORIES, seed: SEED, endOnFailure: true });
    expect(tally.engineKills).toBeGreaterThan(0);
    expect(tally.postgresKills).toBeGreaterThan(0);
  });
});
