import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultEventLogLimits } from '#dist/store/events/index.js';
import { startTestPostgres, until, type TestPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { startPostgresProxy, type PostgresProxy } from '../../support/postgres-proxy.js';
import { collect, openLog, storedIds, type TestLog } from './logs.js';

/** Appends until that is enough; failures are what is tested, and do not count. */
async function appendUntil(
  opened: TestLog,
  isEnough: (ids: readonly string[]) => boolean,
): Promise<string[]> {
  const ids: string[] = [];
  while (!isEnough(ids)) {
    try {
      ids.push(await opened.append());
    } catch {
      await delay(20);
    }
  }
  return ids;
}

describe('the event log and a Postgres that dies', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(() => postgres.close());

  it('goes on by itself, with every committed event once, in order', async () => {
    const opened = await openLog(() => postgres.server.url);
    await until(() => opened.events.isFollowing);
    const start = await opened.events.position();
    const live = collect(opened.events);
    let isEnough = false;
    const committed = appendUntil(opened, () => isEnough);
    for (let kill = 0; kill < 3; kill++) {
      const seen = live.ids.length;
      await until(() => live.ids.length > seen + 10);
      const { pid } = postgres.server;
      process.kill(pid as number, 'SIGKILL');
      await until(() => postgres.server.state === 'up' && postgres.server.pid !== pid);
    }
    isEnough = true;
    const ids = await committed;
    const last = await opened.append();
    const behind = collect(opened.events, { after: start, batchSize: 20 });
    await until(() => live.ids.includes(last) && behind.ids.includes(last));
    const stored = (await storedIds(opened.store)).filter((id) => live.ids.includes(id));
    expect(live.ids).toEqual(stored);
    expect(behind.ids).toEqual(live.ids);
    // What was reported as committed is there; what was looked up as such by the store as well.
    expect(live.ids).toEqual(expect.arrayContaining(ids));
    expect(live.gaps).toBe(0);
    await opened.close();
  });

  it('misses nothing when a crash makes Postgres give out numbers of transactions again', async () => {
    const opened = await openLog(() => postgres.server.url);
    await until(() => opened.events.isFollowing);
    await opened.append();
    // They end without a change, so nothing of them is on disk.
    for (let n = 0; n < 50; n++)
      await opened.store
        .transaction(async (sql) => {
          await sql`SELECT pg_current_xact_id()`;
          throw new Error('no change');
        })
        .catch(() => undefined);
    const late = await openLog(() => postgres.server.url);
    await until(() => late.events.isFollowing);
    const live = collect(late.events);
    const cursor = await late.events.position();
    const { pid } = postgres.server;
    process.kill(pid as number, 'SIGKILL');
    await until(() => postgres.server.state === 'up' && postgres.server.pid !== pid);
    const ids = await appendUntil(opened, ({ length }) => length === 20);
    await late.events.checkCursor(cursor);
    const again = collect(opened.events, { after: cursor });
    await until(() => live.ids.length >= 20 && again.ids.length >= 20);
    expect(live.ids).toEqual(ids);
    expect(again.ids).toEqual(ids);
    expect(live.gaps + again.gaps).toBe(0);
    await late.close();
    await opened.close();
  });

  it('waits for a Postgres that comes later, and closes while it is away', async () => {
    const proxy = await startPostgresProxy(Number(new URL(postgres.server.url).port));
    const opened = await openLog(() => postgres.server.url.replace(/:\d+\//, `:${proxy.port}/`));
    await until(() => opened.events.isFollowing);
    const live = collect(opened.events);
    proxy.isUp = false;
    await until(() => !opened.events.isFollowing);
    await expect(opened.events.position()).rejects.toMatchObject({ status: 503 });
    proxy.isUp = true;
    const ids = await appendUntil(opened, ({ length }) => length === 3);
    await until(() => live.ids.length >= 3);
    expect(live.ids).toEqual(ids);
    proxy.isUp = false;
    await opened.close();
    await proxy.close();
  });
});

describe('an idle event log', () => {
  let postgres: TestPostgres;
  let proxy: PostgresProxy;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    proxy = await startPostgresProxy(Number(new URL(postgres.server.url).port));
  });
  afterAll(async () => {
    await proxy.close();
    await postgres.close();
  });

  it('asks Postgres once a poll, which is a few times a minute', async () => {
    expect(60_000 / defaultEventLogLimits.pollMs).toBeLessThanOrEqual(4);
    const pollMs = 500;
    const opened = await openLog(() => postgres.server.url.replace(/:\d+\//, `:${proxy.port}/`), { pollMs });
    await until(() => opened.events.isFollowing);
    const subscribers = Array.from({ length: 50 }, (_, n) => collect(opened.events, { projectId: `p${n}` }));
    await opened.append();
    await delay(pollMs);
    const before = proxy.statements;
    await delay(10 * pollMs);
    const asked = proxy.statements - before;
    // The driver sends two messages the first time it prepares a statement, and one afterwards.
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(12);
    expect(subscribers).toHaveLength(50);
    await opened.close();
  });
});
