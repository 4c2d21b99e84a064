import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvent, type NewEvent } from '#dist/store/events/index.js';
import type { Sql } from '#dist/store/postgres/index.js';
import type { CommitFault, PostgresProxy } from '../../support/postgres-proxy.js';
import { emptyContext, forms, type RunningForm } from '../postgres/stores.js';
import { newEvent, openLog, type TestLog } from './logs.js';

type Append = (sql: Sql, event: NewEvent) => Promise<void>;

/** An event exists when, and only when, its change does: whatever breaks, and wherever. */
describe('the outbox', () => {
  let form: RunningForm;
  let opened: TestLog;
  let proxy: PostgresProxy;
  beforeAll(async () => {
    form = await (forms[1] as (typeof forms)[number]).start();
    proxy = form.proxy as PostgresProxy;
    opened = await openLog(() => form.url);
  });
  afterAll(async () => {
    await opened.close();
    await form.close();
  });

  /** Ids whose change and event do not agree, over many changes of which some fail in one way or another. */
  async function disagreements(append: Append): Promise<string[]> {
    const ids: string[] = [];
    const change = async (work: (sql: Sql) => Promise<void>, fault: CommitFault = 'none'): Promise<void> => {
      const id = randomUUID();
      ids.push(id);
      proxy.onCommit = fault;
      await opened.store
        .transaction(async (sql) => {
          await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${emptyContext}::text::json, 'test')`;
          await append(sql, newEvent({ subjectId: id }));
          await work(sql);
        })
        .catch(() => undefined);
      proxy.onCommit = 'none';
    };
    await change(async () => undefined);
    await change(() => Promise.reject(new Error('changed my mind')));
    await change(async (sql) => void (await sql`SELECT 1 / 0`));
    await change(async (sql) => {
      await sql`SELECT pg_terminate_backend(pg_backend_pid())`;
    });
    await change(async () => undefined, 'lose-reply');
    await change(async () => undefined, 'break');
    await change(async () => undefined, 'lose-request');
    const list = `{${ids.join()}}`;
    const changed = await opened.store.query(
      (sql) => sql<{ id: string }[]>`SELECT id::text FROM contexts WHERE id = ANY(${list}::text::uuid[])`,
    );
    const told = await opened.store.query(
      (sql) =>
        sql<
          { id: string }[]
        >`SELECT subject_id::text AS id FROM outbox WHERE subject_id = ANY(${list}::text::uuid[])`,
    );
    const [changes, events] = [changed, told].map((rows) => rows.map(({ id }) => id).sort());
    expect(changes).toHaveLength(2);
    return ids.filter((id) => changes?.includes(id) !== events?.includes(id));
  }

  it('has the event of a change that was committed, and none of one that was not', async () => {
    expect(await disagreements(appendEvent)).toEqual([]);
  });

  it('would not, if events were written outside of the transaction: this test can fail', async () => {
    const planted: Append = (_, event) => opened.store.transaction((other) => appendEvent(other, event));
    expect((await disagreements(planted)).length).toBeGreaterThan(0);
  });
});
