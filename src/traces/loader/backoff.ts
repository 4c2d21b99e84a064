/** Delays that double from `initialMs` to `maxMs`, each shortened at random by up to a half. */
export interface Backoff {
  nextMs(): number;
  reset(): void;
}

export function createBackoff(initialMs: number, maxMs: number): Backoff {
  let attempt = 0;
  return {
    nextMs() {
      const fullMs = Math.min(maxMs, initialMs * 2 ** Math.min(attempt++, 30));
      return fullMs * (0.5 + Math.random() / 2);
    },
    reset() {
      attempt = 0;
    },
  };
}

/** Resolves after the delay, or at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
