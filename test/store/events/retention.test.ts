import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  startTestPostgres,
  until,
  type TestPostgres,
} from '../../embedded/postgres/embedded-postgres.js';
import { removeOldEvents } from '#dist/store/events/retention.js';
import { appendTo, collect, openLog, openTransaction, storedIds, type TestLog } from './logs.js';

const HOUR_MS = 3_600_000;

describe('retention', () => {
  let postgres: TestPostgres;
  let opened: TestLog;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    opened = await openLog(() => postgres.server.url, { retentionMs: HOUR_MS, cleanUpMs: 0 });
    await until(() => opened.events.isFollowing);
  });
  afterAll(async () => {
    await opened.close();
    await postgres.close();
  });
  const age = (ids: readonly string[], hours: number) =>
    ask(
      postgres.server.url,
      `UPDATE outbox SET created_at = now() - interval '${hours} hours'
       WHERE transaction_id::text || '-' || sequence IN (${ids.map((id) => `'${id}'`).join()})`,
    );
  /** Any event makes the log look for old ones. */
  const use = () => opened.append();

  it('removes old events from the beginning, and tells whoever comes with a cursor from before', async () => {
    const start = await opened.events.position();
    const old = [await opened.append(), await opened.append(), await opened.append()];
    const kept = await opened.append();
    await age(old, 2);
    const last = await use();
    await until(async () => (await storedIds(opened.store))[0] === kept);
    expect(await storedIds(opened.store)).toEqual([kept, last]);

    await expect(opened.events.checkCursor(start)).rejects.toMatchObject({
      code: 'MPLP_ERR_EVENTS_CURSOR_GONE',
      status: 410,
    });
    await expect(opened.events.checkCursor(old[1] as string)).rejects.toMatchObject({ status: 410 });
    // Nothing behind the last one that was removed is missing.
    await opened.events.checkCursor(old[2] as string);
    const late = collect(opened.events, { after: old[0] as string });
    await until(() => late.ids.includes(last));
    expect(late.gaps).toBe(1);
    expect(late.ids).toEqual([kept, last]);
    const whole = collect(opened.events, { after: old[2] as string });
    await until(() => whole.ids.includes(last));
    expect([whole.gaps, whole.ids]).toEqual([0, [kept, last]]);
  });

  it('leaves no hole: an old event behind one that is kept stays', async () => {
    const before = await storedIds(opened.store);
    const [young, old] = [await opened.append(), await opened.append()];
    await age([old], 2);
    await use();
    await use();
    expect(await storedIds(opened.store)).toEqual(expect.arrayContaining([...before, young, old]));
  });

  it('passes no transaction that still runs', async () => {
    const start = await use();
    let first = '';
    const long = openTransaction(opened.store, async (sql) => (first = await appendTo(sql)));
    await long.begun;
    const behind = await opened.append();
    await age([...(await storedIds(opened.store))], 2);
    await removeOldEvents(opened.store, HOUR_MS);
    await long.commit();
    await opened.events.checkCursor(start);
    const got = collect(opened.events, { after: start });
    await until(() => got.ids.length >= 2);
    expect([got.gaps, got.ids.slice(0, 2)]).toEqual([0, [first, behind]]);
  });

  it('refuses a cursor from the future: it is of another database', async () => {
    await expect(opened.events.checkCursor('99999999999-1')).rejects.toMatchObject({ status: 410 });
    const lost = collect(opened.events, { after: '99999999999-1' });
    await until(() => lost.gaps === 1);
    const id = await opened.append();
    await until(() => lost.ids.includes(id));
  });
});
