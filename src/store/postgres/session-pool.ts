import { storeUnavailable } from './error-class.js';
import { openSession, type Session, type SessionOptions } from './session.js';

export interface SessionPoolOptions extends Omit<SessionOptions, 'url' | 'attempt' | 'onDead'> {
  /** Read whenever a session is opened. */
  readonly url: () => string;
  readonly maxSessions: number;
  /** Longest wait for a session that is in use. */
  readonly acquireTimeoutMs: number;
  /** A session that nobody used for this time is closed. */
  readonly idleTimeoutMs: number;
  /** Called whenever a session is lost. */
  readonly onLost: () => void;
}

export interface SessionPool {
  readonly counts: { readonly idle: number; readonly busy: number };
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE when all are in use for too long, or after `close`. */
  acquire(): Promise<Session>;
  release(session: Session): void;
  /** Waits for the sessions in use, then closes all. */
  close(): Promise<void>;
}

interface Waiter {
  give(session: Session): void;
  fail(error: Error): void;
}

export function createSessionPool(options: SessionPoolOptions): SessionPool {
  const busy = new Set<Session>();
  /** The last one released is the first one used, so that the others can age. */
  const idle: { readonly session: Session; readonly timer: NodeJS.Timeout }[] = [];
  const waiters: Waiter[] = [];
  let attempt = 0;
  let isClosed = false;
  let onDrained = (): void => {};

  const open = (): Session => {
    const session = openSession({
      ...options,
      url: options.url(),
      attempt,
      onDead: () => {
        attempt++;
        const at = idle.findIndex((entry) => entry.session === session);
        if (at >= 0) clearTimeout(idle.splice(at, 1)[0]?.timer);
        options.onLost();
      },
    });
    busy.add(session);
    return session;
  };
  const rest = (session: Session): void => {
    const timer = setTimeout(() => {
      idle.splice(
        idle.findIndex((entry) => entry.session === session),
        1,
      );
      void session.close();
    }, options.idleTimeoutMs);
    timer.unref();
    idle.push({ session, timer });
  };
  return {
    get counts() {
      return { idle: idle.length, busy: busy.size };
    },
    async acquire() {
      if (isClosed) throw storeUnavailable('The engine is shutting down.');
      const entry = idle.pop();
      if (entry !== undefined) {
        clearTimeout(entry.timer);
        busy.add(entry.session);
        return entry.session;
      }
      if (busy.size < options.maxSessions) return open();
      return new Promise<Session>((give, fail) => {
        const waiter = { give, fail };
        const timer = setTimeout(() => {
          waiters.splice(waiters.indexOf(waiter), 1);
          fail(storeUnavailable('All connections to Postgres are in use; nothing was changed.'));
        }, options.acquireTimeoutMs);
        waiter.give = (session) => {
          clearTimeout(timer);
          give(session);
        };
        waiter.fail = (error) => {
          clearTimeout(timer);
          fail(error);
        };
        waiters.push(waiter);
      });
    },
    release(session) {
      busy.delete(session);
      const waiter = waiters.shift();
      if (waiter !== undefined) {
        if (session.isDead) waiter.give(open());
        else {
          busy.add(session);
          waiter.give(session);
        }
      } else if (isClosed) void session.close();
      else if (!session.isDead) rest(session);
      if (busy.size === 0) onDrained();
    },
    async close() {
      isClosed = true;
      for (const waiter of waiters.splice(0)) waiter.fail(storeUnavailable('The engine is shutting down.'));
      if (busy.size > 0) await new Promise<void>((resolve) => (onDrained = resolve));
      await Promise.all(
        idle.splice(0).map(async ({ session, timer }) => {
          clearTimeout(timer);
          await session.close();
        }),
      );
    },
  };
}
