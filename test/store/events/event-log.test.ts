import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_EVENT_DATA_BYTES, type StateEvent } from '#dist/store/events/index.js';
import { startTestPostgres, until, type TestPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { emptyContext } from '../postgres/stores.js';
import {
  appendTo,
  collect,
  openLog,
  openTransaction,
  storedIds,
  type Collected,
  type TestLog,
} from './logs.js';

const count = (collected: Collected, wanted: number) => until(() => collected.events.length >= wanted);

describe('the event log', () => {
  let postgres: TestPostgres;
  let opened: TestLog;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    opened = await openLog(() => postgres.server.url);
    await until(() => opened.events.isFollowing);
  });
  afterAll(async () => {
    await opened.close();
    await postgres.close();
  });
  const subscriptions: Collected[] = [];
  const follow = (...options: Parameters<typeof collect>[1][]): Collected => {
    const collected = collect(opened.events, options[0]);
    subscriptions.push(collected);
    return collected;
  };
  afterEach(() => {
    for (const { subscription } of subscriptions.splice(0)) subscription.close();
  });

  it('hands over what was committed, whole', async () => {
    const all = follow();
    const event = {
      projectId: 'default',
      type: 'plan.task.completed',
      subjectId: randomUUID(),
      version: 7,
      data: { text: 'ü"\\', deep: [{ n: 1.5 }, null] },
      actor: 'agent-1',
    };
    const id = await opened.append(event);
    await count(all, 1);
    expect(all.events).toEqual([{ ...event, id, time: expect.any(String) as string }]);
    expect(new Date(all.events[0]?.time ?? '').toISOString()).toBe(all.events[0]?.time);
  });

  it('hands each subscriber what matches its filters', async () => {
    const subjectId = randomUUID();
    const project = follow({ projectId: 'a' });
    const subject = follow({ subjectId });
    const exact = follow({ types: ['role.deleted', 'context.created'] });
    const prefix = follow({ types: ['plan.*'], projectId: 'a' });
    const one = await opened.append({ projectId: 'a', type: 'plan.task.added' });
    const two = await opened.append({ projectId: 'b', type: 'plan.created', subjectId });
    const three = await opened.append({ projectId: 'b', type: 'context.created' });
    const four = await opened.append({ projectId: 'a', type: 'planet.created' });
    const end = await opened.append({ projectId: 'a', type: 'plan.deleted', subjectId });
    await until(() => prefix.ids.includes(end) && subject.ids.includes(end));
    await until(() => project.ids.includes(end) && exact.ids.length > 0);
    expect(project.ids).toEqual([one, four, end]);
    expect(subject.ids).toEqual([two, end]);
    expect(exact.ids).toEqual([three]);
    expect(prefix.ids).toEqual([one, end]);
    // From the table as from memory.
    const after = '0-0';
    const again = follow({ projectId: 'a', types: ['plan.*'], after });
    const both = follow({ subjectId, types: ['plan.created', 'plan.*'], after });
    await until(() => again.ids.includes(end) && both.ids.includes(end));
    expect(again.ids).toEqual([one, end]);
    expect(both.ids).toEqual([two, end]);
  });

  it('refuses cursors and types that cannot be any', () => {
    for (const after of [
      '',
      'x',
      '1',
      '1-',
      '-1-1',
      '01-1',
      '1-1 ',
      '18446744073709551616-1',
      '1-9223372036854775808',
    ])
      expect(() => follow({ after }), after).toThrowError(expect.objectContaining({ status: 400 }));
    for (const type of ['', 'Context', 'context.', '.x', 'context*', '*.x', 'a'.repeat(200), "x'; DROP"])
      expect(() => follow({ types: [type] }), type).toThrowError(expect.objectContaining({ status: 400 }));
    expect(() => follow({ types: [] })).toThrowError(expect.objectContaining({ status: 400 }));
  });

  it('hands over each event once when transactions commit out of order, and nothing of those rolled back', async () => {
    const all = follow();
    const late = follow({ after: await opened.events.position() });
    const committed: string[] = [];
    await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        try {
          const ids = await opened.store.transaction(async (sql) => {
            const mine = [await appendTo(sql)];
            await delay(Math.random() * 40);
            mine.push(await appendTo(sql));
            if (n % 5 === 0) throw new Error('changed my mind');
            return mine;
          });
          committed.push(...ids);
        } catch (error) {
          expect((error as Error).message).toBe('changed my mind');
        }
      }),
    );
    expect(committed).toHaveLength(480);
    const last = await opened.append();
    for (const each of [all, late]) {
      await until(() => each.ids.includes(last));
      expect(each.ids).toHaveLength(481);
      expect([...each.ids].sort()).toEqual([...committed, last].sort());
      const stored = await storedIds(opened.store);
      expect(each.ids).toEqual(stored.filter((id) => each.ids.includes(id)));
    }
  });

  it('waits for a transaction that began earlier, and loses nothing of it or of those behind it', async () => {
    const all = follow();
    let first = '';
    const long = openTransaction(opened.store, async (sql) => (first = await appendTo(sql)));
    await long.begun;
    const behind = [await opened.append(), await opened.append()];
    // Long enough for several looks.
    await delay(300);
    expect(all.ids).toEqual([]);
    await long.commit();
    await count(all, 3);
    expect(all.ids).toEqual([first, ...behind]);
  });

  it('goes on when a transaction that held events back ends without a word', async () => {
    const all = follow();
    const idle = openTransaction(opened.store, (sql) => sql`SELECT pg_current_xact_id()`);
    await idle.begun;
    const id = await opened.append();
    await delay(100);
    expect(all.ids).toEqual([]);
    await idle.rollBack();
    await count(all, 1);
    expect(all.ids).toEqual([id]);
  });

  it('keeps the versions of a subject in order when the later change is of the older transaction', async () => {
    const all = follow();
    const [id, bystander] = [randomUUID(), randomUUID()];
    await opened.store.transaction(
      (sql) =>
        sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES
            ('default', ${id}, ${emptyContext}::text::json, 'test'), ('default', ${bystander}, ${emptyContext}::text::json, 'test')`,
    );
    const change = async (sql: Parameters<typeof appendTo>[0]): Promise<void> => {
      const [row] = await sql<{ version: number }[]>`
        UPDATE contexts SET version = version + 1 WHERE id = ${id} RETURNING version`;
      await appendTo(sql, { subjectId: id, version: row?.version ?? 0 });
    };
    // It has its number before the other one, and the row after it.
    let onOther = (): void => {};
    const other = new Promise<void>((resolve) => (onOther = resolve));
    const older = opened.store.transaction(async (sql) => {
      await sql`UPDATE contexts SET version = version + 1 WHERE id = ${bystander}`;
      await opened.store.transaction(change);
      onOther();
      await change(sql);
    });
    await Promise.all([older, other]);
    await count(all, 2);
    expect(all.events.map(({ version }) => version)).toEqual([2, 3]);
    const again = follow({ after: '0-0', subjectId: id });
    await count(again, 2);
    expect(again.events.map(({ version }) => version)).toEqual([2, 3]);
  });

  it('feeds a subscriber from its cursor until it has caught up, while new events keep coming', async () => {
    const start = await opened.events.position();
    const ids: string[] = [];
    for (let n = 0; n < 250; n++) ids.push(await opened.append());
    const all = follow({ after: start, batchSize: 10 });
    const middle = follow({ after: ids[99], batchSize: 7 });
    for (let n = 0; n < 250; n++) ids.push(await opened.append());
    await until(() => all.ids.length >= 500 && middle.ids.length >= 400);
    expect(all.ids).toEqual(ids);
    expect(middle.ids).toEqual(ids.slice(100));
  });

  it('feeds a slow subscriber at its own speed, without loss, and keeps little for it', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const batches: number[] = [];
    const got: StateEvent[] = [];
    const slow = follow({
      async onEvents(batch) {
        await held;
        batches.push(batch.length);
        got.push(...batch);
      },
    });
    const quick = follow();
    const ids: string[] = [];
    for (let n = 0; n < 60; n++)
      ids.push(
        ...(await opened.store.transaction(async (sql) => {
          const mine: string[] = [];
          for (let m = 0; m < 20; m++) mine.push(await appendTo(sql, { data: { text: 'x'.repeat(4_000) } }));
          return mine;
        })),
      );
    await count(quick, ids.length);
    expect(got).toEqual([]);
    release();
    await until(() => got.length >= ids.length);
    expect(got.map(({ id }) => id)).toEqual(ids);
    expect(quick.ids).toEqual(ids);
    expect(Math.max(...batches)).toBeLessThanOrEqual(100);
    expect(slow.subscription.cursor).toBeDefined();
  });

  it('tells a subscriber whose handler failed that it has a gap, and goes on', async () => {
    const got: string[] = [];
    const failing = follow({
      onEvents(batch) {
        if (got.length === 0 && batch.length > 0) {
          got.push('failed');
          throw new Error('no');
        }
        got.push(...batch.map(({ id }) => id));
      },
    });
    await opened.append();
    await until(() => failing.gaps === 1);
    const id = await opened.append();
    await until(() => got.includes(id));
  });

  it('moves the cursor of a subscriber on when nothing matches', async () => {
    const none = follow({ types: ['nothing.at.all'] });
    const all = follow();
    const id = await opened.append();
    await count(all, 1);
    await until(() => none.subscription.cursor === id);
    await opened.events.checkCursor(none.subscription.cursor as string);
  });

  it('leaves out data that is too large, and says how large it was', async () => {
    const all = follow();
    await opened.append({ data: { text: 'ü'.repeat(MAX_EVENT_DATA_BYTES / 2) } });
    await count(all, 1);
    expect(all.events[0]?.data).toEqual({ omitted_bytes: MAX_EVENT_DATA_BYTES + 11 });
  });

  it('finds by its poll what nobody has notified of', async () => {
    const all = follow();
    await opened.store.transaction(
      (sql) => sql`
        INSERT INTO outbox (project_id, type, subject_id, version) VALUES ('default', 'context.created', ${randomUUID()}, 1)`,
    );
    await count(all, 1);
    expect(all.events[0]).toMatchObject({ type: 'context.created', data: {}, actor: undefined });
  });

  it('serves two engines on one Postgres, each all events', async () => {
    const second = await openLog(() => postgres.server.url);
    await until(() => second.events.isFollowing);
    const here = follow();
    const there = collect(second.events);
    const ids: string[] = [];
    for (let n = 0; n < 40; n++) ids.push(await (n % 2 === 0 ? opened : second).append());
    await until(() => here.ids.length >= 40 && there.ids.length >= 40);
    expect(here.ids).toEqual(ids);
    expect(there.ids).toEqual(ids);
    // A cursor of one is good for the other, also when that one has not got so far yet.
    const last = await opened.append();
    const resumed = collect(second.events, { after: last });
    const next = await second.append();
    await count(resumed, 1);
    expect(resumed.ids).toEqual([next]);
    await second.close();
  });

  it('tells other engines at once, and does not leave it to their polls', async () => {
    const never = { pollMs: 600_000 };
    const [writer, reader] = [
      await openLog(() => postgres.server.url, never),
      await openLog(() => postgres.server.url, never),
    ];
    await until(() => writer.events.isFollowing && reader.events.isFollowing);
    const [here, there] = [collect(writer.events), collect(reader.events)];
    for (let n = 0; n < 3; n++) {
      const id = await writer.append();
      await until(() => here.ids.includes(id) && there.ids.includes(id));
    }
    await writer.close();
    await reader.close();
  });
});
