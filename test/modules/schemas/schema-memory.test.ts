import { expect, it } from 'vitest';
import { createSchemaMemory } from '#dist/modules/schemas/schema-memory.js';
import { hashAddress } from '#dist/modules/schemas/schema-table.js';
import type { SchemaRecord } from '#dist/protocol/index.js';

const record = (n: number): SchemaRecord => ({
  schemaId: `s${n}`,
  base: `u:${n}`,
  dialect: '2020-12',
  text: '"'.padEnd(1_000, 'x') + '"',
  digest: '',
  resources: [`u:${n}`, `u:${n}/embedded`],
  references: 0,
  refersTo: [],
  createdAt: '2025-01-31T09:30:00.000Z',
});

it('the memory of schemas holds what was used last, and no address of what is gone', () => {
  const memory = createSchemaMemory(10_000);
  for (let n = 0; n < 1_000; n++) {
    memory.keep('p', record(n));
    expect(memory.byName('p', 's0')?.schemaId).toBe('s0');
  }
  const { schemas, addresses } = memory.counts;
  expect(schemas).toBe(4);
  expect(addresses).toBe(2 * schemas);
  expect(memory.byAddress('p', hashAddress('u:0/embedded'))?.schemaId).toBe('s0');
  expect(memory.byAddress('p', hashAddress('u:999'))?.schemaId).toBe('s999');
  expect(memory.byAddress('p', hashAddress('u:500'))).toBeUndefined();
  expect(memory.byName('other', 's0')).toBeUndefined();
  memory.keep('p', { ...record(1), text: 'x'.repeat(20_000) });
  expect(memory.byName('p', 's1')).toBeUndefined();
  expect(memory.counts.addresses).toBe(2 * memory.counts.schemas);
});
