import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGroupCommit, type GroupCommit, type Update } from '#dist/modules/documents/group-commit.js';
import type { CommitFault, PostgresProxy } from '../../support/postgres-proxy.js';
import { forms, openStore, type RunningForm, type TestStore } from '../../store/postgres/stores.js';

/** Changes that come together go into one statement, and each has a result of its own all the same. */
describe('a group of changes', () => {
  let form: RunningForm;
  let opened: TestStore;
  let commits: GroupCommit;
  let proxy: PostgresProxy;
  beforeAll(async () => {
    form = await (forms[1] as (typeof forms)[number]).start();
    proxy = form.proxy as PostgresProxy;
    opened = openStore(form.url);
    await opened.store.migrate();
    commits = createGroupCommit(opened.store, 'contexts');
  });
  afterAll(async () => {
    await opened.close();
    await form.close();
  });

  const content = (n: number, status = 'active'): string =>
    JSON.stringify({ status, lifecycle_stage: 'planning', shared_state: { variables: { n } } });
  const insert = async (count: number): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => randomUUID());
    await opened.store.transaction(async (sql) => {
      for (const id of ids)
        await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${content(0)}::text::json, 'test')`;
    });
    return ids;
  };
  const to = (id: string, from: number, more: Partial<Update> = {}): Update => ({
    projectId: 'default',
    actor: 'test',
    id,
    from,
    content: content(from),
    event: 'context.updated',
    data: { from },
    ...more,
  });
  const versions = async (ids: readonly string[]): Promise<number[]> => {
    const rows = await opened.store.query(
      (sql) => sql<{ id: string; version: number }[]>`
        SELECT id, version FROM contexts WHERE id = ANY(${[...ids]}::uuid[])`,
    );
    const found = new Map(rows.map((row) => [row.id, row.version]));
    return ids.map((id) => found.get(id) ?? 0);
  };
  const eventsOf = (ids: readonly string[]) =>
    opened.store.query(
      (sql) => sql<{ subject_id: string; version: number; payload: { from: number } }[]>`
        SELECT subject_id, version, payload FROM outbox WHERE subject_id = ANY(${[...ids]}::uuid[])
        ORDER BY transaction_id, sequence`,
    );

  it('is made by far fewer statements than changes, each once, in order, with one event', async () => {
    const ids = await insert(40);
    const before = proxy.statements;
    await Promise.all(
      ids.map(async (id) => {
        for (let from = 1; from <= 5; from++)
          expect(await commits.update(to(id, from))).toMatchObject({
            id,
            version: from + 1,
            created_by: 'test',
          });
      }),
    );
    expect(proxy.statements - before).toBeLessThan(60);
    expect(await versions(ids)).toEqual(ids.map(() => 6));
    const events = await eventsOf(ids);
    expect(events).toHaveLength(200);
    for (const id of ids) {
      const own = events.filter((event) => event.subject_id === id);
      expect(own.map((event) => [event.version, event.payload.from])).toEqual(
        [1, 2, 3, 4, 5].map((n) => [n + 1, n]),
      );
    }
  });

  it('leaves out those whose row has another version, or is gone, or is of another project', async () => {
    const ids = await insert(3);
    const [first, second, third] = ids as [string, string, string];
    const results = await Promise.all([
      commits.update(to(first, 1)),
      commits.update(to(second, 7)),
      commits.update(to(third, 1, { projectId: 'other' })),
      commits.update(to(randomUUID(), 1)),
      commits.update(to(third, 1)),
    ]);
    expect(results.map((row) => row !== undefined)).toEqual([true, false, false, false, true]);
    expect(await versions(ids)).toEqual([2, 1, 2]);
    expect(await eventsOf(ids)).toHaveLength(2);
  });

  it('keeps one that Postgres refuses apart from the others', async () => {
    const ids = await insert(10);
    const results = await Promise.allSettled(
      ids.map((id, n) => commits.update(to(id, 1, n === 6 ? { content: content(1, 'nonsense') } : {}))),
    );
    expect(results.map(({ status }) => status)).toEqual(
      ids.map((_, n) => (n === 6 ? 'rejected' : 'fulfilled')),
    );
    expect(await versions(ids)).toEqual(ids.map((_, n) => (n === 6 ? 1 : 2)));
  });

  it('does not hold up others while a row of it is locked', async () => {
    const ids = await insert(3);
    const [locked, beside, later] = ids as [string, string, string];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let isLocked = (): void => {};
    const locking = new Promise<void>((resolve) => (isLocked = resolve));
    const holder = opened.store.transaction(async (sql) => {
      await sql`SELECT 1 FROM contexts WHERE id = ${locked} FOR UPDATE`;
      isLocked();
      await held;
    });
    await locking;
    const group = Promise.all([commits.update(to(locked, 1)), commits.update(to(beside, 1))]);
    // Resolves while the group above still waits.
    expect(await commits.update(to(later, 1))).toMatchObject({ version: 2 });
    expect(await versions([locked])).toEqual([1]);
    release();
    await holder;
    expect((await group).map((row) => (row as { version: number }).version)).toEqual([2, 2]);
  });

  it.each<[CommitFault, string]>([
    ['lose-reply', 'lost'],
    ['break', 'MPLP_ERR_STORE_UNAVAILABLE'],
    ['lose-request', 'MPLP_ERR_STORE_UNAVAILABLE'],
  ])('tells what became of each change when the network fails (%s)', async (fault, outcome) => {
    const ids = await insert(6);
    const [opener] = (await insert(1)) as [string];
    const text = randomUUID();
    proxy.failOn(text, fault);
    const [stale] = ids as [string];
    // Goes alone, so that all others go together.
    const opening = commits.update(to(opener, 1));
    const results = await Promise.allSettled(
      ids.map((id) => commits.update(to(id, id === stale ? 9 : 1, { data: { from: 1, text } }))),
    );
    await opening;
    const seen = results.map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as { code: string }).code,
    );
    const after = await versions(ids);
    for (const [n, id] of ids.entries()) {
      expect([id, after[n]]).toEqual([id, seen[n] === 'lost' ? 2 : 1]);
    }
    expect(seen).toEqual(['MPLP_ERR_STORE_UNAVAILABLE', ...Array.from({ length: 5 }, () => outcome)]);
    expect(await eventsOf(ids)).toHaveLength(after.filter((version) => version === 2).length);
    // What was not made never is, later.
    expect(await commits.update(to(stale, 1))).toMatchObject({ version: 2 });
  });

  it('fails at once as a whole while Postgres is away, and nobody behind it waits in turn', async () => {
    const ids = await insert(300);
    proxy.isUp = false;
    const began = performance.now();
    const results = await Promise.allSettled(ids.map((id) => commits.update(to(id, 1))));
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    for (const result of results)
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'MPLP_ERR_STORE_UNAVAILABLE' });
    // Far below the time of one wait after another, five groups long.
    expect(performance.now() - began).toBeLessThan(15_000);
    proxy.isUp = true;
    expect(await versions(ids)).toEqual(ids.map(() => 1));
    expect(await commits.update(to(ids[0] as string, 1))).toMatchObject({ version: 2 });
  });
});
