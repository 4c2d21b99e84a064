import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, until } from '../../embedded/postgres/embedded-postgres.js';
import type { CommitFault, PostgresProxy } from '../../support/postgres-proxy.js';
import { emptyContext, forms, openStore, type RunningForm, type TestStore } from './stores.js';

/** A network that breaks where it hurts: while a COMMIT is on its way. */
describe('a transaction', () => {
  let form: RunningForm;
  let opened: TestStore;
  let proxy: PostgresProxy;
  beforeAll(async () => {
    form = await (forms[1] as (typeof forms)[number]).start();
    proxy = form.proxy as PostgresProxy;
    opened = openStore(form.url);
    await opened.store.migrate();
  });
  afterAll(async () => {
    await opened.close();
    await form.close();
  });

  const insert = (id: string) =>
    opened.store.transaction(async (sql) => {
      await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${emptyContext}::text::json, 'test')`;
      return 'done';
    });
  /** Past the proxy, by a client of its own. */
  const isStored = async (id: string) => {
    const rows = await ask<{ n: string }>(
      form.postgres.server.url.replace(/mplp$/, 'state%20of%20agents'),
      `SELECT 1 AS n FROM contexts WHERE id = '${id}'`,
    );
    return rows.length === 1;
  };
  const lookups = async (outcome: string) =>
    Number(
      new RegExp(`lost_commits_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
        await opened.registry.metrics(),
      )?.[1],
    );

  it('whose COMMIT arrived, but not the answer, is reported as committed', async () => {
    const id = randomUUID();
    proxy.onCommit = 'lose-reply';
    await expect(insert(id)).resolves.toBe('done');
    expect(await isStored(id)).toBe(true);
    expect(await lookups('committed')).toBe(1);
  });

  it.each<CommitFault>(['break', 'lose-request'])(
    'whose COMMIT did not arrive (%s) is reported as not committed, and never commits later',
    async (fault) => {
      const id = randomUUID();
      const before = await lookups('abandoned');
      proxy.onCommit = fault;
      await expect(insert(id)).rejects.toMatchObject({
        code: 'MPLP_ERR_STORE_UNAVAILABLE',
        status: 503,
        message: expect.stringContaining('nothing was changed') as string,
        extensions: undefined,
      });
      expect(await isStored(id)).toBe(false);
      expect(await lookups('abandoned')).toBe(before + 1);
      // Nothing of it holds a lock on the row.
      await expect(insert(id)).resolves.toBe('done');
    },
  );

  it('whose outcome cannot be looked up says so, and does not guess', async () => {
    const impatient = openStore(form.url, { lookupMs: 600 });
    await impatient.store.migrate();
    const id = randomUUID();
    const work = impatient.store.transaction(async (sql) => {
      await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${emptyContext}::text::json, 'test')`;
      proxy.onCommit = 'lose-server';
    });
    await expect(work).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_UNAVAILABLE',
      extensions: { outcome: 'unknown' },
    });
    proxy.isUp = true;
    await until(() => isStored(id));
    await impatient.close();
  });

  it('that only reads is answered when its COMMIT is lost', async () => {
    proxy.onCommit = 'lose-reply';
    await expect(opened.store.transaction((sql) => sql`SELECT 1 AS one`)).resolves.toEqual([{ one: 1 }]);
  });

  it('that lost its connection half-way runs nothing of the rest anywhere', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const work = opened.store.transaction(async (sql) => {
      await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${first}, ${emptyContext}::text::json, 'test')`;
      proxy.isUp = false;
      proxy.isUp = true;
      await delay(50);
      // Many at once, so that some wait in the queue of the driver.
      await Promise.allSettled(
        [second, randomUUID(), randomUUID()].map(
          (id) =>
            sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${id}, ${emptyContext}::text::json, 'test')`,
        ),
      );
      return 'work does not mind';
    });
    await expect(work).rejects.toMatchObject({ code: 'MPLP_ERR_STORE_UNAVAILABLE' });
    await opened.store.query((sql) => sql`SELECT 1`);
    expect([await isStored(first), await isStored(second)]).toEqual([false, false]);
  });

  it('loses its connection, and nothing else, with statements in flight', async () => {
    const id = randomUUID();
    const work = opened.store.transaction(async (sql) => {
      const statements = [id, randomUUID()].map(async (each) => {
        await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${each}, ${emptyContext}::text::json, 'test')`;
        await sql`SELECT pg_sleep(0.3)`;
        await sql`INSERT INTO contexts (project_id, id, document, created_by) VALUES ('default', ${randomUUID()}, ${emptyContext}::text::json, 'test')`;
      });
      await Promise.all(statements);
    });
    setTimeout(() => {
      proxy.isUp = false;
      proxy.isUp = true;
    }, 100);
    await expect(work).rejects.toMatchObject({ code: 'MPLP_ERR_STORE_UNAVAILABLE' });
    expect(await isStored(id)).toBe(false);
  });

  it('ends at its deadline when the network hangs, and the store goes on when it is back', async () => {
    const hasty = openStore(form.url, { deadlineMs: 300, connectTimeoutMs: 300 });
    await hasty.store.migrate();
    proxy.isHanging = true;
    const startedAt = performance.now();
    await expect(hasty.store.query((sql) => sql`SELECT 1`)).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_UNAVAILABLE',
    });
    await expect(hasty.store.transaction((sql) => sql`SELECT 1`)).rejects.toMatchObject({
      code: 'MPLP_ERR_STORE_UNAVAILABLE',
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await hasty.store.ping()).toBe(false);
    proxy.isHanging = false;
    await until(() => hasty.store.ping());
    await expect(hasty.store.transaction((sql) => sql`SELECT 1 AS one`)).resolves.toEqual([{ one: 1 }]);
    await hasty.close();
  });
});
