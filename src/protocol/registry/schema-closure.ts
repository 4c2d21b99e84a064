import type { SchemaRecord, SchemaStore } from './schema-store.js';

export interface SchemaClosures {
  /** Records and all that they refer to, each once; `drafts`, by address, go before what is registered. */
  closureOf(
    projectId: string,
    roots: readonly SchemaRecord[],
    drafts: ReadonlyMap<string, SchemaRecord>,
  ): Promise<SchemaRecord[]>;
}

/** @param builtins The protocol's own schemas by address, which no store is asked for. */
export function createSchemaClosures(
  store: Pick<SchemaStore, 'findByAddress'>,
  builtins: () => Promise<ReadonlyMap<string, SchemaRecord>>,
): SchemaClosures {
  return {
    async closureOf(projectId, roots, drafts) {
      const own = await builtins();
      const closure = new Map(roots.map((record) => [record.base, record]));
      const looked = new Set<string>();
      // The store is asked once a level: what these refer to, then what those refer to.
      for (let level = roots; level.length > 0;) {
        const addresses = [...new Set(level.flatMap(({ refersTo }) => refersTo))].filter(
          (address) => !looked.has(address),
        );
        for (const address of addresses) looked.add(address);
        const unknown = addresses.filter((address) => !drafts.has(address) && !own.has(address));
        const registered =
          unknown.length === 0
            ? new Map<string, SchemaRecord>()
            : await store.findByAddress(projectId, unknown);
        const next: SchemaRecord[] = [];
        for (const address of addresses) {
          const record = drafts.get(address) ?? own.get(address) ?? registered.get(address);
          if (record === undefined || closure.has(record.base)) continue;
          closure.set(record.base, record);
          next.push(record);
        }
        level = next;
      }
      return [...closure.values()];
    },
  };
}
