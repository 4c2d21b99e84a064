import { LRUCache } from 'lru-cache';
import type { SchemaRecord } from '../../protocol/index.js';
import { hashAddress } from './schema-table.js';

/** Schemas that were read or written, by name and by the hash of each address. Those used longest ago go first. */
export interface SchemaMemory {
  byName(projectId: string, schemaId: string): SchemaRecord | undefined;
  byAddress(projectId: string, hash: string): SchemaRecord | undefined;
  keep(projectId: string, record: SchemaRecord): void;
  /** How many schemas and addresses are held. */
  readonly counts: { readonly schemas: number; readonly addresses: number };
}

/** What a record holds beside its texts. */
const RECORD_BYTES = 1_024;

export function createSchemaMemory(maxBytes: number): SchemaMemory {
  /** Keys of `records`, by project and hash of an address. */
  const names = new Map<string, string>();
  const records = new LRUCache<
    string,
    { readonly record: SchemaRecord; readonly addresses: readonly string[] }
  >({
    maxSize: maxBytes,
    sizeCalculation: ({ record }) => sizeOf(record),
    dispose({ addresses }) {
      for (const address of addresses) names.delete(address);
    },
  });
  const keyOf = (projectId: string, name: string): string => JSON.stringify([projectId, name]);
  return {
    get counts() {
      return { schemas: records.size, addresses: names.size };
    },
    byName: (projectId, schemaId) => records.get(keyOf(projectId, schemaId))?.record,
    byAddress(projectId, hash) {
      const key = names.get(keyOf(projectId, hash));
      return key === undefined ? undefined : records.get(key)?.record;
    },
    keep(projectId, record) {
      const key = keyOf(projectId, record.schemaId);
      if (records.has(key)) return;
      const addresses = record.resources.map((address) => keyOf(projectId, hashAddress(address)));
      records.set(key, { record, addresses });
      // One that is too large for the whole memory was not kept.
      if (records.has(key)) for (const address of addresses) names.set(address, key);
    },
  };
}

function sizeOf({ text, base, resources, refersTo }: SchemaRecord): number {
  const addresses = [base, ...resources, ...refersTo].reduce((sum, address) => sum + address.length, 0);
  return RECORD_BYTES + text.length + addresses;
}
