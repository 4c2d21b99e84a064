import { LRUCache } from 'lru-cache';
import { MplpError } from '../errors/index.js';

/** What was found behind a key. */
export interface Loaded<Entry> {
  readonly entry: Entry;
  /** Whatever it was made of: when one of them changes, it is read again. */
  readonly sources: readonly string[];
  /** Milliseconds until it no longer holds. */
  readonly expiresInMs: number;
  readonly bytes: number;
}

export interface KeyCacheOptions<Entry> {
  /** Asks Postgres; `undefined` for a key that is none. @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
  readonly load: (key: string) => Promise<Loaded<Entry> | undefined>;
  /** Whether this engine hears of what changes; what is loaded meanwhile is used once. */
  readonly isFollowing: () => boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Longest time that anything is used after it was read. */
  readonly ttlMs: number;
}

/**
 * What keys may do, held in memory for a short time. It is right as long as each committed change is told by `changed`; a
 * change that is not heard of shows after the TTL at the latest. After half of that an entry in use is read again
 * behind the back of its users, so that they wait for Postgres only when it does not answer in the other half.
 */
export interface KeyCache<Entry> {
  /** What holds now, without waiting for anybody; `null` for a key that is known to be none. */
  peek(digest: string, key: string): Entry | null | undefined;
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE, MPLP_ERR_SECURITY_OVERLOADED */
  get(digest: string, key: string): Promise<Entry | null>;
  /** Reads again what was made of this before now. */
  changed(source: string): void;
  /** Reads everything again: changes may have been missed. */
  reset(): void;
}

interface Held<Entry> {
  readonly entry: Entry | null;
  readonly sources: readonly string[];
  /** Changes that had been told when it began to be read. */
  readonly loadedAt: number;
  readonly refreshAtMs: number;
  readonly untilMs: number;
}

/** Nobody can ask Postgres for more keys at a time by making some up. */
const MAX_LOOKUPS = 64;
const MAX_REFRESHES = 16;
const MAX_BYTES = 64 * 1024 * 1024;
const ENTRY_BYTES = 1_024;
const MAX_UNKNOWN = 10_000;
const MAX_SOURCES = 10_000;
/** Loads that a change overtook, for one request. */
const MAX_TRIES = 5;

export function createKeyCache<Entry>(options: KeyCacheOptions<Entry>): KeyCache<Entry> {
  const { now, ttlMs } = options;
  const known = new LRUCache<string, Held<Entry>>({ maxSize: MAX_BYTES });
  const unknown = new LRUCache<string, Held<Entry>>({ max: MAX_UNKNOWN });
  const flights = new Map<string, Promise<Held<Entry>>>();
  let refreshes = 0;
  /** Counts changes; of each source it is kept which was the last, and of those that were forgotten the highest. */
  let changes = 0;
  let floor = 0;
  const lastChanges = new LRUCache<string, number>({
    max: MAX_SOURCES,
    dispose: (last, _, reason) => {
      if (reason === 'evict') floor = Math.max(floor, last);
    },
  });

  const holds = (held: Held<Entry>): boolean =>
    held.loadedAt >= floor &&
    held.sources.every((source) => held.loadedAt >= (lastChanges.get(source) ?? 0)) &&
    now() < held.untilMs;

  async function load(digest: string, key: string): Promise<Held<Entry>> {
    const [loadedAt, startedMs, isFollowing] = [changes, now(), options.isFollowing()];
    const found = await options.load(key);
    const held: Held<Entry> = {
      entry: found?.entry ?? null,
      sources: found?.sources ?? [],
      loadedAt,
      refreshAtMs: startedMs + ttlMs / 2,
      untilMs: startedMs + Math.min(ttlMs, found?.expiresInMs ?? ttlMs),
    };
    known.delete(digest);
    unknown.delete(digest);
    if (!isFollowing || !options.isFollowing()) return held;
    if (found === undefined) unknown.set(digest, held);
    else known.set(digest, held, { size: found.bytes + ENTRY_BYTES });
    return held;
  }

  function fly(digest: string, key: string): Promise<Held<Entry>> {
    const before = flights.get(digest);
    if (before !== undefined) return before;
    const flight = load(digest, key).finally(() => flights.delete(digest));
    flights.set(digest, flight);
    return flight;
  }

  function refresh(digest: string, key: string): void {
    if (refreshes >= MAX_REFRESHES || flights.has(digest)) return;
    refreshes++;
    fly(digest, key)
      // Postgres is away: the entry holds until its time is over.
      .catch(() => undefined)
      .finally(() => refreshes--);
  }

  return {
    peek(digest, key) {
      const held = known.get(digest) ?? unknown.get(digest);
      if (held === undefined || !holds(held)) return undefined;
      if (held.entry !== null && now() >= held.refreshAtMs) refresh(digest, key);
      return held.entry;
    },
    async get(digest, key) {
      for (let tries = 1; tries <= MAX_TRIES; tries++) {
        const held = known.get(digest) ?? unknown.get(digest);
        if (held !== undefined && holds(held)) return held.entry;
        if (!known.has(digest) && !flights.has(digest) && flights.size >= MAX_LOOKUPS)
          throw new MplpError(
            'MPLP_ERR_SECURITY_OVERLOADED',
            'Too many keys are being looked up at a time.',
            { retryAfterSeconds: 1 },
          );
        const loaded = await fly(digest, key);
        // A flight may have begun before a change that was told before this request came.
        if (holds(loaded)) return loaded.entry;
      }
      throw new MplpError('MPLP_ERR_STORE_UNAVAILABLE', 'Roles change faster than they can be read.', {
        retryAfterSeconds: 1,
      });
    },
    changed(source) {
      lastChanges.set(source, ++changes);
    },
    reset() {
      floor = ++changes;
    },
  };
}
