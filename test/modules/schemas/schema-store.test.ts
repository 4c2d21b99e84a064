import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MplpError } from '#dist/errors/index.js';
import { createPostgresSchemaStore } from '#dist/modules/schemas/index.js';
import {
  createMemorySchemaStore,
  createProtocolServices,
  protocolLimits,
  type SchemaRecord,
  type SchemaStore,
} from '#dist/protocol/index.js';
import { ask, startTestPostgres, type TestPostgres } from '../../embedded/postgres/embedded-postgres.js';
import { openStore, type TestStore } from '../../store/postgres/stores.js';
import { startPostgresProxy, type PostgresProxy } from '../../support/postgres-proxy.js';

let postgres: TestPostgres;
let proxy: PostgresProxy;
let url = '';
beforeAll(async () => {
  postgres = await startTestPostgres();
  proxy = await startPostgresProxy(postgres.server.port);
  url = postgres.server.url.replace(`:${postgres.server.port}/`, `:${proxy.port}/`);
});
afterAll(async () => {
  await proxy.close();
  await postgres.close();
});

const opened: TestStore[] = [];
afterEach(async () => {
  proxy.isUp = true;
  for (const store of opened.splice(0)) await store.close();
});
async function openSchemas(maxMemoryBytes?: number): Promise<SchemaStore> {
  const store = openStore(url);
  opened.push(store);
  await store.store.migrate();
  return createPostgresSchemaStore({
    store: store.store,
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
  });
}

function record(schemaId: string, more: Partial<SchemaRecord> = {}): SchemaRecord {
  const base = more.base ?? `https://example.com/${encodeURIComponent(schemaId)}`;
  const text = more.text ?? '{"type":"object"}';
  return {
    schemaId,
    base,
    dialect: '2020-12',
    text,
    digest: createHash('sha256').update(`${base}\n${text}`).digest('hex'),
    resources: [base],
    references: 0,
    refersTo: [],
    createdAt: new Date().toISOString(),
    ...more,
  };
}
const codeOf = (run: Promise<unknown>): Promise<string | undefined> =>
  run.then(
    () => undefined,
    (error: unknown) => (error as MplpError).code,
  );
const registeredEvents = (project: string) =>
  ask<{ data: { schema_id: string }; actor: string | null; version: string; subject: string }>(
    postgres.server.url,
    `SELECT payload AS data, actor, version, subject_id AS subject FROM outbox
     WHERE project_id = '${project}' AND type = 'schema.registered' ORDER BY transaction_id, sequence`,
  );

describe.each([
  ['in memory', () => Promise.resolve(createMemorySchemaStore())],
  ['in Postgres', () => openSchemas()],
])('schemas %s', (_, open) => {
  let store: SchemaStore;
  let project = '';
  beforeEach(async () => {
    store = await open();
    project = `p-${randomUUID()}`;
  });
  const names = async (): Promise<string[]> =>
    (await store.list(project, '', 100)).map(({ schemaId }) => schemaId);

  it('are found by name and by each address, as they were added', async () => {
    const embedded = 'https://example.com/embedded';
    const whole = record('a "quoted" \\ näme ☃ 💥', {
      dialect: 'draft-07',
      text: JSON.stringify({ const: 'nul \0, quote ", backslash \\, ☃ 💥, \u2028' }),
      references: 3,
      refersTo: ['https://example.com/other', 'with \0 in it'],
    });
    const first = { ...whole, resources: [whole.base, embedded] };
    const second = record('b');
    const added = await store.add(project, [first, second], 'ann');
    expect(added).toMatchObject({ isNew: true });
    const [kept] = added.records ?? [];
    expect(kept).toEqual({ ...first, createdAt: kept?.createdAt });
    expect(new Date(kept?.createdAt ?? '').toISOString()).toBe(kept?.createdAt);
    const found = await store.find(project, ['b', first.schemaId, 'none']);
    expect([...found.keys()].sort()).toEqual([first.schemaId, 'b'].sort());
    expect(found.get(first.schemaId)).toEqual(kept);
    const byAddress = await store.findByAddress(project, [embedded, second.base, 'https://example.com/none']);
    expect(byAddress.get(embedded)?.schemaId).toBe(first.schemaId);
    expect(byAddress.get(second.base)?.schemaId).toBe('b');
    expect(byAddress.size).toBe(2);
    expect(await store.usage(project)).toEqual({
      schemas: 2,
      bytes: Buffer.byteLength(first.text) + Buffer.byteLength(second.text),
    });
    expect(await store.list(project, 'a', 100)).toContainEqual({
      schemaId: first.schemaId,
      base: first.base,
      dialect: 'draft-07',
      sizeBytes: Buffer.byteLength(first.text),
      createdAt: kept?.createdAt,
    });
  });

  it('are listed page by page in the order of bytes', async () => {
    const all = ['b', 'B', 'a', 'ab', 'é', '\uff5e', '💥', '_'];
    await store.add(
      project,
      all.map((name) => record(name)),
      undefined,
    );
    const seen: string[] = [];
    for (let after = ''; ;) {
      const page = await store.list(project, after, 3);
      if (page.length === 0) break;
      seen.push(...page.map(({ schemaId }) => schemaId));
      after = seen.at(-1) as string;
    }
    expect(seen).toEqual([...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('are added all or none, and again without a change', async () => {
    const fixed = record('fixed');
    await store.add(project, [fixed], undefined);
    expect(await store.add(project, [fixed], undefined)).toMatchObject({ isNew: false });
    const both = await store.add(project, [record('more'), fixed], undefined);
    expect(both).toMatchObject({ isNew: true, records: [{ schemaId: 'more' }, { schemaId: 'fixed' }] });
    const changed = record('fixed', { text: '{"type":"string"}' });
    expect(await store.add(project, [record('new'), changed], undefined)).toMatchObject({
      inTheWay: { schemaId: 'fixed' },
    });
    const sameAddress = record('of another name', { base: fixed.base });
    expect(await store.add(project, [record('new'), sameAddress], undefined)).toMatchObject({
      inTheWay: { schemaId: 'of another name' },
    });
    expect(await names()).toEqual(['fixed', 'more']);
    expect((await store.find(project, ['new'])).size).toBe(0);
  });

  it('belong to their project', async () => {
    await store.add(project, [record('mine')], undefined);
    const other = `${project}-other`;
    expect((await store.find(other, ['mine'])).size).toBe(0);
    expect((await store.findByAddress(other, [record('mine').base])).size).toBe(0);
    expect(await store.list(other, '', 10)).toEqual([]);
    expect(await store.add(other, [record('mine', { text: '{"type":"string"}' })], undefined)).toMatchObject({
      isNew: true,
    });
    expect((await store.find(project, ['mine'])).get('mine')?.text).toBe('{"type":"object"}');
  });

  it('have a bound on their number and their bytes', async () => {
    const text = JSON.stringify({ description: 'x'.repeat(protocolLimits.maxSchemaBytes - 100) });
    const fits = Math.floor(protocolLimits.maxRegistryBytes / text.length);
    await store.add(
      project,
      Array.from({ length: fits }, (_, n) => record(`large-${n}`, { text })),
      undefined,
    );
    expect(await codeOf(store.add(project, [record('one more', { text })], undefined))).toBe(
      'MPLP_ERR_PROTOCOL_SCHEMA_LIMIT',
    );
    const small = Array.from({ length: protocolLimits.maxSchemas - fits }, (_, n) =>
      record(`small-${n}`, { text: '1' }),
    );
    await store.add(project, small, undefined);
    expect(await codeOf(store.add(project, [record('one more', { text: '1' })], undefined))).toBe(
      'MPLP_ERR_PROTOCOL_SCHEMA_LIMIT',
    );
    expect((await store.usage(project)).schemas).toBe(protocolLimits.maxSchemas);
  });

  it('of one name that two add at a time are those of one of them', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        store.add(project, [record('raced', { text: `${n}` }), record(`beside-${n}`)], undefined),
      ),
    );
    expect(outcomes.filter(({ inTheWay }) => inTheWay === undefined)).toHaveLength(1);
    expect(await names()).toHaveLength(2);
  });
});

/** Few names, addresses and contents, so that they meet. */
const anyRecord = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    base: fc.constantFrom('u:1', 'u:2', 'u:3', 'u:4', 'u:5'),
    embedded: fc.subarray(['u:3', 'u:6', 'u:7']),
    text: fc.constantFrom('1', '2'),
  })
  .map(({ name, base, embedded, text }) =>
    record(name, { base, text, resources: [...new Set([base, ...embedded])] }),
  );
/** As the registry hands them over: no name and no address twice. */
const anyBatch = fc
  .array(anyRecord, { minLength: 1, maxLength: 3 })
  .filter(
    (batch) =>
      new Set(batch.map(({ schemaId }) => schemaId)).size === batch.length &&
      new Set(batch.flatMap(({ resources }) => resources)).size ===
        batch.flatMap(({ resources }) => resources).length,
  );

describe('schemas in Postgres', () => {
  let project = '';
  beforeEach(() => (project = `p-${randomUUID()}`));

  it('are there after a restart, and for other engines at once', async () => {
    const [one, other] = [await openSchemas(), await openSchemas()];
    expect((await other.find(project, ['shared'])).size).toBe(0);
    await one.add(project, [record('shared')], 'ann');
    expect((await other.find(project, ['shared'])).get('shared')).toEqual(
      (await one.find(project, ['shared'])).get('shared'),
    );
    expect((await other.findByAddress(project, [record('shared').base])).size).toBe(1);
    const later = await openSchemas();
    expect((await later.find(project, ['shared'])).get('shared')?.text).toBe('{"type":"object"}');
  });

  it('are what a model in memory has, whichever of two engines adds them', async () => {
    const engines = [await openSchemas(), await openSchemas()];
    const steps = fc.array(fc.tuple(fc.nat(1), anyBatch), { minLength: 1, maxLength: 12 });
    const plain = (records: Iterable<SchemaRecord>): unknown[] =>
      [...records].map(({ createdAt: _, ...rest }) => rest);
    await fc.assert(
      fc.asyncProperty(steps, async (batches) => {
        const model = createMemorySchemaStore();
        const own = `p-${randomUUID()}`;
        for (const [engine, batch] of batches) {
          const expected = await model.add(own, batch, undefined);
          const added = await (engines[engine] as SchemaStore).add(own, batch, undefined);
          expect(added.inTheWay).toEqual(expected.inTheWay);
          expect(plain(added.records ?? [])).toEqual(plain(expected.records ?? []));
          const addresses = ['u:1', 'u:2', 'u:3', 'u:4', 'u:5', 'u:6', 'u:7'];
          for (const store of engines) {
            const [found, wanted] = await Promise.all(
              [store, model].map((each) => each.findByAddress(own, addresses)),
            );
            expect(new Map([...(found ?? [])].map(([key, { digest }]) => [key, digest]))).toEqual(
              new Map([...(wanted ?? [])].map(([key, { digest }]) => [key, digest])),
            );
            expect(await store.usage(own)).toEqual(await model.usage(own));
          }
        }
        expect(await registeredEvents(own)).toHaveLength((await model.usage(own)).schemas);
      }),
      { numRuns: 25 },
    );
  });

  it('append one event each, with the change or not at all', async () => {
    const store = await openSchemas();
    await store.add(project, [record('a'), record('b')], 'ann');
    await store.add(project, [record('a'), record('c')], undefined);
    await store.add(project, [record('d'), record('a', { text: '1' })], 'ann');
    const events = await registeredEvents(project);
    expect(events.map(({ data, actor, version }) => [data.schema_id, actor, Number(version)])).toEqual([
      ['a', 'ann', 1],
      ['b', 'ann', 1],
      ['c', null, 1],
    ]);
    const rows = await ask<{ id: string }>(
      postgres.server.url,
      `SELECT id FROM schemas WHERE project_id = '${project}' ORDER BY schema_id`,
    );
    expect(events.map(({ subject }) => subject)).toEqual(rows.map(({ id }) => id));
  });

  it('are there once, with one event, when the answer to the COMMIT is lost; and not when the COMMIT is', async () => {
    const store = await openSchemas();
    proxy.onCommit = 'lose-reply';
    expect(await store.add(project, [record('kept')], undefined)).toMatchObject({ isNew: true });
    proxy.onCommit = 'break';
    expect(await codeOf(store.add(project, [record('lost'), record('lost too')], undefined))).toBe(
      'MPLP_ERR_STORE_UNAVAILABLE',
    );
    expect((await store.list(project, '', 10)).map(({ schemaId }) => schemaId)).toEqual(['kept']);
    expect((await store.find(project, ['lost'])).size).toBe(0);
    expect((await registeredEvents(project)).map(({ data }) => data.schema_id)).toEqual(['kept']);
  });

  it('stay usable while Postgres is away if they are in memory; all else says so', async () => {
    const store = await openSchemas();
    const services = createProtocolServices({ schemaStore: store });
    try {
      const validator = services.schemaValidator(project);
      await validator.registerSchema('leaf', { type: 'string' });
      await validator.registerSchema('tree', {
        type: 'object',
        properties: { leaf: { $ref: 'mplp-schema:///leaf' } },
      });
      const elsewhere = await openSchemas();
      await elsewhere.add(project, [record('elsewhere')], undefined);
      proxy.isUp = false;
      expect((await validator.validate({ leaf: 'x' }, 'tree')).valid).toBe(true);
      expect((await validator.validate({ leaf: 3 }, 'tree')).valid).toBe(false);
      expect((await validator.validate({}, 'https://mplp.dev/schemas/v1.0/plan.json')).valid).toBe(false);
      expect(await validator.getSchema('https://mplp.dev/schemas/v1.0/plan.json')).toBeTypeOf('object');
      for (const run of [
        () => validator.validate({}, 'elsewhere'),
        () => validator.getSchema('none'),
        () => validator.registerSchema('later', {}),
        () => validator.listSchemas(),
      ])
        expect(await codeOf(run())).toBe('MPLP_ERR_STORE_UNAVAILABLE');
      proxy.isUp = true;
      expect((await validator.validate({}, 'elsewhere')).valid).toBe(true);
      await validator.registerSchema('later', {});
      expect(await validator.listSchemas()).toContain('later');
    } finally {
      await services.close();
    }
  });

  it('are forgotten where memory is short, and read again', async () => {
    const store = await openSchemas(20_000);
    const text = (n: number): string => JSON.stringify({ description: String(n).repeat(3_000) });
    const all = Array.from({ length: 9 }, (_, n) => record(`s${n}`, { text: text(n) }));
    await store.add(project, all, undefined);
    const before = proxy.statements;
    await store.find(project, ['s8']);
    expect(proxy.statements).toBe(before);
    for (const { schemaId, base } of all) {
      expect((await store.find(project, [schemaId])).get(schemaId)?.digest).toBe(
        all[Number(schemaId.slice(1))]?.digest,
      );
      expect((await store.findByAddress(project, [base])).get(base)?.schemaId).toBe(schemaId);
    }
    expect(proxy.statements).toBeGreaterThan(before + 2);
    const huge = record('huge', { text: JSON.stringify('x'.repeat(30_000)) });
    await store.add(project, [huge], undefined);
    expect((await store.findByAddress(project, [huge.base])).get(huge.base)?.schemaId).toBe('huge');
  });
});
