import { randomBytes } from 'node:crypto';
import { Counter, type Registry } from 'prom-client';
import type { RedisLink } from '../redis/index.js';
import {
  decodeEntry,
  encodeEntry,
  HEAD_BYTES,
  orderOfTombstone,
  orderOfValue,
  type RedisEntry,
} from './redis-entry.js';
import { BURY, BURY_ROW, CLOCK_KEY, FILL, parseClock, TICK, type RedisClock } from './redis-scripts.js';
import type { SecondLevel, SecondLevelRead } from './second-level.js';

export interface RedisLevelOptions {
  readonly link: RedisLink;
  readonly registry: Registry;
  readonly limits?: Partial<RedisLevelLimits>;
}

export interface RedisLevelLimits {
  /** Larger entries are not stored, and of what others stored no more is read. */
  readonly maxEntryBytes: number;
  /** Changes that are remembered. */
  readonly maxFloors: number;
  /** How long a tombstone stays: longer than a load takes. */
  readonly tombstoneMs: number;
  /** Wait before the clock is asked for again. */
  readonly retryMs: number;
  /** Longest wait for what nobody waits for. */
  readonly writeMs: number;
}

export const defaultRedisLevelLimits: RedisLevelLimits = {
  maxEntryBytes: 1024 * 1024,
  maxFloors: 20_000,
  tombstoneMs: 60_000,
  retryMs: 1_000,
  writeMs: 500,
};

/** What is known of a row's changes. Values are believed that were loaded at the tick `born` or later, from a version on. */
interface Floor {
  version: number;
  /** Infinity while it is not known. */
  born: number;
  /** When it was told that the row came or went; -Infinity when it did not. */
  readonly toldAt: number;
}

/** A hint and the event that follows it tell of the same. */
const SAME_TELLING_MS = 10_000;
const NOTHING: SecondLevelRead = Object.freeze({});

/**
 * Redis as second level. What it holds may be old: whoever changed the row may not have reached it. So it is believed only
 * as far as this process can judge:
 *
 * - A value carries the tick of a clock in Redis from just before it was loaded. This process lets the clock tick when it
 *   begins to trust Redis, and takes no value of an earlier tick: what was committed before that, such values show.
 * - Of changes committed later this process is told, by the events; it remembers their versions (`floors`) and takes no
 *   lower one. When a row came or went, its versions begin again: then the clock ticks, and counts for this row.
 *
 * Floors are forgotten by beginning to trust anew: after `reset`, when there are too many, and with each new connection,
 * since behind it may be another Redis, or an earlier state of this one. Nothing depends on a write to Redis arriving.
 */
export function createRedisLevel({ link, registry, limits: given }: RedisLevelOptions): SecondLevel {
  const limits: RedisLevelLimits = { ...defaultRedisLevelLimits, ...given };
  const unreadable = new Counter({
    name: 'mplp_cache_unreadable_total',
    help: 'Entries in Redis that no engine wrote so.',
    registers: [registry],
  });
  const floors = new Map<string, Floor>();
  /** From when on values are believed; `undefined` while that is being found out. */
  let trust: RedisClock | undefined;
  let asked = 0;
  let askedAt = -Infinity;

  const askForTrust = async (): Promise<void> => {
    trust = undefined;
    // Changes told until now were committed before the tick.
    floors.clear();
    askedAt = performance.now();
    const mine = ++asked;
    const epoch = randomBytes(8).toString('hex');
    const reply = await link.run((client) => client.eval(TICK, 1, CLOCK_KEY, epoch), limits.writeMs);
    if (mine === asked) trust = parseClock(reply?.value);
  };
  const setFloor = (key: string, floor: Floor): void => {
    if (floors.size >= limits.maxFloors && !floors.has(key)) void askForTrust();
    else floors.set(key, floor);
  };
  /** @returns false when it was known */
  const raise = (key: string, version: number): boolean => {
    const known = floors.get(key);
    if (known === undefined) setFloor(key, { version, born: 0, toldAt: -Infinity });
    else if (known.version >= version) return false;
    else known.version = version;
    return true;
  };
  /** @returns false when it was known; it may be another time, so all but telling the others is done again */
  const raiseRow = (key: string): boolean => {
    const known = floors.get(key);
    const now = performance.now();
    const floor: Floor = { version: 0, born: Infinity, toldAt: now };
    setFloor(key, floor);
    void bury(key, floor);
    return known === undefined || now - known.toldAt > SAME_TELLING_MS;
  };
  const bury = async (key: string, floor: Floor): Promise<void> => {
    const reply = await link.run(
      (client) => client.eval(BURY_ROW, 2, key, CLOCK_KEY, orderOfTombstone(Infinity), limits.tombstoneMs),
      limits.writeMs,
    );
    const clock = parseClock(reply?.value);
    // Trust may have begun anew meanwhile, or the row have come or gone once more.
    if (clock !== undefined && clock.epoch === trust?.epoch && floors.get(key) === floor)
      floor.born = clock.tick;
  };
  link.onUp(() => void askForTrust());

  return {
    async read(key) {
      const trusted = trust;
      if (trusted === undefined) {
        if (link.isUp && performance.now() - askedAt > limits.retryMs) void askForTrust();
        return NOTHING;
      }
      const reply = await link.run(async (client) => {
        const results = await client
          .pipeline()
          .get(CLOCK_KEY)
          .getrangeBuffer(key, 0, HEAD_BYTES + limits.maxEntryBytes - 1)
          .exec();
        return { client, clock: results?.[0]?.[1], bytes: results?.[1]?.[1] };
      });
      if (reply === undefined) return NOTHING;
      const { client, bytes } = reply.value;
      const clock = parseClock(reply.value.clock);
      if (clock?.epoch !== trusted.epoch || clock.tick < trusted.tick) {
        // Flushed, evicted, or another state of Redis than the one that was trusted.
        if (trust === trusted) trust = undefined;
        return NOTHING;
      }
      const mark = { ...clock, connection: client };
      const entry = Buffer.isBuffer(bytes) ? decodeEntry(key, bytes) : undefined;
      if (entry === 'unreadable') unreadable.inc();
      if (entry === undefined || entry === 'unreadable') return { mark };
      const isBelieved =
        entry.epoch === trust?.epoch &&
        entry.tick >= trust.tick &&
        entry.tick <= clock.tick &&
        isAbove(floors.get(key), entry);
      return isBelieved ? { found: entry, mark } : { mark };
    },
    fill(key, version, json, mark, ttlMs) {
      const order = orderOfValue(version);
      if (mark === undefined || order === undefined || json.length > limits.maxEntryBytes) return;
      const entry = encodeEntry(key, mark.epoch, mark.tick, order, json);
      if (entry.length > limits.maxEntryBytes) return;
      void link.run(
        // Over another connection than the mark came, its tick may mean another time.
        async (client) =>
          client === mark.connection
            ? client.eval(FILL, 2, key, CLOCK_KEY, mark.epoch, mark.tick, order, ttlMs, entry)
            : 0,
        limits.writeMs,
      );
    },
    invalidate(key, version) {
      if (version === Infinity) return raiseRow(key);
      if (!raise(key, version)) return false;
      void link.run(
        (client) => client.eval(BURY, 2, key, CLOCK_KEY, orderOfTombstone(version), limits.tombstoneMs),
        limits.writeMs,
      );
      return true;
    },
    heardOf: (key, version) => void (version === Infinity ? raiseRow(key) : raise(key, version)),
    reset: () => void askForTrust(),
    async close() {
      trust = undefined;
      floors.clear();
    },
  };
}

function isAbove(floor: Floor | undefined, entry: RedisEntry): boolean {
  return floor === undefined || (entry.version >= floor.version && entry.tick >= floor.born);
}
