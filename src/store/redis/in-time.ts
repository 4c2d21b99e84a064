/** Thrown by `inTime`. */
export const late = Symbol('late');

/**
 * Waits for a result no longer than so many milliseconds.
 *
 * When our own process was busy for that long, an answer may be there that nobody has read yet; so the time is up only
 * after sockets were read once more.
 *
 * @throws `late`
 */
export function inTime<T>(result: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => setImmediate(() => reject(late))), timeoutMs);
    result.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
