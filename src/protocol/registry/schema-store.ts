import { MplpError } from '../../errors/index.js';
import { limits } from './limits.js';
import type { Dialect } from './schema-index.js';

/** A registered schema. It never changes: another content needs another id. */
export interface SchemaRecord {
  /** The name it was registered under. */
  readonly schemaId: string;
  /** Absolute address that references name it by: its `$id`, else made of its name. */
  readonly base: string;
  readonly dialect: Dialect;
  /** JSON text. */
  readonly text: string;
  /** SHA-256 of `base` and `text`, hexadecimal. */
  readonly digest: string;
  /** Addresses of the schema and of those embedded in it. */
  readonly resources: readonly string[];
  /** How many references it holds. */
  readonly references: number;
  /** Addresses it refers to outside itself. */
  readonly refersTo: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
}

/** What lists tell of a schema. */
export interface SchemaSummary extends Pick<SchemaRecord, 'schemaId' | 'base' | 'dialect' | 'createdAt'> {
  /** Of the JSON text. */
  readonly sizeBytes: number;
}

export interface SchemaUsage {
  readonly schemas: number;
  readonly bytes: number;
}

export type AddedSchemas =
  /** As they are kept, in the order of what was given; `isNew` when at least one was not there before. */
  | { readonly records: readonly SchemaRecord[]; readonly isNew: boolean; readonly inTheWay?: undefined }
  /** Nothing was added: another content has the name of this one, or an address of it. */
  | { readonly inTheWay: SchemaRecord; readonly records?: undefined };

/**
 * Where the schemas of projects are kept. Nothing crosses projects, and nothing that was added ever changes. Names are
 * such as `isSchemaId` takes.
 *
 * Every method may throw MplpError MPLP_ERR_STORE_UNAVAILABLE.
 */
export interface SchemaStore {
  /** Those that there are, by name. */
  find(projectId: string, schemaIds: readonly string[]): Promise<ReadonlyMap<string, SchemaRecord>>;
  /** The schemas that have these addresses, or embed one that has. */
  findByAddress(projectId: string, addresses: readonly string[]): Promise<ReadonlyMap<string, SchemaRecord>>;
  /** Sorted by name (bytes of UTF-8); those behind `after`, at most `limit`. */
  list(projectId: string, after: string, limit: number): Promise<readonly SchemaSummary[]>;
  /**
   * Adds all or none. One that is there with the same digest is left alone.
   *
   * @param actor who registers them; `undefined` for the process itself.
   * @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_LIMIT, see `checkRoom`
   */
  add(projectId: string, records: readonly SchemaRecord[], actor: string | undefined): Promise<AddedSchemas>;
  usage(projectId: string): Promise<SchemaUsage>;
}

/** Whether a schema can have this name: 1 to `limits.maxSchemaIdChars` characters, no control ones, valid Unicode. */
export function isSchemaId(text: string): boolean {
  return text !== '' && text.length <= limits.maxSchemaIdChars && !/[\p{Cc}\p{Surrogate}]/u.test(text);
}

export function summaryOf({ schemaId, base, dialect, text, createdAt }: SchemaRecord): SchemaSummary {
  return { schemaId, base, dialect, sizeBytes: Buffer.byteLength(text), createdAt };
}

/** Whether a project may have these too. @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_LIMIT */
export function checkRoom(usage: SchemaUsage, news: readonly SchemaRecord[]): void {
  const bytes = news.reduce((sum, { text }) => sum + Buffer.byteLength(text), usage.bytes);
  if (usage.schemas + news.length <= limits.maxSchemas && bytes <= limits.maxRegistryBytes) return;
  throw new MplpError(
    'MPLP_ERR_PROTOCOL_SCHEMA_LIMIT',
    `A project may have ${limits.maxSchemas} schemas of ${limits.maxRegistryBytes} bytes together.`,
  );
}

interface Project {
  readonly byName: Map<string, SchemaRecord>;
  readonly byAddress: Map<string, SchemaRecord>;
  bytes: number;
}

/** Keeps schemas in memory: they are gone when the process ends. */
export function createMemorySchemaStore(): SchemaStore {
  const projects = new Map<string, Project>();
  const usageOf = (project: Project | undefined): SchemaUsage => ({
    schemas: project?.byName.size ?? 0,
    bytes: project?.bytes ?? 0,
  });
  const addTo = (project: Project, records: readonly SchemaRecord[]): AddedSchemas => {
    const news = records.filter(({ schemaId, digest }) => project.byName.get(schemaId)?.digest !== digest);
    const inTheWay = news.find(
      ({ schemaId, resources }) =>
        project.byName.has(schemaId) || resources.some((address) => project.byAddress.has(address)),
    );
    if (inTheWay !== undefined) return { inTheWay };
    checkRoom(usageOf(project), news);
    for (const record of news) {
      project.byName.set(record.schemaId, record);
      project.bytes += Buffer.byteLength(record.text);
      for (const address of record.resources) project.byAddress.set(address, record);
    }
    return {
      records: records.map((record) => project.byName.get(record.schemaId) ?? record),
      isNew: news.length > 0,
    };
  };
  // Promises reject where a store on a network would.
  return {
    async find(projectId, schemaIds) {
      return pick(projects.get(projectId)?.byName, schemaIds);
    },
    async findByAddress(projectId, addresses) {
      return pick(projects.get(projectId)?.byAddress, addresses);
    },
    async list(projectId, after, limit) {
      const behind = [...(projects.get(projectId)?.byName.values() ?? [])].filter(
        ({ schemaId }) => compare(schemaId, after) > 0,
      );
      return behind
        .sort((a, b) => compare(a.schemaId, b.schemaId))
        .slice(0, limit)
        .map(summaryOf);
    },
    async add(projectId, records) {
      const project = projects.get(projectId) ?? { byName: new Map(), byAddress: new Map(), bytes: 0 };
      const added = addTo(project, records);
      if (project.byName.size > 0) projects.set(projectId, project);
      return added;
    },
    async usage(projectId) {
      return usageOf(projects.get(projectId));
    },
  };
}

function pick(
  from: ReadonlyMap<string, SchemaRecord> | undefined,
  keys: readonly string[],
): Map<string, SchemaRecord> {
  const found = new Map<string, SchemaRecord>();
  for (const key of keys) {
    const record = from?.get(key);
    if (record !== undefined) found.set(key, record);
  }
  return found;
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
