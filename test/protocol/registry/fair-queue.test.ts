import { describe, expect, test } from 'vitest';
import { createFairQueue, type FairQueue } from '#dist/protocol/registry/fair-queue.js';

const queue = (options: Partial<Parameters<typeof createFairQueue>[0]> = {}): FairQueue =>
  createFairQueue({
    places: 1,
    maxWaiting: 4,
    maxWaitingTogether: 8,
    refuse: (waiting) => new Error(`refused behind ${waiting}`),
    ...options,
  });

/** Work that notes its name when it gets a place, and gives the place back at once. */
function worker(places: FairQueue): {
  readonly log: string[];
  run(key: string, name: string): Promise<void>;
} {
  const log: string[] = [];
  return {
    log,
    async run(key, name) {
      const leave = await places.enter(key).catch(() => undefined);
      log.push(leave === undefined ? `${name} refused` : name);
      leave?.();
    },
  };
}

describe('a fair queue', () => {
  test('gives places in turns, and in order of arrival within a line', async () => {
    const places = queue();
    const leave = await places.enter('a');
    const { log, run } = worker(places);
    const all = [
      run('a', 'a1'),
      run('a', 'a2'),
      run('a', 'a3'),
      run('b', 'b1'),
      run('c', 'c1'),
      run('b', 'b2'),
    ];
    leave();
    await Promise.all(all);
    expect(log).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  test('refuses what is too much of one line, and nobody else for it', async () => {
    const places = queue();
    const leave = await places.enter('a');
    const { log, run } = worker(places);
    const all = Array.from({ length: 6 }, (_, n) => run('a', `a${n}`));
    all.push(run('b', 'b0'));
    leave();
    await Promise.all(all);
    expect(log).toEqual(['a4 refused', 'a5 refused', 'a0', 'b0', 'a1', 'a2', 'a3']);
  });

  test('lets the longest line give way when all together are too many', async () => {
    const places = queue();
    const leave = await places.enter('x');
    const { log, run } = worker(places);
    const floods = ['a', 'b'].flatMap((key) => Array.from({ length: 4 }, (_, n) => run(key, `${key}${n}`)));
    const others = [run('c', 'c0'), run('d', 'd0')];
    leave();
    await Promise.all([...floods, ...others]);
    expect(log.filter((name) => name.endsWith('refused'))).toEqual(['a3 refused', 'b3 refused']);
    expect(log.filter((name) => !name.endsWith('refused'))).toEqual([
      'a0',
      'b0',
      'c0',
      'd0',
      'a1',
      'b1',
      'a2',
      'b2',
    ]);
  });

  test('refuses the newcomer when no line is longer than its own would be', async () => {
    const places = queue({ maxWaitingTogether: 2 });
    const leave = await places.enter('x');
    const { log, run } = worker(places);
    const all = [run('a', 'a'), run('b', 'b'), run('c', 'c')];
    leave();
    await Promise.all(all);
    expect(log).toEqual(['c refused', 'a', 'b']);
  });

  test('never holds more places than there are, and gives all back', async () => {
    const places = queue({ places: 3, maxWaiting: 100, maxWaitingTogether: 1_000 });
    let held = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const leave = await places.enter(String(n % 7));
        most = Math.max(most, ++held);
        await new Promise((resolve) => setImmediate(resolve));
        held -= 1;
        leave();
      }),
    );
    expect([most, held]).toEqual([3, 0]);
    const again = await Promise.all([places.enter('a'), places.enter('b'), places.enter('c')]);
    expect(again).toHaveLength(3);
  });
});
