import { LRUCache } from 'lru-cache';
import type { Registry } from 'prom-client';
import type { Bus } from '../bus/index.js';
import type { StateCache, VersionedValue } from './contract.js';
import { freezeDeeply } from './freeze.js';
import { readHint, writeHint } from './hint.js';
import { keyText } from './key-text.js';
import { createCacheMetrics } from './metrics.js';
import type { SecondLevel } from './second-level.js';
import { defaultCacheTtls, type CacheTtl } from './ttls.js';

export interface StateCacheOptions {
  /** Most bytes of values in memory, counted as JSON. */
  readonly maxBytes: number;
  readonly registry: Registry;
  /** Redis, where there is one. */
  readonly second?: SecondLevel;
  /** Where engines tell each other what has changed, sooner than the events do. */
  readonly bus?: Bus;
  readonly ttls?: typeof defaultCacheTtls;
}

/** A read that is under way. */
interface Flight {
  /** Changes told since what it reads now was begun: the highest version. A lower one is read again. */
  floor: number;
  result: Promise<VersionedValue<unknown> | undefined>;
}

/** What was told of a row lately. */
interface Told {
  /** The highest. */
  readonly version: number;
  /** From the creation of the row on, with nothing of another row under its id: versions can be compared. */
  readonly isFromFirst: boolean;
}

const CHANNEL = 'cache';
/** What an entry takes beside its JSON. */
const ENTRY_BYTES = 200;
/** Versions that were told are remembered for longer than an answer of the database can be late. */
const TOLD_MS = 60_000;
const MAX_TOLD = 20_000;
/** A value that would push out more than this part of all others is not kept. */
const LARGEST_PART = 4;

/**
 * The cache of the modules' state.
 *
 * Memory is correct as long as each committed change is told by `invalidate`: a change throws out what is older, and marks
 * the reads under way, whose result is not served if it is older. A read that began after a change was told sees it, since
 * it was committed before.
 */
export function createStateCache(options: StateCacheOptions): StateCache {
  const { second, bus, maxBytes } = options;
  const ttls = options.ttls ?? defaultCacheTtls;
  const l1 = new LRUCache<string, VersionedValue<unknown>>({
    maxSize: maxBytes,
    maxEntrySize: Math.ceil(maxBytes / LARGEST_PART),
    dispose: (_value, _key, reason) => {
      if (reason === 'evict') counts.evictions++;
    },
  });
  const counts = createCacheMetrics(options.registry, () => ({
    bytes: l1.calculatedSize,
    entries: l1.size,
  }));
  const flights = new Map<string, Flight>();

  const told = new LRUCache<string, Told>({ max: MAX_TOLD, ttl: TOLD_MS });

  const hold = <V extends VersionedValue<unknown>>(
    text: string,
    held: V,
    bytes: number,
    ttl: CacheTtl,
  ): V => {
    l1.set(text, held, { size: bytes + text.length + ENTRY_BYTES, ttl: ttl.l1Ms });
    return held;
  };

  const fly = async (
    text: string,
    ttl: CacheTtl,
    flight: Flight,
    load: () => Promise<VersionedValue<unknown> | undefined>,
  ): Promise<VersionedValue<unknown> | undefined> => {
    try {
      // Ends with the first load during which nothing newer than its result was told.
      for (; ; counts.repeated++) {
        flight.floor = 0;
        const { found, mark } = (await second?.read(text)) ?? {};
        if (found !== undefined && found.version >= flight.floor) {
          counts.l2Hits++;
          return hold(text, frozen(found.version, found.value), found.bytes, ttl);
        }
        flight.floor = 0;
        counts.misses++;
        const loaded = await load();
        if (loaded === undefined && flight.floor === 0) return undefined;
        if (loaded === undefined || loaded.version < flight.floor) continue;
        const json = JSON.stringify(loaded.value);
        second?.fill(text, loaded.version, json, mark, ttl.l2Ms);
        return hold(text, frozen(loaded.version, loaded.value), Buffer.byteLength(json), ttl);
      }
    } finally {
      // In one step with the entry in memory: whoever asks from now on finds that, and no flight that is over.
      flights.delete(text);
    }
  };

  const apply = (text: string, version: number): void => {
    const before = told.get(text);
    if (before === undefined || before.version < version)
      told.set(text, { version, isFromFirst: before?.isFromFirst === true && version !== Infinity });
    const held = l1.peek(text, { allowStale: true });
    if (held !== undefined && held.version < version) l1.delete(text);
    const flight = flights.get(text);
    if (flight !== undefined && flight.floor < version) flight.floor = version;
  };

  const unsubscribe = bus?.subscribe(CHANNEL, (message) => {
    const hint = readHint(message);
    if (hint === undefined) return;
    second?.heardOf(hint.text, hint.version);
    apply(hint.text, hint.version);
  });

  return {
    read<T>(
      key: Parameters<StateCache['read']>[0],
      load: () => Promise<VersionedValue<T> | undefined>,
    ): VersionedValue<T> | Promise<VersionedValue<T> | undefined> {
      const text = keyText(key);
      const held = l1.get(text);
      if (held !== undefined) {
        counts.l1Hits++;
        return held as VersionedValue<T>;
      }
      let flight = flights.get(text);
      if (flight === undefined) {
        flight = { floor: 0, result: Promise.resolve(undefined) };
        flights.set(text, flight);
        flight.result = fly(text, ttlOf(ttls, key.kind), flight, load);
      } else counts.joined++;
      return flight.result as Promise<VersionedValue<T> | undefined>;
    },
    invalidate(key, given) {
      // The first version is of a row that was created, maybe once more under an id that was there before: then what is held
      // may have a higher version and be wrong. So may all when this is no version.
      const version = given > 1 ? given : Infinity;
      const text = keyText(key);
      counts.invalidations++;
      const before = told.get(text);
      // The same creation once more, by the event of it.
      if (given === 1 && before?.isFromFirst === true) return;
      apply(text, version);
      if (given === 1 && before === undefined) told.set(text, { version: 1, isFromFirst: true });
      // Engines that hear of it from the events, after the hint, need not tell each other again.
      if (second?.invalidate(text, version) === true) bus?.publish(CHANNEL, writeHint(text, version));
    },
    keep(key, { version, value }) {
      const text = keyText(key);
      // What is remembered may have been pushed out by others; then nothing is known, and the next reader asks.
      const newest = told.get(text)?.version;
      if (newest === undefined || newest > version) return;
      const json = JSON.stringify(value);
      hold(text, frozen(version, value), Buffer.byteLength(json), ttlOf(ttls, key.kind));
    },
    reset() {
      told.clear();
      l1.clear();
      for (const flight of flights.values()) flight.floor = Infinity;
      second?.reset();
    },
    async close() {
      unsubscribe?.();
      l1.clear();
      await second?.close();
    },
  };
}

function frozen(version: number, value: unknown): VersionedValue<unknown> {
  return Object.freeze({ version, value: freezeDeeply(value) });
}

function ttlOf(ttls: typeof defaultCacheTtls, kind: string): CacheTtl {
  return (Object.hasOwn(ttls, kind) ? ttls[kind] : undefined) ?? ttls.standard;
}
