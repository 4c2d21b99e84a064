/** A wait that can be cut short from outside. */
export interface Pause {
  /** Resolves after the time, or when `wake` is called; at once when it was called since the last wait began. */
  wait(ms: number): Promise<void>;
  wake(): void;
}

export function createPause(): Pause {
  let isWoken = false;
  let onWoken = (): void => {};
  return {
    async wait(ms) {
      if (!isWoken && ms > 0)
        await new Promise<void>((resolve) => {
          const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
          onWoken = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      isWoken = false;
      onWoken = () => {};
    },
    wake() {
      isWoken = true;
      onWoken();
    },
  };
}

/** Delays that double from `initialMs` to `maxMs`, each shortened at random by up to a half. */
export function backoffMs(attempt: number, initialMs: number, maxMs: number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30)) * (0.5 + Math.random() / 2);
}
