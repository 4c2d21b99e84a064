import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toProblem } from '#dist/errors/index.js';
import { problemReply } from '#dist/http/replies.js';
import { readPostgresMigrations } from '#dist/store/postgres/index.js';
import { until } from '../../embedded/postgres/embedded-postgres.js';
import { emptyContext, forms, openStore, type RunningForm, type TestStore } from './stores.js';

/** What both forms owe whoever uses the store. */
describe.each(forms)('the store on $name', ({ start }) => {
  let form: RunningForm;
  let opened: TestStore;
  beforeAll(async () => {
    form = await start();
    opened = openStore(form.url);
  });
  afterAll(async () => {
    await opened.close();
    await form.close();
  });
  const store = () => opened.store;
  const insertContext = (id: string) =>
    store().transaction(
      (sql) =>
        sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${emptyContext}::text::json, 'test')`,
    );
  const countContexts = async (id: string) =>
    (await store().query((sql) => sql`SELECT 1 FROM contexts WHERE id = ${id}`)).length;

  it('answers 503 with Retry-After before its tables are there', async () => {
    const error: unknown = await store()
      .query((sql) => sql`SELECT 1`)
      .catch((thrown: unknown) => thrown);
    const reply = problemReply(error, '/v1.0/contexts', randomUUID());
    expect(reply.status).toBe(503);
    expect(Number(reply.headers?.['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(toProblem(error, '/', '')).toMatchObject({
      type: 'https://mplp.dev/errors/MPLP_ERR_STORE_UNAVAILABLE',
    });
  });

  it('brings the tables up to date, once', async () => {
    await store().migrate();
    await store().migrate();
    const rows = await store().query(
      (sql) => sql<{ name: string }[]>`SELECT name FROM schema_migrations ORDER BY name`,
    );
    expect(rows.map(({ name }) => name)).toEqual((await readPostgresMigrations()).map(({ name }) => name));
    expect(rows.length).toBeGreaterThan(1);
  });

  it('has tables whose rows belong to a project and carry a version', async () => {
    const rows = await store().query(
      (sql) => sql<{ table: string; columns: string[] }[]>`
        SELECT table_name AS table, json_agg(column_name) AS columns FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT IN
          ('schema_migrations', 'transaction_marks', 'outbox_horizon', 'idempotency_keys', 'context_snapshot_parts')
        GROUP BY 1`,
    );
    expect(rows.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['contexts', 'plans', 'tasks', 'task_dependencies', 'confirmations', 'roles']),
    );
    expect(rows.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['extensions', 'executions', 'outbox']),
    );
    for (const { table, columns } of rows)
      expect([table, columns.includes('project_id'), columns.includes('version')]).toEqual([
        table,
        true,
        true,
      ]);
  });

  it('keeps projects apart: the same id in two of them, and no reference from one to the other', async () => {
    const [plan, task] = [randomUUID(), randomUUID()];
    await store().transaction(async (sql) => {
      await sql`INSERT INTO plans (project_id, id, name) VALUES ('a', ${plan}, 'of a'), ('b', ${plan}, 'of b')`;
      await sql`INSERT INTO tasks (project_id, id, plan_id, position, name, type)
                VALUES ('a', ${task}, ${plan}, 0, 'first', 'atomic')`;
    });
    await expect(
      store().transaction((sql) => sql`INSERT INTO executions (project_id, task_id) VALUES ('b', ${task})`),
    ).rejects.toMatchObject({ code: '23503' });
    await store().transaction((sql) => sql`DELETE FROM plans WHERE project_id = 'a' AND id = ${plan}`);
    expect(await store().query((sql) => sql`SELECT name FROM plans WHERE id = ${plan}`)).toEqual([
      { name: 'of b' },
    ]);
    expect((await store().query((sql) => sql`SELECT 1 FROM tasks WHERE id = ${task}`)).length).toBe(0);
  });

  it('reads counters as numbers, documents and lists as they were written', async () => {
    const id = randomUUID();
    const state = { variables: { 'a"b': [1, null, { deep: 'ü' }] } };
    await store().transaction(
      (sql) =>
        sql`
          INSERT INTO contexts (project_id, id, document, created_by)
          VALUES ('default', ${id}, ${JSON.stringify({ ...(JSON.parse(emptyContext) as object), shared_state: state })}::text::json, 'test')`,
    );
    const [row] = await store().query(
      (sql) =>
        sql`
          SELECT version, document -> 'shared_state' AS shared_state, to_jsonb(${['x', 'a"\\,{}', 'NULL']}::text[]) AS list FROM contexts WHERE id = ${id}`,
    );
    expect(row).toEqual({ version: 1, shared_state: state, list: ['x', 'a"\\,{}', 'NULL'] });
  });

  it('commits what resolves and rolls back what throws, and goes on after either', async () => {
    const [kept, dropped] = [randomUUID(), randomUUID()];
    await insertContext(kept);
    await expect(
      store().transaction(async (sql) => {
        await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${dropped}, ${emptyContext}::text::json, 'test')`;
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    await expect(insertContext(kept)).rejects.toMatchObject({ code: '23505' });
    expect([await countContexts(kept), await countContexts(dropped)]).toEqual([1, 0]);
  });

  it('runs work again that lost against other work', async () => {
    const id = randomUUID();
    await insertContext(id);
    const raise = () =>
      store().transaction(async (sql) => {
        await sql`SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`;
        const [row] = await sql<{ version: number }[]>`SELECT version FROM contexts WHERE id = ${id}`;
        await sql`UPDATE contexts SET version = ${(row?.version ?? 0) + 1} WHERE id = ${id}`;
      });
    await Promise.all([raise(), raise()]);
    expect(await store().query((sql) => sql`SELECT version FROM contexts WHERE id = ${id}`)).toEqual([
      { version: 3 },
    ]);
  });

  it('serves more work at a time than it has connections, and no more than that of them', async () => {
    const pids = await Promise.all(
      Array.from({ length: 60 }, () =>
        store().query((sql) => sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid, pg_sleep(0.01)`),
      ),
    );
    expect(new Set(pids.map(([row]) => row?.pid)).size).toBeLessThanOrEqual(20);
    expect(await opened.registry.metrics()).toMatch(/mplp_postgres_connections\{state="busy"\} 0/);
  });

  it('says 503 while Postgres is away, and goes on by itself when it is back', async () => {
    const { server } = form.postgres;
    const { pid } = server;
    process.kill(pid as number, 'SIGKILL');
    await until(() =>
      insertContext(randomUUID()).then(
        () => false,
        (error: { code: string }) => error.code === 'MPLP_ERR_STORE_UNAVAILABLE',
      ),
    );
    await until(() => store().ping());
    await insertContext(randomUUID());
    expect(await opened.registry.metrics()).toMatch(/^mplp_postgres_up 1$/m);
  });

  it('asks nothing while nobody asks', async () => {
    await store().ping();
    const before = form.proxy?.statements;
    for (let i = 0; i < 20; i++) expect(await store().ping()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(form.proxy?.statements).toBe(before);
  });
});
