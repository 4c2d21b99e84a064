import type { TailHub } from '../live/index.js';

/**
 * The live tail as an iterator: begins with its first `next`, ends with `return` (which `break` calls) or with the hub. What
 * waits for a slow reader is bounded; spans beyond are counted.
 */
export function followTail<T>(
  hub: TailHub,
  filter: Parameters<TailHub['subscribe']>[0],
  onMissed: (count: number) => void,
): AsyncIterableIterator<T> {
  let subscription: ReturnType<TailHub['subscribe']> | undefined;
  let hasEnded = false;
  let sleepers: (() => void)[] = [];
  const wake = (): void => {
    const awake = sleepers;
    sleepers = [];
    for (const go of awake) go();
  };
  const done = { done: true, value: undefined } as const;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (hasEnded) return done;
      subscription ??= hub.subscribe(filter, wake);
      while (!subscription.closed) {
        const event = subscription.next();
        if (event === undefined) await new Promise<void>((resolve) => sleepers.push(resolve));
        else if (event.kind === 'span')
          return { done: false, value: JSON.parse(event.span.json.toString()) as T };
        else onMissed(event.count);
      }
      return done;
    },
    return() {
      hasEnded = true;
      subscription?.close();
      wake();
      return Promise.resolve(done);
    },
  };
}
