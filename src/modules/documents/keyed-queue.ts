/** Runs work that has the same key one after another, in the order it came; other keys are not held up. */
export interface KeyedQueue {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createKeyedQueue(): KeyedQueue {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(key, work) {
      const before = tails.get(key);
      const result = before === undefined ? work() : before.then(work, work);
      tails.set(key, result);
      const end = (): void => {
        if (tails.get(key) === result) tails.delete(key);
      };
      result.then(end, end);
      return result;
    },
  };
}
