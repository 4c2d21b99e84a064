import { setTimeout as delay } from 'node:timers/promises';

/** Waits until something is so; fails with its text when it never is. */
export async function until(isTrue: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !(await isTrue()); await delay(10))
    if (performance.now() > end) throw new Error(`never: ${isTrue.toString()}`);
}
