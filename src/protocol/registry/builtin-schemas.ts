import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { builtinNames, moduleSchemaId } from '../module-schemas.js';
import type { SchemaRecord } from './schema-store.js';

/** The protocol's own schemas, out of `schemas/`; every project sees them and none can replace them. */
export async function readBuiltinSchemas(): Promise<ReadonlyMap<string, SchemaRecord>> {
  const records = await Promise.all(
    builtinNames.map(async (name): Promise<SchemaRecord> => {
      const file = new URL(`../../../schemas/${name}.json`, import.meta.url);
      const text = JSON.stringify(JSON.parse(await readFile(file, 'utf8')));
      const base = moduleSchemaId(name);
      return {
        schemaId: base,
        base,
        dialect: '2020-12',
        text,
        digest: createHash('sha256').update(`${base}\n${text}`).digest('hex'),
        resources: [base],
        references: text.split('"$ref"').length - 1,
        refersTo: name === 'base-types' ? [] : [moduleSchemaId('base-types')],
        createdAt: '2024-07-09T06:30:00Z',
      };
    }),
  );
  return new Map(records.map((record) => [record.schemaId, record]));
}
