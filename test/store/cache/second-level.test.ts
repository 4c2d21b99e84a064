import { expect, it } from 'vitest';
import type { SecondLevel } from '#dist/store/cache/index.js';
import { contextKey, createGate, createRow, openCache } from './caches.js';

/** A second level that knows the first version of everything, and answers when its gate opens. */
function createSlowLevel() {
  const gate = createGate();
  const filled: number[] = [];
  const level: SecondLevel = {
    async read() {
      await gate.opened;
      return { found: { version: 1, value: 'v1', bytes: 4 } };
    },
    fill: (_key, version) => void filled.push(version),
    invalidate: () => false,
    heardOf: () => undefined,
    reset: () => undefined,
    close: async () => undefined,
  };
  return { level, gate, filled };
}

it('what the second level answers is compared with what was told meanwhile', async () => {
  for (const change of ['invalidate', 'reset'] as const) {
    const { level, gate, filled } = createSlowLevel();
    const { cache } = openCache({ second: level });
    const [row, key] = [createRow(2), contextKey('a')];
    const reading = cache.read(key, row.load);
    if (change === 'reset') cache.reset();
    else cache.invalidate(key, 2);
    gate.open();
    expect(await reading).toEqual({ version: 2, value: 'v2' });
    expect(filled).toEqual([2]);
  }
});

it('what the second level has is served without a load', async () => {
  const { level, gate } = createSlowLevel();
  gate.open();
  const { cache } = openCache({ second: level });
  const row = createRow(2);
  for (let i = 0; i < 2; i++)
    expect(await cache.read(contextKey('a'), row.load)).toEqual({ version: 1, value: 'v1' });
  expect(row.loads).toBe(0);
});
