import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalBus, createRedisBus, type Bus } from '#dist/store/bus/index.js';
import { createRedisLink, createRedisMetrics } from '#dist/store/redis/index.js';
import { createTestLog } from '../../support/log-lines.js';
import { hasRedis, startTestRedis, type TestRedis } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

const { log, lines } = createTestLog();
const limits = { retryMs: 20, maxRetryMs: 50, connectMs: 500 };

/** A bus as one engine has it, usable at once. */
async function openRedisBus(redis: TestRedis): Promise<Bus> {
  const metrics = createRedisMetrics(new Registry());
  const link = createRedisLink({ url: redis.url, name: 'commands', log, metrics, limits });
  const bus = createRedisBus({ url: redis.url, link, log, metrics, limits });
  let isThere = false;
  const stop = bus.subscribe(
    'opened',
    () => undefined,
    () => (isThere = true),
  );
  await until(() => isThere && link.isUp);
  stop();
  return {
    ...bus,
    async close() {
      await bus.close();
      await link.close();
    },
  };
}

let redis: TestRedis | undefined;
beforeAll(async () => {
  if (hasRedis) redis = await startTestRedis();
});
afterAll(() => redis?.close());

const forms = [
  { name: 'within one engine', isSkipped: false, open: async () => createLocalBus({ log }) },
  { name: 'through Redis', isSkipped: !hasRedis, open: () => openRedisBus(redis as TestRedis) },
];

for (const { name, isSkipped, open } of forms) {
  describe.skipIf(isSkipped)(`the bus ${name}`, () => {
    let bus: Bus;
    beforeAll(async () => {
      bus = await open();
    });
    afterAll(() => bus.close());

    it('brings messages to all subscribers of the channel, in order, and to no others', async () => {
      const channel = randomUUID();
      const heard: string[][] = [[], [], []];
      bus.subscribe(channel, (message) => heard[0]?.push(message));
      bus.subscribe(channel, (message) => heard[1]?.push(message));
      bus.subscribe(randomUUID(), (message) => heard[2]?.push(message));
      const sent = ['one', 'zwei', '', '三 \n\0', 'x'.repeat(8_192)];
      for (const message of sent) bus.publish(channel, message);
      expect(heard[0]).toEqual([]);
      await until(() => heard[0]?.length === sent.length && heard[1]?.length === sent.length);
      expect(heard).toEqual([sent, sent, []]);
    });

    it('brings each message once', async () => {
      const channel = randomUUID();
      const heard: string[] = [];
      bus.subscribe(channel, (message) => heard.push(message));
      await delay(50);
      bus.publish(channel, 'a');
      await until(() => heard.length > 0);
      await delay(100);
      expect(heard).toEqual(['a']);
    });

    it('brings nothing after a subscription has ended, which ends no other', async () => {
      const channel = randomUUID();
      const heard: string[] = [];
      const stop = bus.subscribe(channel, () => heard.push('ended'));
      const stopOther = bus.subscribe(channel, (message) => heard.push(message));
      stop();
      stop();
      bus.publish(channel, 'a');
      await until(() => heard.length > 0);
      stopOther();
      bus.publish(channel, 'b');
      await delay(50);
      expect(heard).toEqual(['a']);
    });

    it('lets a subscriber that throws disturb nobody, and logs it', async () => {
      const channel = randomUUID();
      const heard: string[] = [];
      bus.subscribe(channel, () => {
        throw new Error('of the subscriber');
      });
      bus.subscribe(channel, (message) => heard.push(message));
      bus.publish(channel, 'a');
      await until(() => heard.length === 1);
      expect(lines.filter((line) => line.includes('of the subscriber')).length).toBeGreaterThan(0);
    });

    it('refuses what is no hint', () => {
      expect(() => bus.publish('any', 'x'.repeat(8_193))).toThrow(RangeError);
    });

    it('is silent once closed', async () => {
      const closed = await open();
      const heard: string[] = [];
      closed.subscribe('any', (message) => heard.push(message));
      await closed.close();
      closed.publish('any', 'a');
      bus.publish('any', 'b');
      await delay(50);
      expect(heard).toEqual([]);
      await closed.close();
    });
  });
}

describe.skipIf(!hasRedis)('two engines on one Redis', () => {
  let server: TestRedis;
  let here: Bus;
  let there: Bus;
  beforeAll(async () => {
    server = await startTestRedis();
    [here, there] = await Promise.all([openRedisBus(server), openRedisBus(server)]);
  });
  afterAll(async () => {
    await Promise.all([here.close(), there.close()]);
    await server.close();
  });

  it('hear each other, also over channels that are subscribed late', async () => {
    const heard: string[] = [];
    let isThere = false;
    there.subscribe(
      'late',
      (message) => heard.push(message),
      () => (isThere = true),
    );
    await until(() => isThere);
    here.publish('late', 'a');
    here.publish('late', 'b');
    await until(() => heard.length === 2);
    expect(heard).toEqual(['a', 'b']);
  });

  it('are told that they may have missed something, and hear each other again', async () => {
    const heard: string[] = [];
    let gaps = 0;
    there.subscribe(
      'gap',
      (message) => heard.push(message),
      () => gaps++,
    );
    await until(() => gaps === 1);
    await server.kill();
    const own: string[] = [];
    here.subscribe('gap', (message) => own.push(message));
    here.publish('gap', 'lost');
    // Within the engine it arrives all the same.
    await until(() => own.length === 1);
    await server.restart();
    await until(() => gaps === 2);
    await until(async () => {
      here.publish('gap', 'found');
      await delay(20);
      return heard.length > 0;
    });
    expect(new Set(heard)).toEqual(new Set(['found']));
  });

  it('take no notice of what others publish', async () => {
    const heard: string[] = [];
    let gaps = 0;
    there.subscribe(
      'noise',
      (message) => heard.push(message),
      () => gaps++,
    );
    await until(() => gaps === 1);
    await server.client.publish('mplp:noise', 'x'.repeat(100_000));
    await server.client.publish('mplp:noise', '');
    here.publish('noise', 'a');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['a']);
  });
});
