import { checkRoom, type AddedSchemas, type SchemaRecord, type SchemaStore } from '../../protocol/index.js';
import type { PostgresStore, Sql } from '../../store/postgres/index.js';
import { createSchemaMemory } from './schema-memory.js';
import {
  hashAddress,
  insertSchema,
  lockProject,
  selectByAddress,
  selectByName,
  selectSummaries,
  selectUsage,
} from './schema-table.js';

const MAX_MEMORY_BYTES = 32 * 1024 * 1024;

export interface PostgresSchemaStoreOptions {
  readonly store: PostgresStore;
  /** Of the schemas that are kept in memory. @default 32 MiB */
  readonly maxMemoryBytes?: number;
}

/** Schemas in Postgres. What is in memory is found without it; all else is a 503 while it is away. */
export function createPostgresSchemaStore(options: PostgresSchemaStoreOptions): SchemaStore {
  const { store } = options;
  const memory = createSchemaMemory(options.maxMemoryBytes ?? MAX_MEMORY_BYTES);

  /** By any key: out of memory, and what is not there in one question to Postgres. */
  async function findAll(
    projectId: string,
    keys: readonly string[],
    remembered: (key: string) => SchemaRecord | undefined,
    read: (sql: Sql, missing: readonly string[]) => Promise<readonly SchemaRecord[]>,
    keysOf: (record: SchemaRecord) => readonly string[],
  ): Promise<ReadonlyMap<string, SchemaRecord>> {
    const found = new Map<string, SchemaRecord>();
    const missing = new Set<string>();
    for (const key of keys) {
      const record = remembered(key);
      if (record === undefined) missing.add(key);
      else found.set(key, record);
    }
    if (missing.size === 0) return found;
    for (const record of await store.query((sql) => read(sql, [...missing]))) {
      memory.keep(projectId, record);
      for (const key of keysOf(record)) if (missing.has(key)) found.set(key, record);
    }
    return found;
  }

  return {
    find: (projectId, schemaIds) =>
      findAll(
        projectId,
        schemaIds,
        (schemaId) => memory.byName(projectId, schemaId),
        (sql, missing) => selectByName(sql, projectId, missing),
        ({ schemaId }) => [schemaId],
      ),
    findByAddress: (projectId, addresses) =>
      findAll(
        projectId,
        addresses,
        (address) => memory.byAddress(projectId, hashAddress(address)),
        (sql, missing) => selectByAddress(sql, projectId, missing.map(hashAddress)),
        ({ resources }) => resources,
      ),
    list: (projectId, after, limit) => store.query((sql) => selectSummaries(sql, projectId, after, limit)),
    usage: (projectId) => store.query((sql) => selectUsage(sql, projectId)),
    async add(projectId, records, actor) {
      const added = await store.transaction((sql) => addAll(sql, projectId, records, actor));
      for (const record of added.records ?? []) memory.keep(projectId, record);
      return added;
    },
  };
}

async function addAll(
  sql: Sql,
  projectId: string,
  records: readonly SchemaRecord[],
  actor: string | undefined,
): Promise<AddedSchemas> {
  await lockProject(sql, projectId);
  const names = records.map(({ schemaId }) => schemaId);
  const known = new Map(
    (await selectByName(sql, projectId, names)).map((record) => [record.schemaId, record]),
  );
  const news = records.filter(({ schemaId, digest }) => known.get(schemaId)?.digest !== digest);
  const addresses = news.flatMap(({ resources }) => resources);
  const holders = await selectByAddress(sql, projectId, addresses.map(hashAddress));
  const taken = new Set(holders.flatMap(({ resources }) => resources));
  const inTheWay = news.find(
    ({ schemaId, resources }) => known.has(schemaId) || resources.some((address) => taken.has(address)),
  );
  if (inTheWay !== undefined) return { inTheWay };
  if (news.length > 0) checkRoom(await selectUsage(sql, projectId), news);
  const kept: SchemaRecord[] = [];
  for (const record of records)
    kept.push(known.get(record.schemaId) ?? (await insertSchema(sql, projectId, record, actor)));
  return { records: kept, isNew: news.length > 0 };
}
