import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasRedis, startTestRedis, type TestRedis } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import {
  briefKey,
  contextKey,
  createGate,
  createRow,
  openCache,
  untilTrusted,
  type TestCache,
  type TestCacheOptions,
} from './caches.js';

let redis: TestRedis | undefined;
beforeAll(async () => {
  if (hasRedis) redis = await startTestRedis();
});
afterAll(() => redis?.close());

/** What every form of the cache owes. */
const forms = [
  { name: 'memory alone', isSkipped: false, options: () => ({}) },
  {
    name: 'memory and Redis',
    isSkipped: !hasRedis,
    options: () => ({ url: (redis as TestRedis).url, hasBus: true }),
  },
];

for (const { name, isSkipped, options } of forms) {
  describe.skipIf(isSkipped)(`the cache with ${name}`, () => {
    let opened: TestCache;
    let keys = 0;
    const newKey = () => contextKey(`of ${name} ${++keys}`);
    const open = async (more: TestCacheOptions = {}) => {
      opened = openCache({ ...options(), ...more });
      if (opened.link !== undefined) await untilTrusted(opened);
    };
    const cache = () => opened.cache;
    beforeEach(() => open());
    afterEach(() => opened.close());

    it('loads a row once', async () => {
      const [row, key] = [createRow(3), newKey()];
      for (let i = 0; i < 5; i++)
        expect(await cache().read(key, row.load)).toEqual({ version: 3, value: 'v3' });
      expect(row.loads).toBe(1);
      expect(await opened.metric('mplp_cache_hits_total{level="l1"}')).toBeGreaterThanOrEqual(4);
    });

    it('gives what was just written, without a load', async () => {
      const [row, key] = [createRow(1), newKey()];
      cache().invalidate(key, 1);
      cache().keep(key, { version: 1, value: 'written 1' });
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'written 1' });
      cache().invalidate(key, 2);
      cache().keep(key, { version: 2, value: 'written 2' });
      expect(await cache().read(key, row.load)).toEqual({ version: 2, value: 'written 2' });
      expect(row.loads).toBe(0);
    });

    it('keeps nothing that was written before a change which was told first', async () => {
      for (const later of [3, Infinity]) {
        const [row, key] = [createRow(3), newKey()];
        cache().invalidate(key, later); // by another process, over another connection
        cache().invalidate(key, 2);
        cache().keep(key, { version: 2, value: 'written 2' });
        expect(await cache().read(key, row.load)).toEqual({ version: 3, value: 'v3' });
        expect(row.loads).toBe(1);
      }
    });

    it('keeps what was written to a row whose creation is told again, by its event', async () => {
      const [row, key] = [createRow(1), newKey()];
      cache().invalidate(key, 1);
      cache().invalidate(key, 2);
      cache().keep(key, { version: 2, value: 'written 2' });
      cache().invalidate(key, 1);
      cache().invalidate(key, 2);
      expect(await cache().read(key, row.load)).toEqual({ version: 2, value: 'written 2' });
      cache().invalidate(key, 3);
      cache().keep(key, { version: 3, value: 'written 3' });
      expect(await cache().read(key, row.load)).toEqual({ version: 3, value: 'written 3' });
      expect(row.loads).toBe(0);
    });

    it('keeps nothing of a row that was there before another one with its id', async () => {
      const [row, key] = [createRow(1), newKey()];
      cache().invalidate(key, 7);
      cache().invalidate(key, Infinity);
      cache().invalidate(key, 1);
      cache().keep(key, { version: 8, value: 'of the former row' });
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    });

    it('loads once for all who ask at a time', async () => {
      const [row, key, gate] = [createRow(), newKey(), createGate()];
      const load = async () => {
        await gate.opened;
        return row.load();
      };
      const reads = Array.from({ length: 50 }, () => cache().read(key, load));
      await delay(20);
      gate.open();
      expect(new Set((await Promise.all(reads)).map((result) => result?.value))).toEqual(new Set(['v1']));
      expect(row.loads).toBe(1);
      expect(await opened.metric('mplp_cache_joined_total')).toBe(49);
    });

    it('does not keep that a row is not there', async () => {
      const key = newKey();
      expect(await cache().read(key, async () => undefined)).toBeUndefined();
      expect(await cache().read(key, createRow().load)).toEqual({ version: 1, value: 'v1' });
    });

    it('passes on what a load throws, to all who wait, and keeps nothing of it', async () => {
      const [row, key] = [createRow(), newKey()];
      const fail = async () => {
        await delay(5);
        throw new Error('of the load');
      };
      const reads = await Promise.allSettled([cache().read(key, fail), cache().read(key, fail)]);
      for (const read of reads) expect(read).toMatchObject({ reason: { message: 'of the load' } });
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    });

    it('hands out values that nobody can change for the others', async () => {
      const key = newKey();
      const load = async () => ({ version: 1, value: Object.freeze({ list: [{ deep: 1 }] }) });
      const first = await cache().read(key, load);
      expect(() => {
        (first?.value.list[0] as { deep: number }).deep = 2;
      }).toThrow(TypeError);
      expect(() => first?.value.list.push({ deep: 3 })).toThrow(TypeError);
      expect(() => Object.assign(first ?? {}, { version: 9 })).toThrow(TypeError);
      expect(await cache().read(key, load)).toEqual({ version: 1, value: { list: [{ deep: 1 }] } });
    });

    it('gives any JSON back as it was, from wherever', async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue(), async (value) => {
          const [key, expected] = [briefKey(`json ${++keys}`), JSON.parse(JSON.stringify(value)) as unknown];
          const load = async () => ({ version: 1, value });
          for (let i = 0; i < 3; i++) {
            expect(JSON.stringify((await cache().read(key, load))?.value)).toBe(JSON.stringify(expected));
            if (i > 0) await delay(2);
          }
        }),
        { numRuns: 50 },
      );
    });

    it('keeps rows apart whose keys look alike', async () => {
      const part = fc.oneof(
        fc.constantFrom('a', ':', 'a:', ':a', '%', '%003a', '\ud800', '\ufffd', '', '__proto__', '.'),
        fc.string({ unit: 'binary', maxLength: 3 }),
      );
      const key = fc.record({ projectId: part, kind: part, id: part });
      await fc.assert(
        fc.asyncProperty(key, key, async (one, other) => {
          const salt = ++keys;
          const read = (which: typeof one, value: string) =>
            cache().read({ ...which, id: `${which.id}${salt}` }, async () => ({ version: 1, value }));
          await read(one, 'one');
          const isSame = JSON.stringify(one) === JSON.stringify(other);
          expect((await read(other, 'other'))?.value).toBe(isSame ? 'one' : 'other');
        }),
        { numRuns: 300 },
      );
    });

    it('serves nothing older after a change, and what is as new without a load', async () => {
      const [row, key] = [createRow(2), newKey()];
      await cache().read(key, row.load);
      row.version = 3;
      cache().invalidate(key, 3);
      expect(await cache().read(key, row.load)).toEqual({ version: 3, value: 'v3' });
      // Told again, and late: nothing is new in that.
      cache().invalidate(key, 3);
      cache().invalidate(key, 2);
      expect(await cache().read(key, row.load)).toEqual({ version: 3, value: 'v3' });
      expect(row.loads).toBe(2);
    });

    it('serves nothing of a row that was there before under the id of one that was created', async () => {
      const [row, key] = [createRow(7), newKey()];
      await cache().read(key, row.load);
      row.version = 1;
      cache().invalidate(key, 1);
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    });

    it('serves nothing after a deletion', async () => {
      const [row, key] = [createRow(7), newKey()];
      await cache().read(key, row.load);
      cache().invalidate(key, Infinity);
      expect(await cache().read(key, async () => undefined)).toBeUndefined();
      // The same id again, from the first version on.
      row.version = 1;
      cache().invalidate(key, 1);
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    });

    it('takes what is no version for the worst', async () => {
      const [row, key] = [createRow(7), newKey()];
      for (const version of [NaN, -1, undefined as unknown as number]) {
        await cache().read(key, row.load);
        const before = row.loads;
        cache().invalidate(key, version);
        await cache().read(key, row.load);
        expect(row.loads).toBe(before + 1);
      }
    });

    it('loads again when a load began before a change and ends after it', async () => {
      const [row, key, gate] = [createRow(), newKey(), createGate()];
      const slow = async () => {
        const before = await row.load();
        if (row.loads === 1) await gate.opened;
        return before;
      };
      const early = cache().read(key, slow);
      await until(() => row.loads === 1);
      row.version = 2;
      cache().invalidate(key, 2);
      const late = cache().read(key, slow);
      gate.open();
      expect(await early).toEqual({ version: 2, value: 'v2' });
      expect(await late).toEqual({ version: 2, value: 'v2' });
      expect(await cache().read(key, slow)).toEqual({ version: 2, value: 'v2' });
      expect(row.loads).toBe(2);
      expect(await opened.metric('mplp_cache_repeated_loads_total')).toBe(1);
    });

    it('does not believe "not there" of a load that began before the row was created', async () => {
      const [row, key, gate] = [createRow(), newKey(), createGate()];
      let loads = 0;
      const read = cache().read(key, async () => {
        if (++loads > 1) return row.load();
        await gate.opened;
        return undefined;
      });
      await until(() => loads === 1);
      cache().invalidate(key, 1);
      gate.open();
      expect(await read).toEqual({ version: 1, value: 'v1' });
    });

    it('has no moment between a load that ended and its result', async () => {
      const [row, key] = [createRow(), newKey()];
      const seen: unknown[] = [];
      const first = cache().read(key, row.load);
      // Runs as soon as the first is settled, before anybody else may.
      const then = Promise.resolve(first).then(() => {
        row.version = 2;
        cache().invalidate(key, 2);
        return cache().read(key, row.load);
      });
      seen.push(await then);
      expect(seen).toEqual([{ version: 2, value: 'v2' }]);
    });

    it('forgets everything on reset, also what is being loaded', async () => {
      const [row, key, other, gate] = [createRow(), newKey(), newKey(), createGate()];
      await cache().read(key, row.load);
      const slow = createRow();
      const reading = cache().read(other, async () => {
        const before = await slow.load();
        if (slow.loads === 1) await gate.opened;
        return before;
      });
      await until(() => slow.loads === 1);
      row.version = slow.version = 2;
      cache().reset();
      gate.open();
      expect(await cache().read(key, row.load)).toEqual({ version: 2, value: 'v2' });
      expect(await reading).toEqual({ version: 2, value: 'v2' });
    });

    it('stays within its bytes, and keeps nothing that would push out most of the rest', async () => {
      await opened.close();
      await open({ maxBytes: 100_000 });
      const load = async () => ({ version: 1, value: 'x'.repeat(5_000) });
      for (let i = 0; i < 200; i++) await cache().read(newKey(), load);
      expect(await opened.metric('mplp_cache_bytes')).toBeLessThanOrEqual(100_000);
      expect(await opened.metric('mplp_cache_entries')).toBeGreaterThan(10);
      expect(await opened.metric('mplp_cache_evictions_total')).toBeGreaterThan(150);
      const entries = await opened.metric('mplp_cache_entries');
      await cache().read(newKey(), async () => ({ version: 1, value: 'x'.repeat(30_000) }));
      expect(await opened.metric('mplp_cache_entries')).toBe(entries);
    });

    it('keeps a value no longer than its kind may stay', async () => {
      await opened.close();
      const long = { l1Ms: 60_000, l2Ms: 60_000 };
      await open({ ttls: { standard: long, short: { l1Ms: 30, l2Ms: 30 }, brief: { ...long, l1Ms: 1 } } });
      const [row, key] = [createRow(), { ...newKey(), kind: 'short' }];
      await cache().read(key, row.load);
      await until(async () => {
        await delay(10);
        await cache().read(key, row.load);
        return row.loads > 1;
      });
      const kept = createRow();
      for (let i = 0; i < 5; i++) {
        await cache().read({ ...key, kind: 'constructor' }, kept.load);
        await delay(10);
      }
      expect(kept.loads).toBe(1);
    });

    it('still reads after it was closed', async () => {
      const [row, key] = [createRow(), newKey()];
      await cache().close();
      expect(await cache().read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    });
  });
}
