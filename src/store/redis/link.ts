import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisAddressOf, type RedisAddress } from '../../config/index.js';
import type { Logger } from '../../observability/log.js';
import { inTime, late } from './in-time.js';
import type { RedisMetrics } from './metrics.js';

export interface RedisLinkOptions {
  /** `redis://user:password@host:6379/0`. */
  readonly url: string;
  /** In metrics and in Redis' own list of clients. */
  readonly name: string;
  readonly log: Logger;
  readonly metrics: RedisMetrics;
  readonly limits?: Partial<RedisLimits>;
}

export interface RedisLimits {
  /** Longest wait for a result that somebody waits for. */
  readonly replyMs: number;
  /** Longest wait for a connection to be usable, which nobody waits for. */
  readonly connectMs: number;
  /** So many operations in a row without an answer in time, and the connection counts as dead. */
  readonly maxTimeouts: number;
  /** Operations without an answer; further ones are not begun. */
  readonly maxInFlight: number;
  /** First wait before the next connection is tried; doubled up to the longest. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** How often an idle connection is looked at. */
  readonly heartbeatMs: number;
}

export const defaultRedisLimits: RedisLimits = {
  replyMs: 50,
  connectMs: 2_000,
  maxTimeouts: 3,
  maxInFlight: 1_000,
  retryMs: 250,
  maxRetryMs: 10_000,
  heartbeatMs: 15_000,
};

export interface RedisLink {
  readonly isUp: boolean;
  /** Why it is not up; '' when it is. */
  readonly detail: string;
  /** Calls whenever a connection has come to be, at once if there is one. */
  onUp(listener: (client: Redis) => void): void;
  /**
   * Runs an operation. Never rejects; `undefined` when Redis is away, slow or busy, or says no. What becomes of the
   * operation then is not known.
   */
  run<T>(work: (client: Redis) => Promise<T>, waitMs?: number): Promise<{ readonly value: T } | undefined>;
  /** Gives up the connection, for a new one. */
  restart(reason: string): void;
  close(): Promise<void>;
}

/** A connection that lasted so long was a good one: the next attempts begin with short waits again. */
const STABLE_MS = 10_000;
/** A fault is logged once in this time, however often it comes and goes. */
const TELL_MS = 60_000;

/** One connection to Redis, kept up in the background. Nothing waits for it, and it queues nothing. */
export function createRedisLink(options: RedisLinkOptions): RedisLink {
  const { log, name, metrics } = options;
  const limits: RedisLimits = { ...defaultRedisLimits, ...options.limits };
  const address = redisAddressOf(options.url);
  const closing = new AbortController();
  const listeners: ((client: Redis) => void)[] = [];
  const told = createRareWarning(log, `${address.host}:${address.port}`);
  let client: Redis | undefined;
  /** Open or being opened. */
  let held: Redis | undefined;
  let onDropped = (): void => {};
  let detail = 'Redis has not answered yet';
  let inFlight = 0;
  let timeouts = 0;
  let heardAt = 0;
  metrics.up(name, false);

  const drop = (reason: string): void => {
    detail = reason;
    client = undefined;
    held?.disconnect();
    onDropped();
  };

  async function open(): Promise<Redis | undefined> {
    const opened = clientOf(address, name, limits);
    held = opened;
    // The promise only says that the connection was closed. Without a listener, the driver writes to the console.
    let cause: unknown;
    opened.on('error', (error) => (cause = error));
    try {
      await inTime(prepare(opened, address), limits.connectMs);
      return opened;
    } catch (error) {
      detail = error === late ? 'Redis does not answer' : `Redis: ${reasonOf(cause ?? error)}`;
      opened.disconnect();
      return undefined;
    }
  }

  async function keepUp(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      const dropped = new Promise<void>((resolve) => (onDropped = resolve));
      const opened = await open();
      if (opened !== undefined && !closing.signal.aborted) {
        opened.once('end', () => client === opened && drop('the connection to Redis broke'));
        if (opened.status === 'ready') {
          const since = performance.now();
          client = opened;
          detail = '';
          timeouts = 0;
          metrics.up(name, true);
          told.isBack();
          for (const listener of listeners) listener(opened);
          await dropped;
          if (performance.now() - since > STABLE_MS) attempt = 0;
        }
      }
      if (closing.signal.aborted) break;
      metrics.up(name, false);
      told.isAway(detail);
      const waitMs = Math.min(limits.maxRetryMs, limits.retryMs * 2 ** Math.min(attempt, 20));
      await delay(waitMs * (0.75 + Math.random() / 2), undefined, { signal: closing.signal }).catch(
        () => undefined,
      );
    }
  }

  /** A peer that vanished without a word is noticed, also when nobody asks for anything. */
  const heartbeat = setInterval(() => {
    const used = client;
    if (used === undefined || performance.now() - heardAt < limits.heartbeatMs) return;
    inTime(used.ping(), limits.connectMs).then(
      () => (heardAt = performance.now()),
      () => used === client && drop('Redis does not answer'),
    );
  }, limits.heartbeatMs);
  heartbeat.unref();
  const kept = keepUp();

  return {
    get isUp() {
      return client !== undefined;
    },
    get detail() {
      return detail;
    },
    onUp(listener) {
      listeners.push(listener);
      if (client !== undefined) listener(client);
    },
    async run(work, waitMs = limits.replyMs) {
      const used = client;
      if (used === undefined) return undefined;
      if (inFlight >= limits.maxInFlight) {
        metrics.failed(name, 'overload');
        return undefined;
      }
      inFlight++;
      const result = (async () => work(used))().finally(() => inFlight--);
      try {
        const value = await inTime(result, waitMs);
        timeouts = 0;
        heardAt = performance.now();
        return { value };
      } catch (error) {
        if (error === late) {
          metrics.failed(name, 'timeout');
          timeouts++;
          if (timeouts >= limits.maxTimeouts && used === client) drop('Redis does not answer in time');
        } else if ((error as Error).name === 'ReplyError') {
          metrics.failed(name, 'refused');
          timeouts = 0;
          told.isAway(`Redis: ${reasonOf(error)}`);
        } else metrics.failed(name, 'broken');
        return undefined;
      }
    },
    restart(reason) {
      if (client !== undefined) drop(reason);
    },
    async close() {
      clearInterval(heartbeat);
      closing.abort();
      drop('the engine is shutting down');
      await kept;
    },
  };
}

function clientOf(address: RedisAddress, name: string, limits: RedisLimits): Redis {
  return new Redis({
    host: address.host,
    port: address.port,
    ...(address.isTls ? { tls: { servername: address.host } } : {}),
    connectionName: `mplp-${name}`,
    disableClientInfo: true,
    protocol: 2,
    lazyConnect: true,
    // It would open connections and queue operations by itself, as if what happened in between did not matter.
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: limits.connectMs,
    disconnectTimeout: 100,
  });
}

/** Connects and introduces itself. Not left to the driver, which talks to the console about passwords. */
async function prepare(client: Redis, { username, password, database }: RedisAddress): Promise<void> {
  await client.connect();
  if (password !== undefined) {
    try {
      await (username === undefined ? client.auth(password) : client.auth(username, password));
    } catch (error) {
      // A server that asks for no password has no use for ours.
      if (!/without any password configured|no password is set/.test((error as Error).message)) throw error;
    }
  }
  if (database !== 0) await client.select(database);
  await client.ping();
}

/** What may be told: the first word of what Redis says, since the rest can repeat what was sent, a password for one. */
function reasonOf(error: unknown): string {
  const { name, message, code } = error as Error & { code?: string };
  return name === 'ReplyError' ? (/^[A-Z]{2,20}/.exec(message)?.[0] ?? 'ERR') : (code ?? message);
}

function createRareWarning(log: Logger, redis: string): { isAway(detail: string): void; isBack(): void } {
  let toldAt = -Infinity;
  let isTold = false;
  return {
    isAway(detail) {
      if (performance.now() - toldAt < TELL_MS) return;
      toldAt = performance.now();
      isTold = true;
      log.warn({ redis, detail }, 'Redis cannot be used; the engine goes on without it');
    },
    isBack() {
      if (isTold) log.info({ redis }, 'Redis is back');
      isTold = false;
    },
  };
}
