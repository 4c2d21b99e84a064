import { backoffMs, createPause } from '../../store/events/index.js';

export interface Attempt {
  /** Failures that were known when it began. */
  readonly generation: number;
}

/** Decides when a receiver may be asked again. */
export interface RetryGate {
  readonly failureCount: number;
  /** Resolves when an attempt may begin, `undefined` when the gate is closed for good. After failures one at a time may. */
  enter(): Promise<Attempt | undefined>;
  succeeded(): void;
  /** Gives the milliseconds until the next attempt. Attempts that were under way together fail as one. */
  failed(attempt: Attempt, retryAfterMs: number | undefined): number;
  close(): void;
}

export function createRetryGate(options: {
  readonly failureCount: number;
  readonly retryInMs: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
}): RetryGate {
  let { failureCount } = options;
  let openAtMs = performance.now() + Math.max(0, options.retryInMs);
  let generation = 0;
  let isProbing = false;
  let isClosed = false;
  const pauses = new Set<ReturnType<typeof createPause>>();
  const wakeAll = (): void => pauses.forEach((pause) => pause.wake());
  return {
    get failureCount() {
      return failureCount;
    },
    async enter() {
      const pause = createPause();
      pauses.add(pause);
      try {
        while (!isClosed) {
          const waitMs = openAtMs - performance.now();
          if (waitMs > 0) await pause.wait(waitMs);
          else if (failureCount > 0 && isProbing) await pause.wait(Infinity);
          else {
            if (failureCount > 0) isProbing = true;
            return { generation };
          }
        }
        return undefined;
      } finally {
        pauses.delete(pause);
      }
    },
    succeeded() {
      failureCount = 0;
      isProbing = false;
      wakeAll();
    },
    failed(attempt, retryAfterMs = 0) {
      let waitMs = retryAfterMs;
      if (attempt.generation === generation) {
        waitMs = Math.max(waitMs, backoffMs(failureCount++, options.retryMs, options.maxRetryMs));
        generation++;
        isProbing = false;
      }
      const nowMs = performance.now();
      openAtMs = Math.max(openAtMs, nowMs + waitMs);
      wakeAll();
      return openAtMs - nowMs;
    },
    close() {
      isClosed = true;
      wakeAll();
    },
  };
}
