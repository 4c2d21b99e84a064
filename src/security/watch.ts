import { MplpError } from '../errors/index.js';
import type { Authorizer, Credentials } from './authorizer.js';

/** Something that was let in and lasts: a socket, a stream. */
export interface Watched {
  readonly credentials: Credentials;
  readonly permission: string;
  readonly resourceId: string | undefined;
  readonly onRefused: (reason: MplpError) => void;
}

export interface Watch {
  /** Gives what ends it. */
  add(watched: Watched): () => void;
  /** Looks at everything again, soon. */
  look(): void;
  close(): void;
}

/** Keys that are read from Postgres at a time. */
const MAX_LOOKUPS = 8;
/** Looks before others get their turn. */
const TURN = 500;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Asks the authorizer again for all that lasts, when told to and every so often. Also what cannot be found out is refused:
 * the authorizer has a bound on how long it can do without Postgres.
 */
export function createWatch(authorize: Authorizer['authorize'], intervalMs: number): Watch {
  const watched = new Set<Watched>();
  let isLooking = false;
  let isWanted = false;

  function refuse(one: Watched, error: unknown): void {
    if (!watched.delete(one)) return;
    const unknown = 'It cannot be found out what this key may do.';
    one.onRefused(
      error instanceof MplpError
        ? error
        : new MplpError('MPLP_ERR_SECURITY_FORBIDDEN', unknown, { cause: error }),
    );
  }

  /** At once where memory has the answer, else a promise of why it was refused. */
  function check(one: Watched): Promise<unknown> | undefined {
    try {
      const answer = authorize(one.credentials, one.permission, one.resourceId);
      if (!(answer instanceof Promise)) return undefined;
      return answer.then(
        () => undefined,
        (error: unknown) => {
          refuse(one, error);
          return error;
        },
      );
    } catch (error) {
      refuse(one, error);
      return undefined;
    }
  }

  async function pass(): Promise<void> {
    let checks: Promise<unknown>[] = [];
    let unavailable: unknown;
    let count = 0;
    for (const one of watched) {
      // Thousands of sockets must not hold up a request.
      if (++count % TURN === 0) await nextTurn();
      const answer = check(one);
      if (answer === undefined) continue;
      // Postgres did not answer for another one: all that need it would wait as long, one after the other.
      if (unavailable !== undefined) refuse(one, unavailable);
      checks.push(answer);
      if (checks.length < MAX_LOOKUPS) continue;
      const errors = await Promise.all(checks);
      unavailable ??= errors.find((error) => error instanceof MplpError && error.status === 503);
      checks = [];
    }
    await Promise.all(checks);
  }

  async function look(): Promise<void> {
    isWanted = true;
    if (isLooking) return;
    isLooking = true;
    while (isWanted) {
      isWanted = false;
      // Changes come in crowds.
      await nextTurn();
      await pass();
    }
    isLooking = false;
  }

  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();
  return {
    add(one) {
      watched.add(one);
      // Something may have changed since it was let in.
      void check(one);
      return () => void watched.delete(one);
    },
    look: () => void look(),
    close() {
      clearInterval(timer);
      watched.clear();
    },
  };
}
