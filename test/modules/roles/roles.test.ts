import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { startTestPostgres, type TestPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { idOf, openAccess, type AccessWorld } from '../../support/access-world.js';

/** Two engines on one Postgres. */
describe('roles of two engines at a time', () => {
  let postgres: TestPostgres;
  let engines: [AccessWorld, AccessWorld];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    engines = [await openAccess(postgres.server.url), await openAccess(postgres.server.url)];
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await postgres.close();
  });

  const at = (n: number): AccessWorld => engines[n % 2] as AccessWorld;
  const create = async (more: object = {}): Promise<string> =>
    idOf(await at(0).roles.create(at(0).scope(), { name: 'r', ...more }));
  const inherit = (engine: number, id: string, parentId: string): Promise<unknown> =>
    at(engine).roles.inherit(at(engine).scope(), id, { parentId });
  const codes = (results: PromiseSettledResult<unknown>[]): string[] =>
    results.map((result) =>
      result.status === 'fulfilled' ? 'done' : ((result.reason as { code?: string }).code ?? 'unknown'),
    );
  /** A circle or too many levels would show here. */
  const faultsOf = async (id: string): Promise<readonly unknown[]> =>
    (await at(0).roles.getEffective('default', id)).resolved.faults;

  it('make no circle of two changes that are right alone', async () => {
    for (let round = 0; round < 15; round++) {
      const [a, b, c] = await Promise.all([create(), create(), create()]);
      const results = await Promise.allSettled([inherit(0, a, b), inherit(1, b, c), inherit(0, c, a)]);
      expect(codes(results).sort()).toEqual(['MPLP_ERR_MODULES_CONFLICT', 'done', 'done']);
      for (const id of [a, b, c]) expect(await faultsOf(id)).toEqual([]);
    }
  });

  it('have no more levels than allowed, whichever end grows', async () => {
    const chain = async (length: number): Promise<string[]> => {
      const ids = [await create()];
      while (ids.length < length) ids.push(await create({ inheritance: { parent_roles: [ids.at(-1)] } }));
      return ids;
    };
    const [upper, lower, root] = await Promise.all([chain(6), chain(6), create()]);
    // Eleven levels above the last: both ends grow by one where only one may.
    const ends = await Promise.allSettled([
      inherit(0, lower[0] as string, upper[4] as string),
      inherit(1, upper[0] as string, root),
    ]);
    expect(codes(ends).sort()).toEqual(['MPLP_ERR_MODULES_CONFLICT', 'done']);
    expect(await faultsOf(lower[5] as string)).toEqual([]);
    await expect(
      create({ inheritance: { parent_roles: [lower[5]] } }).then((id) => chainOn(id)),
    ).rejects.toMatchObject({ code: 'MPLP_ERR_MODULES_CONFLICT' });

    async function chainOn(id: string): Promise<void> {
      let last = id;
      for (let level = 0; level < 6; level++) last = await create({ inheritance: { parent_roles: [last] } });
    }
  });

  it('are not removed while they are assigned, nor assigned while they are removed', async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const id = await create();
      const subject = `agent:${randomUUID()}`;
      const results = await Promise.allSettled([
        at(round).roles.remove(at(round).scope(), id),
        at(round + 1).roles.assignments.create(at(round + 1).scope(), id, { subject }),
      ]);
      const outcome = codes(results).join(' ');
      seen.add(outcome);
      expect(['done MPLP_ERR_MODULES_NOT_FOUND', 'MPLP_ERR_MODULES_CONFLICT done']).toContain(outcome);
      const { resolved } = await at(0).roles.getHoldings('default', subject);
      expect(resolved.faults).toEqual([]);
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  it('are held once, however often they are given at a time', async () => {
    const id = await create();
    const subject = `agent:${randomUUID()}`;
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => at(n).roles.assignments.create(at(n).scope(), id, { subject })),
    );
    expect(codes(results).filter((code) => code === 'done')).toHaveLength(1);
    expect((await at(0).roles.getHoldings('default', subject)).roleIds).toEqual([id]);
  });

  it('end with their assignment, by the clock of Postgres, and can then be given again', async () => {
    const subject = `agent:${randomUUID()}`;
    const { id } = predefinedRoles.VIEWER;
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const stored = await at(0).roles.assignments.create(at(0).scope(), id, { subject, expiresAt });
    const held = await at(1).roles.getHoldings('default', subject);
    expect(held.roleIds).toEqual([id]);
    expect(held.expiresInMs).toBeGreaterThan(0);
    expect(held.expiresInMs).toBeLessThanOrEqual(60_000 + 5_000);
    await at(0).store.query(
      (sql) => sql`
        UPDATE role_assignments SET document = jsonb_set(document::jsonb, '{expires_at}', '"2020-01-01T00:00:00.000Z"')::json
        WHERE id = ${idOf(stored)}`,
    );
    expect((await at(0).roles.getHoldings('default', subject)).roleIds).toEqual([]);
    await at(1).roles.assignments.create(at(1).scope(), id, { subject });
    expect((await at(0).roles.getHoldings('default', subject)).roleIds).toEqual([id]);
  });

  it('of one project are nothing to another one', async () => {
    const id = await create();
    const { roles, scope } = at(0);
    const other = scope('other');
    const refused = { code: 'MPLP_ERR_MODULES_NOT_FOUND' };
    await expect(roles.get('other', id)).rejects.toMatchObject(refused);
    await expect(roles.getEffective('other', id)).rejects.toMatchObject(refused);
    await expect(roles.replace(other, id, { name: 'x' })).rejects.toMatchObject(refused);
    await expect(roles.remove(other, id)).rejects.toMatchObject(refused);
    await expect(roles.assignments.create(other, id, { subject: 'agent:a' })).rejects.toMatchObject(refused);
    await expect(
      roles.create(other, { name: 'x', inheritance: { parent_roles: [id] } }),
    ).rejects.toMatchObject(refused);
    const own = idOf(await roles.create(other, { name: 'own' }));
    await expect(roles.inherit(other, own, { parentId: id })).rejects.toMatchObject(refused);
    // The same id may stand for another role there.
    await roles.create(other, { id, name: 'another', permissions: [{ resource: '*', actions: ['*'] }] });
    await roles.assignments.create(scope(), id, { subject: 'agent:both' });
    expect((await roles.getHoldings('other', 'agent:both')).roleIds).toEqual([]);
    expect((await roles.getHoldings('default', 'agent:both')).resolved.roles[0]?.rules).toEqual([]);
  });
});
