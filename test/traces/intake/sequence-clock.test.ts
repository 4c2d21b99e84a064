import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSequenceClock, createSharedTick, sequenceOf } from '#dist/traces/intake/sequence-clock.js';

describe('the sequence clock', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('only goes up, also when the wall clock is set back', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) });
    const clock = createSequenceClock(createSharedTick(0n), 3);
    let highest = 0n;
    for (let round = 0; round < 100; round++) {
      if (round === 50) vi.setSystemTime(Date.UTC(2026, 4, 1));
      const rows = 1 + ((round * 37) % 1000);
      const base = clock.reserve(rows * 128, 'json');
      expect(base > highest).toBe(true);
      highest = sequenceOf(base, rows - 1);
    }
  });

  it('starts above the highest number of an earlier start that had a later clock, or another node', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) });
    const earlier = createSequenceClock(createSharedTick(0n), 1023);
    const highest = sequenceOf(earlier.reserve(1000 * 128, 'json'), 999);
    for (const now of [Date.UTC(2026, 5, 1), Date.UTC(2025, 5, 1), Date.UTC(2000, 5, 1)]) {
      vi.setSystemTime(now);
      expect(createSequenceClock(createSharedTick(highest), 0).reserve(128, 'json') > highest).toBe(true);
    }
  });

  it('follows the wall clock when that is ahead', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) });
    const shared = createSharedTick(1n << 30n);
    const before = createSequenceClock(shared, 0).reserve(128, 'json');
    vi.setSystemTime(Date.UTC(2026, 5, 1) + 1000);
    const after = createSequenceClock(shared, 0).reserve(128, 'json');
    expect((after - before) >> 18n).toBe(62_500n);
  });

  it('is shared by all who hold the same memory', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 5, 1) });
    const shared = createSharedTick(0n);
    const clocks = [createSequenceClock(shared, 7), createSequenceClock(shared, 7)];
    const given = Array.from({ length: 50 }, (_, index) => clocks[index % 2]!.reserve(128, 'json'));
    expect(new Set(given).size).toBe(50);
  });
});
