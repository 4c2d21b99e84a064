import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
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

/** Several engines on one Redis, and a Redis that does what it should not. */
describe.skipIf(!hasRedis)('Redis behind the cache', () => {
  let redis: TestRedis;
  let keys = 0;
  const closers: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => redis.client.flushall());
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const open = async (options: TestCacheOptions = {}): Promise<TestCache> => {
    const opened = openCache({ url: redis.url, ...options });
    closers.push(() => opened.close());
    if (options.url === undefined || options.url === redis.url) await untilTrusted(opened);
    return opened;
  };
  /** An engine whose way to Redis can break. */
  const openBehindProxy = async (): Promise<TestCache & { readonly proxy: FaultProxy }> => {
    const proxy = await startFaultProxy(`http://127.0.0.1:${redis.port}`);
    closers.push(() => proxy.close());
    const opened = await open({ url: redis.url.replace(String(redis.port), new URL(proxy.url).port) });
    await untilTrusted(opened);
    return { ...opened, proxy };
  };
  const newKey = () => contextKey(`row ${++keys}`);
  const textOf = (id: string, kind = 'context') => `mplp:default:${kind}:${id.replaceAll(' ', '%0020')}`;
  const isStored = (id: string) => until(async () => (await redis.client.exists(textOf(id))) === 1);

  it('gives one engine what another has loaded', async () => {
    const [here, there] = [await open(), await open()];
    // Both trust Redis by now, so that what either loads is new to both.
    const [row, key] = [createRow(), newKey()];
    await here.cache.read(key, row.load);
    await isStored(key.id);
    expect(await there.cache.read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    expect(row.loads).toBe(1);
    expect(await redis.client.pttl(textOf(key.id))).toBeGreaterThan(3_000_000);
  });

  it('tells other engines of a change, sooner than the events do', async () => {
    const [here, there] = [await open({ hasBus: true }), await open({ hasBus: true })];
    const [row, key] = [createRow(), newKey()];
    await there.cache.read(key, row.load);
    row.version = 2;
    await until(async () => {
      here.cache.invalidate(key, row.version);
      await delay(10);
      if ((await there.cache.read(key, row.load))?.version === row.version) return true;
      // Nobody was listening yet.
      row.version++;
      return false;
    });
  });

  it('tells a change once, however often and wherever it is heard of', async () => {
    const [here, there] = [await open({ hasBus: true }), await open({ hasBus: true })];
    let messages = 0;
    const listener = redis.client.duplicate();
    await listener.connect();
    closers.push(async () => listener.disconnect());
    await listener.subscribe('mplp:cache');
    listener.on('message', () => messages++);
    const key = newKey();
    await until(async () => {
      // Until the other engine listens to hints.
      here.cache.invalidate(newKey(), 1);
      await delay(20);
      const known = newKey();
      here.cache.invalidate(known, 1);
      await delay(20);
      const before = messages;
      there.cache.invalidate(known, 1);
      await delay(20);
      return messages === before;
    });
    const before = messages;
    for (const { cache } of [here, there, here, there]) {
      cache.invalidate(key, 2);
      await delay(20);
    }
    expect(messages - before).toBe(1);
  });

  it('keeps an old value from engines that have not heard of a change yet', async () => {
    const [here, there] = [await open(), await open()];
    const [row, key] = [createRow(), newKey()];
    await here.cache.read(key, row.load);
    await isStored(key.id);
    row.version = 2;
    here.cache.invalidate(key, 2);
    await until(async () => (await redis.client.get(textOf(key.id)))?.endsWith('-\n') === true);
    expect(await there.cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
  });

  it('serves nothing old after a change whose write was lost, to those who know of it', async () => {
    const [here, there] = [await openBehindProxy(), await open()];
    const [row, key] = [createRow(), briefKey(`row ${++keys}`)];
    await here.cache.read(key, row.load);
    await until(async () => (await redis.client.exists(textOf(key.id, 'brief'))) === 1);
    here.proxy.fault = { kind: 'down' };
    row.version = 2;
    here.cache.invalidate(key, 2);
    here.proxy.fault = { kind: 'none' };
    await until(() => here.link?.isUp === true);
    // The one that changed it, the one that was told, and one that is started now.
    there.cache.invalidate(key, 2);
    const started = await open();
    for (const { cache } of [here, there, started])
      expect(await cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
  });

  it('serves nothing old after a change that Redis refused to take', async () => {
    const [here, there] = [await open(), await open()];
    const [row, key] = [createRow(), briefKey(`row ${++keys}`)];
    await here.cache.read(key, row.load);
    await until(async () => (await redis.client.exists(textOf(key.id, 'brief'))) === 1);
    // A replica answers, with what it has, and takes nothing.
    await redis.client.replicaof('127.0.0.1', 9);
    try {
      row.version = 2;
      for (const { cache } of [here, there]) cache.invalidate(key, 2);
      for (const { cache } of [here, there])
        expect(await cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
      expect(await redis.client.get(textOf(key.id, 'brief'))).toContain('"v1"');
    } finally {
      await redis.client.replicaof('NO', 'ONE');
    }
  });

  it('finds a row that was created again under its id, and nothing of the one before', async () => {
    const [here, there] = [await open(), await open()];
    const [row, key] = [createRow(7), briefKey(`row ${++keys}`)];
    await here.cache.read(key, row.load);
    await until(async () => (await redis.client.exists(textOf(key.id, 'brief'))) === 1);
    const former = (await redis.client.getBuffer(textOf(key.id, 'brief'))) as Buffer;
    row.version = 1;
    for (const { cache } of [here, there]) {
      cache.invalidate(key, Infinity);
      cache.invalidate(key, 1);
    }
    await here.link?.run((client) => client.ping());
    await there.link?.run((client) => client.ping());
    // As if no tombstone had arrived.
    await redis.client.set(textOf(key.id, 'brief'), former);
    expect(await there.cache.read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    await until(async () => (await redis.client.get(textOf(key.id, 'brief')))?.endsWith('"v1"') === true);
    const before = row.loads;
    await delay(2);
    for (const { cache } of [here, there])
      expect(await cache.read(key, row.load)).toEqual({ version: 1, value: 'v1' });
    expect(row.loads).toBe(before);
  });

  it('stores nothing whose age was taken from another state of Redis', async () => {
    const slow = await openBehindProxy();
    const clock = (await redis.client.get('mplp:clock')) as string;
    // The clock ticks for a new engine.
    await open();
    const [row, key, gate] = [createRow(), newKey(), createGate()];
    const reading = slow.cache.read(key, async () => {
      const before = await row.load();
      await gate.opened;
      return before;
    });
    await until(() => row.loads === 1);
    row.version = 2;
    slow.proxy.fault = { kind: 'down' };
    await until(() => slow.link?.isUp === false);
    // An earlier state comes back, in which the same tick comes again, now for this engine.
    await redis.client.flushall();
    await redis.client.set('mplp:clock', clock);
    const started = await open();
    slow.proxy.fault = { kind: 'none' };
    await untilTrusted(slow);
    gate.open();
    expect((await reading)?.version).toBe(1);
    await slow.link?.run((client) => client.ping());
    expect(await started.cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
  });

  it('takes nothing into a new engine that was loaded before it began, when no write arrived at all', async () => {
    const here = await openBehindProxy();
    const [row, key] = [createRow(), newKey()];
    await here.cache.read(key, row.load);
    await isStored(key.id);
    here.proxy.fault = { kind: 'down' };
    row.version = 2;
    here.cache.invalidate(key, 2);
    await here.close();
    // Redis still has the first version, and nobody will ever tell.
    expect(await redis.client.get(textOf(key.id))).toContain('"v1"');
    const started = await open();
    expect(await started.cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
    // What it loaded replaces the old one.
    await until(async () => (await redis.client.get(textOf(key.id)))?.endsWith('"v2"') === true);
  });

  it('does not store what a slow load brings late', async () => {
    const [here, there, third] = [await open(), await open(), await open()];
    const [row, key, gate] = [createRow(), newKey(), createGate()];
    const slow = there.cache.read(key, async () => {
      const before = await row.load();
      await gate.opened;
      return before;
    });
    await until(() => row.loads === 1);
    row.version = 2;
    here.cache.invalidate(key, 2);
    await isStored(key.id);
    gate.open();
    // It was not told, so it may give the old value to those who asked before.
    expect((await slow)?.version).toBe(1);
    await delay(50);
    expect(await third.cache.read(key, row.load)).toEqual({ version: 2, value: 'v2' });
  });

  it('remembers changes by starting anew when there are too many', async () => {
    const proxied = await openBehindProxy();
    await proxied.close();
    const one = await open({ level: { maxFloors: 10 } });
    const other = await open();
    const rows = Array.from({ length: 40 }, () => ({ row: createRow(), key: briefKey(`row ${++keys}`) }));
    for (const { row, key } of rows) await other.cache.read(key, row.load);
    await until(async () => (await redis.client.exists(textOf(rows[39]?.key.id ?? '', 'brief'))) === 1);
    for (const { row, key } of rows) {
      row.version = 2;
      const stored = await redis.client.getBuffer(textOf(key.id, 'brief'));
      one.cache.invalidate(key, 2);
      await one.link?.run((client) => client.ping());
      // As if the tombstone had not arrived.
      await redis.client.set(textOf(key.id, 'brief'), stored as Buffer);
    }
    await untilTrusted(one);
    for (const { row, key } of rows) expect((await one.cache.read(key, row.load))?.version).toBe(2);
  });

  it('goes on without what was flushed or evicted, its clock included', async () => {
    const one = await open();
    const [row, key] = [createRow(), briefKey(`row ${++keys}`)];
    for (const damage of [
      () => redis.client.flushall(),
      () => redis.client.del('mplp:clock'),
      () => redis.client.set('mplp:clock', 'not a clock'),
      () => redis.client.set('mplp:clock', 'abc 5'),
      () => redis.client.set('mplp:clock', `0123456789abcdef ${'9'.repeat(15)}`),
      async () => {
        await redis.client.del('mplp:clock');
        await redis.client.lpush('mplp:clock', 'x');
      },
    ]) {
      await one.cache.read(key, row.load);
      await damage();
      expect((await one.cache.read(key, row.load))?.version).toBe(row.version);
      await untilTrusted(one);
    }
  });

  it('does not believe an earlier state of Redis', async () => {
    const [row, key] = [createRow(), newKey()];
    const first = await open();
    await first.cache.read(key, row.load);
    await isStored(key.id);
    const before = new Map<string, Buffer>();
    for (const name of await redis.client.keys('mplp:*'))
      before.set(name, (await redis.client.getBuffer(name)) as Buffer);
    row.version = 2;
    first.cache.invalidate(key, 2);
    await first.close();
    const second = await open();
    // A snapshot is loaded, or a replica takes over that was behind.
    await redis.client.flushall();
    for (const [name, value] of before) await redis.client.set(name, value);
    expect((await second.cache.read(key, row.load))?.version).toBe(2);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const third = await open();
    expect((await third.cache.read(key, row.load))?.version).toBe(2);
  });

  it('takes nothing for a value that no engine wrote there', async () => {
    const one = await open();
    const [row, key] = [createRow(), briefKey(`row ${++keys}`)];
    const text = textOf(key.id, 'brief');
    await one.cache.read(key, row.load);
    await until(async () => (await redis.client.exists(text)) === 1);
    const good = (await redis.client.getBuffer(text)) as Buffer;
    const flipped = (at: number) => {
      const copy = Buffer.from(good);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    const garbage: Buffer[] = [
      ...Array.from({ length: good.length }, (_, at) => good.subarray(0, at)),
      ...Array.from({ length: good.length }, (_, at) => flipped(at)),
      Buffer.from('{"version":1,"value":"forged"}'),
      Buffer.concat([good, Buffer.from(' ')]),
      Buffer.alloc(2_000_000, 0x20),
      Buffer.from([0xff, 0xfe, 0x0a, 0x00]),
    ];
    row.version = 5;
    for (const bytes of garbage) {
      await delay(2);
      await redis.client.set(text, bytes);
      const before = row.loads;
      expect(await one.cache.read(key, row.load)).toEqual({ version: 5, value: 'v5' });
      expect(row.loads).toBe(before + 1);
    }
    expect(await one.metric('mplp_cache_unreadable_total')).toBeGreaterThan(good.length);
    // The value of another row under this one's name, and another type.
    await delay(2);
    const other = briefKey(`row ${++keys}`);
    await one.cache.read(other, createRow(9).load);
    await until(async () => (await redis.client.exists(textOf(other.id, 'brief'))) === 1);
    await redis.client.copy(textOf(other.id, 'brief'), text, 'REPLACE');
    expect((await one.cache.read(key, row.load))?.value).toBe('v5');
    await delay(2);
    await redis.client.del(text);
    await redis.client.lpush(text, 'x');
    expect((await one.cache.read(key, row.load))?.value).toBe('v5');
    // And what is there is overwritten, by and by.
    await until(async () => (await redis.client.type(text)) === 'string');
  });

  it('reads on from Postgres while Redis hangs, is away, loses answers or comes late', async () => {
    const one = await openBehindProxy();
    const [row, key] = [createRow(), briefKey(`row ${++keys}`)];
    for (const fault of [
      { kind: 'hang' },
      { kind: 'down' },
      { kind: 'lose-reply' },
      { kind: 'late', delayMs: 700 },
    ] as const) {
      one.proxy.fault = fault;
      for (let i = 0; i < 5; i++) {
        row.version++;
        one.cache.invalidate(key, row.version);
        expect((await one.cache.read(key, row.load))?.version).toBe(row.version);
      }
      one.proxy.fault = { kind: 'none' };
      await untilTrusted(one);
      expect((await one.cache.read(key, row.load))?.version).toBe(row.version);
    }
  });

  it('stores nothing that is too large, and reads no more than that', async () => {
    const one = await open({ level: { maxEntryBytes: 1_000 } });
    const key = newKey();
    await one.cache.read(key, async () => ({ version: 1, value: 'x'.repeat(2_000) }));
    await one.link?.run((client) => client.ping());
    expect(await redis.client.exists(textOf(key.id))).toBe(0);
  });

  it('stays right while Redis evicts and refuses', async () => {
    const small = await startTestRedis({ more: ['--maxmemory', '2mb', '--maxmemory-policy', 'allkeys-lru'] });
    closers.push(() => small.close());
    const one = openCache({ url: small.url });
    closers.push(() => one.close());
    await untilTrusted(one);
    const rows = Array.from({ length: 300 }, () => ({ row: createRow(), key: briefKey(`row ${++keys}`) }));
    const filler = 'x'.repeat(20_000);
    for (const policy of ['allkeys-lru', 'noeviction']) {
      await small.client.config('SET', 'maxmemory-policy', policy);
      for (const { row, key } of rows) {
        row.version++;
        one.cache.invalidate(key, row.version);
        for (let i = 0; i < 2; i++) {
          const read = await one.cache.read(key, async () => ({
            version: (await row.load()).version,
            value: filler,
          }));
          expect(read?.version).toBe(row.version);
        }
      }
    }
  });
});
