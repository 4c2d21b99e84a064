/** Places for work, given to those who ask in turns: one who asks for many holds nobody else up for long. */
export interface FairQueue {
  /**
   * Waits for a place.
   *
   * @returns gives the place to the next one. Call it once.
   * @throws what `refuse` makes, at once or later, when too many wait
   */
  enter(key: string): Promise<() => void>;
}

export interface FairQueueOptions {
  /** Places that can be held at a time. */
  readonly places: number;
  /** Most that wait under one key, and under all keys together. */
  readonly maxWaiting: number;
  readonly maxWaitingTogether: number;
  readonly refuse: (waiting: number) => Error;
}

interface Waiter {
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * Round robin over the keys that wait, in order of arrival for each. When all together are too many, the last one of the
 * longest line gives way to one of a shorter line: many who ask for little are not locked out by few who ask for much.
 */
export function createFairQueue(options: FairQueueOptions): FairQueue {
  const { places, maxWaiting, maxWaitingTogether, refuse } = options;
  /** The lines in the order of their turns. None is empty. */
  const lines = new Map<string, Waiter[]>();
  let held = 0;
  let waiting = 0;

  const leave = (): void => {
    const [turn] = lines;
    if (turn === undefined) {
      held -= 1;
      return;
    }
    const [key, line] = turn;
    const next = line.shift();
    waiting -= 1;
    // Behind all others now.
    lines.delete(key);
    if (line.length > 0) lines.set(key, line);
    next?.go();
  };

  /** @param length of the line that the next one joins. */
  const makeRoom = (length: number): void => {
    let longest: Waiter[] | undefined;
    for (const line of lines.values()) if (line.length > (longest?.length ?? length + 1)) longest = line;
    if (longest === undefined) throw refuse(waiting);
    const last = longest.pop();
    waiting -= 1;
    last?.fail(refuse(waiting));
  };

  return {
    async enter(key) {
      if (held < places) held += 1;
      else {
        const line = lines.get(key) ?? [];
        if (line.length >= maxWaiting) throw refuse(line.length);
        if (waiting >= maxWaitingTogether) makeRoom(line.length);
        lines.set(key, line);
        waiting += 1;
        await new Promise<void>((go, fail) => line.push({ go, fail }));
      }
      return leave;
    },
  };
}
