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

/** Where the schemas of projects are kept. Nothing crosses projects. */
export interface SchemaStore {
  find(projectId: string, schemaId: string): Promise<SchemaRecord | undefined>;
  /** By the address of the schema or of one embedded in it. */
  findByAddress(projectId: string, address: string): Promise<SchemaRecord | undefined>;
  /** Sorted by name (code units); those behind `after`, at most `limit`. */
  list(projectId: string, after: string, limit: number): Promise<readonly SchemaRecord[]>;
  /**
   * Adds all or none. A record that is there with the same digest is left alone.
   *
   * @returns The records that stand in the way: another content under the same name, or an address that is taken.
   */
  add(projectId: string, records: readonly SchemaRecord[]): Promise<readonly SchemaRecord[]>;
  usage(projectId: string): Promise<{ readonly schemas: number; readonly bytes: number }>;
}

interface Project {
  readonly byName: Map<string, SchemaRecord>;
  readonly byAddress: Map<string, SchemaRecord>;
  bytes: number;
}

/** Keeps schemas in memory: they are gone when the process ends. */
export function createMemorySchemaStore(): SchemaStore {
  const projects = new Map<string, Project>();
  const addTo = (project: Project, records: readonly SchemaRecord[]): readonly SchemaRecord[] => {
    const news = records.filter(({ schemaId, digest }) => project.byName.get(schemaId)?.digest !== digest);
    const inTheWay = news.filter(
      ({ schemaId, resources }) =>
        project.byName.has(schemaId) || resources.some((address) => project.byAddress.has(address)),
    );
    if (inTheWay.length > 0) return inTheWay;
    for (const record of news) {
      project.byName.set(record.schemaId, record);
      project.bytes += Buffer.byteLength(record.text);
      for (const address of record.resources) project.byAddress.set(address, record);
    }
    return [];
  };
  return {
    find: (projectId, schemaId) => Promise.resolve(projects.get(projectId)?.byName.get(schemaId)),
    findByAddress: (projectId, address) => Promise.resolve(projects.get(projectId)?.byAddress.get(address)),
    list(projectId, after, limit) {
      const records = [...(projects.get(projectId)?.byName.values() ?? [])];
      const behind = records.filter(({ schemaId }) => schemaId > after);
      return Promise.resolve(behind.sort((a, b) => (a.schemaId < b.schemaId ? -1 : 1)).slice(0, limit));
    },
    add(projectId, records) {
      const project = projects.get(projectId) ?? { byName: new Map(), byAddress: new Map(), bytes: 0 };
      const inTheWay = addTo(project, records);
      if (project.byName.size > 0) projects.set(projectId, project);
      return Promise.resolve(inTheWay);
    },
    usage(projectId) {
      const project = projects.get(projectId);
      return Promise.resolve({ schemas: project?.byName.size ?? 0, bytes: project?.bytes ?? 0 });
    },
  };
}
