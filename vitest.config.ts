import { defineConfig } from 'vitest/config';

/** The whole crash matrix takes many minutes; `npm run test:crash` asks for it. */
const fullCrash = process.env['MPLP_TEST_CRASH'] === 'full';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: fullCrash ? [] : ['test/crash/full/**'],
    globalSetup: ['test/support/crash/tally.ts'],
    // Each file gets a process of its own: native addons and signals are part of what is tested.
    pool: 'forks',
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    // Limits for what hangs. How long something takes is never what a test is about: a busy machine must pass.
    testTimeout: fullCrash ? 1_200_000 : 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    teardownTimeout: 20_000,
    reporters: process.env['CI'] === 'true' ? ['default', 'json'] : ['default'],
    outputFile: { json: '.setup/test-report.json' },
  },
});
