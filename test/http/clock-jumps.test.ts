import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { ask, startTestPostgres, until, type TestPostgres } from '../embedded/postgres/embedded-postgres.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';
import { createFakeClock, hasFakeClock, type FakeClock } from '../support/fake-clock.js';
import { sampleSpan } from '../support/sample-span.js';
import { endOfLog, followEvents, type EventClient } from '../support/state/event-client.js';
import { SyncClient } from '../support/sync-client.js';

const HOUR = 3_600;
const YEAR = 365 * 24 * HOUR;
/** From winter time to summer time, or back. */
const SEASON = 182 * 24 * HOUR;
/** What a leap second is to a program: the clock of POSIX has the same second twice. */
const LEAP_SECOND = -1;

/** Ahead and behind, also in the middle of something. Postgres has the right time. */
describe.skipIf(!hasFakeClock)('an engine whose clock jumps', () => {
  let postgres: TestPostgres;
  let clock: FakeClock;
  let engine: EngineProcess;
  let events: EventClient;
  let start: string;
  const ids = new Set<string>();
  let once: unknown;
  const idempotent = { 'idempotency-key': randomUUID() };
  beforeAll(async () => {
    postgres = await startTestPostgres();
    clock = createFakeClock();
    engine = await startEngineWithState({
      ...clock.env,
      TZ: 'Europe/Berlin',
      DATABASE_URL: postgres.server.url,
      CLICKHOUSE_URL: 'http://127.0.0.1:9',
      MPLP_DRAIN_TIMEOUT_MS: '1000',
    });
    start = await endOfLog(engine);
    events = followEvents(() => engine, start);
  });
  afterAll(async () => {
    await events.close();
    await engine.close();
    await postgres.close();
    clock.close();
  });

  const call = (
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${engine.url}/v1.0/${path}`, {
      method,
      headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const json = async (reply: Promise<Response>): Promise<Record<string, unknown>> =>
    (await (await reply).json()) as Record<string, unknown>;
  const create = async (headers = {}): Promise<Record<string, unknown>> =>
    json(call('POST', 'contexts', {}, headers));
  const makeKey = (expiresAt: number): Promise<Response> =>
    call('POST', 'api-keys', {
      subject: 'agent:clock',
      name: 'k',
      expires_at: new Date(expiresAt).toISOString(),
    });
  const statusWith = async (key: unknown): Promise<number> =>
    (await call('GET', 'contexts', undefined, { authorization: `Bearer ${String(key)}` })).status;
  const spanNow = (): object =>
    sampleSpan({ timestamp: { start: new Date(Date.now() - 1_000).toISOString() } });

  it.each([0, HOUR, -HOUR, YEAR, SEASON, -YEAR, 600, 0, LEAP_SECOND, 0])(
    '%i seconds: state is as ever, by the clock of Postgres',
    async (seconds) => {
      clock.jump(seconds);
      const first = await create(idempotent);
      const { id, metadata } = await create();
      for (const each of [id, (await json(call('POST', `contexts/${String(id)}/snapshots`, {})))['id']]) {
        expect(ids).not.toContain(each);
        ids.add(each as string);
      }
      const { created_at: createdAt } = metadata as { created_at: string };
      expect(Math.abs(Date.parse(createdAt) - Date.now())).toBeLessThan(60_000);
      // The same answer as before all jumps: 24 hours have not gone by.
      expect(first['id']).toBe((once ??= first['id']));
      for (const version of [2, 3]) {
        const reply = await call('POST', `contexts/${String(id)}/variables`, { key: 'k', value: version });
        expect(reply.headers.get('etag')).toBe(`"${version}"`);
      }
      expect((await call('GET', `contexts/${String(id)}`)).headers.get('etag')).toBe('"3"');
      // The end of a key is judged by the clock that will end it.
      const [live, past] = [await makeKey(Date.now() + 600_000), await makeKey(Date.now() - 600_000)];
      expect([live.status, past.status]).toEqual([201, 400]);
      await call('POST', `roles/${predefinedRoles.VIEWER.id}/assignments`, { subject: 'agent:clock' });
      const { key } = (await live.json()) as { key: string };
      await until(async () => (await statusWith(key)) === 200);
      const span = await json(call('POST', 'traces', spanNow()));
      // That the engine has another clock indeed: this span is of its future.
      expect(span['accepted'] ?? 0).toBe(seconds === -YEAR ? 0 : 1);
    },
  );

  it('ends a key at its time, whatever its own clock says, also when it steps back before that', async () => {
    clock.jump(0);
    const { key } = (await (await makeKey(Date.now() + 3_000)).json()) as { key: string };
    await until(async () => (await statusWith(key)) === 200);
    clock.jump(-YEAR);
    await until(async () => (await statusWith(key)) === 401);
  });

  it('gives up waiting for a node after the time it was told, while the clock jumps', async () => {
    clock.jump(0);
    const { id } = await create();
    const node = await SyncClient.open(engine, 'node');
    node.acknowledges = false;
    node.send({ type: 'subscribe', context_id: id, version: 0 });
    for (const seconds of [-YEAR, YEAR]) {
      clock.jump(0);
      const synced = json(
        call('POST', `contexts/${String(id)}/sync`, { timeout_ms: 1_000, sync_type: 'full' }),
      );
      await delay(100);
      clock.jump(seconds);
      const { results } = await synced;
      expect(results).toMatchObject([{ node_id: 'node', status: 'timeout' }]);
    }
    await node.close();
  });

  it('forgets idempotency keys after 24 hours of Postgres', async () => {
    clock.jump(-YEAR);
    const headers = { 'idempotency-key': randomUUID() };
    const [first, again] = [await create(headers), await create(headers)];
    expect(again['id']).toBe(first['id']);
    await ask(
      postgres.server.url,
      `UPDATE idempotency_keys SET created_at = created_at - interval '25 hours' WHERE key = '${headers['idempotency-key']}'`,
    );
    expect((await create(headers))['id']).not.toBe(first['id']);
  });

  it('has told of every change once, in order, and takes cursors from before the jumps', async () => {
    const rows = await ask<{ id: string }>(
      postgres.server.url,
      `SELECT transaction_id::text || '-' || sequence::text AS id FROM outbox ORDER BY outbox.transaction_id, outbox.sequence`,
    );
    const log = rows.map(({ id }) => id);
    expect(log.length).toBeGreaterThan(30);
    await until(() => events.deliveries[0]?.ids.at(-1) === log.at(-1));
    expect(events.deliveries.map(({ ids: got }) => got)).toEqual([log]);
    const again = followEvents(() => engine, start);
    await until(() => again.deliveries[0]?.ids.length === log.length);
    expect(again.deliveries[0]?.ids).toEqual(log);
    await again.close();
  });

  it('stops in the time it has for that, while the clock steps back', async () => {
    clock.jump(0);
    const { id } = await create();
    const node = await SyncClient.open(engine, 'node');
    node.acknowledges = false;
    node.send({ type: 'subscribe', context_id: id, version: 0 });
    await until(() => node.messages.length > 0);
    // Under way for longer than a stop may take.
    const waiting = call('POST', `contexts/${String(id)}/sync`, { timeout_ms: 30_000 }).catch(
      () => undefined,
    );
    await delay(200);
    const ended = engine.close();
    await delay(200);
    clock.jump(-YEAR);
    expect(await ended).toBe(0);
    await waiting;
  });
});
