import { createHash } from 'node:crypto';
import { MplpError, type FieldError } from '../../errors/index.js';
import { createFaultList, quote, toPointer } from '../faults.js';
import { isTooDeep } from '../formats/json-reader.js';
import { findBuiltinValidator } from '../module-schemas.js';
import { addSchemaFaults } from '../schema-faults.js';
import { MAX_DEPTH } from '../strict-json.js';
import type { ValidationResult } from '../validation-result.js';
import { readBuiltinSchemas } from './builtin-schemas.js';
import { limits } from './limits.js';
import { createSchemaClosures } from './schema-closure.js';
import { draftSchema, invalidSchema, type NewSchema, type SchemaDraft } from './schema-draft.js';
import {
  checkRoom,
  isSchemaId,
  summaryOf,
  type SchemaRecord,
  type SchemaStore,
  type SchemaSummary,
} from './schema-store.js';
import type { SchemaThreads } from './schema-threads.js';

const MAX_FAULTS = 100;

export interface SchemaPage {
  readonly schemas: readonly SchemaSummary[];
  /** Name to go on behind; `undefined` at the end. */
  readonly next: string | undefined;
}

/**
 * The schemas of projects. Users' schemas are compiled and run in threads, the protocol's own on the caller's. What needs
 * the store may throw MplpError MPLP_ERR_STORE_UNAVAILABLE; the protocol's own schemas never do.
 */
export interface SchemaRegistry {
  /**
   * Registers schemas that may refer to each other, to those registered before and to the protocol's: all or none.
   * One that is registered already with the same content is left as it is.
   *
   * @param actor who registers them; the process itself unless given.
   * @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_INVALID, …_SCHEMA_CONFLICT, …_SCHEMA_LIMIT, …_LIMIT, …_OVERLOADED
   */
  register(
    projectId: string,
    schemas: readonly NewSchema[],
    actor?: string,
  ): Promise<{ readonly records: readonly SchemaRecord[]; readonly created: boolean }>;
  /** @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_NOT_FOUND */
  get(projectId: string, schemaId: string): Promise<SchemaRecord>;
  /** The protocol's schemas first, then the project's by name. */
  list(projectId: string, after: string | undefined, limit: number): Promise<SchemaPage>;
  /** @throws MplpError as `get`; MPLP_ERR_PROTOCOL_LIMIT for a document that is too large or takes too long */
  validate(projectId: string, document: unknown, schemaId: string): Promise<ValidationResult>;
  /** By a schema that is not registered and is not registered by this. @throws MplpError as `register` and `validate` */
  validateBy(projectId: string, document: unknown, schema: unknown): Promise<ValidationResult>;
}

export interface SchemaRegistryOptions {
  readonly store: SchemaStore;
  readonly threads: SchemaThreads;
}

export function createSchemaRegistry({ store, threads }: SchemaRegistryOptions): SchemaRegistry {
  let reading: ReturnType<typeof readBuiltinSchemas> | undefined;
  const builtins = (): ReturnType<typeof readBuiltinSchemas> => (reading ??= readBuiltinSchemas());

  const { closureOf } = createSchemaClosures(store, builtins);

  /** Every check that a schema has to pass; what it costs is bounded. @returns the closure of the drafts */
  const check = async (projectId: string, drafts: readonly SchemaDraft[]): Promise<SchemaRecord[]> => {
    const own = new Map<string, SchemaRecord>();
    if (new Set(drafts.map(({ record }) => record.schemaId)).size < drafts.length)
      throw invalidSchema([fault('', 'uniqueId', 'two of the schemas have the same id')]);
    for (const { record, pointer } of drafts)
      for (const address of record.resources) {
        const other = own.get(address);
        if (other !== undefined && other !== record)
          throw invalidSchema([
            fault(`${pointer}/$id`, 'uniqueId', `${quote(address)} is the id of two schemas`),
          ]);
        own.set(address, record);
      }
    const roots = drafts.map(({ record }) => record);
    const closure = await closureOf(projectId, roots, own);
    const known = new Map(closure.flatMap((record) => record.resources.map((address) => [address, record])));
    const faults = createFaultList(MAX_FAULTS);
    for (const { record, references, pointer } of drafts)
      for (const { path, document, isCertain } of references) {
        const at = pointer + toPointer(path);
        const target = known.get(document);
        if (target === undefined && isCertain)
          faults.add(
            at,
            '$ref',
            `${quote(document)} is not registered, and nothing is fetched: register it first`,
          );
        else if (target !== undefined && target.dialect !== record.dialect && !(await isBuiltin(target)))
          faults.add(at, 'dialect', `${quote(document)} is a schema of ${target.dialect}`);
      }
    if (closure.reduce((sum, { references }) => sum + references, 0) > limits.maxReferencesTogether)
      faults.add(
        drafts[0]?.pointer ?? '',
        'maxReferences',
        `may hold ${limits.maxReferencesTogether} references together with the schemas it refers to`,
      );
    if (faults.faults.length > 0) throw invalidSchema(faults.faults);
    for (const dialect of new Set(roots.map((record) => record.dialect))) {
      const news = drafts
        .filter(({ record }) => record.dialect === dialect)
        .map(({ record: { base }, pointer }) => ({ base, pointer }));
      const reply = await threads.run(projectId, {
        kind: 'check',
        dialect,
        schemas: closure.map(textOf),
        news,
      });
      if (reply.kind === 'faults' && reply.faults.length > 0) throw invalidSchema(reply.faults);
    }
    return closure;
  };

  const isBuiltin = async ({ schemaId }: SchemaRecord): Promise<boolean> => (await builtins()).has(schemaId);

  const get = async (projectId: string, schemaId: string): Promise<SchemaRecord> => {
    const builtin = (await builtins()).get(schemaId);
    const record =
      builtin ?? (isSchemaId(schemaId) ? (await store.find(projectId, [schemaId])).get(schemaId) : undefined);
    if (record !== undefined) return record;
    throw new MplpError(
      'MPLP_ERR_PROTOCOL_SCHEMA_NOT_FOUND',
      `No schema is registered as ${quote(schemaId)}.`,
    );
  };

  const judge = async (
    projectId: string,
    record: SchemaRecord,
    closure: readonly SchemaRecord[],
    text: string,
  ): Promise<readonly FieldError[]> => {
    const digests = closure.map(({ digest }) => digest).sort();
    const task = {
      kind: 'validate',
      dialect: record.dialect,
      digest: createHash('sha256')
        .update([record.base, ...digests].join('\n'))
        .digest('hex'),
      base: record.base,
      schemas: closure.map(textOf),
      document: text,
    } as const;
    const verdict = await threads.run(projectId, { ...task, explain: false });
    const faults = verdict.kind === 'faults' ? verdict.faults : [];
    if (faults.length === 0 || text.length > limits.maxExplainedBytes) return faults;
    try {
      const report = await threads.run(projectId, { ...task, explain: true });
      return report.kind === 'faults' && report.faults.length > 0 ? report.faults : faults;
    } catch (error) {
      // The verdict stands; only the list of further faults was too much.
      if (error instanceof MplpError) return faults;
      throw error;
    }
  };

  const validateByRecord = async (
    projectId: string,
    document: unknown,
    record: SchemaRecord,
    closure: () => Promise<readonly SchemaRecord[]>,
  ): Promise<ValidationResult> => {
    const start = performance.now();
    const text = textOfDocument(document);
    const errors = await judge(projectId, record, await closure(), text);
    return {
      valid: errors.length === 0,
      errors,
      warnings: [],
      metadata: {
        schemaId: record.schemaId,
        validationTime: performance.now() - start,
        dataSize: Buffer.byteLength(text),
      },
    };
  };

  return {
    get,

    async register(projectId, schemas, actor) {
      if (schemas.length === 0 || schemas.length > limits.maxSchemasAtOnce)
        throw invalidSchema([
          fault('', 'maxItems', `1 to ${limits.maxSchemasAtOnce} schemas can be registered together`),
        ]);
      const drafts = schemas.map(draftSchema);
      const records = drafts.map(({ record }) => record);
      for (const record of records)
        for (const address of [record.schemaId, ...record.resources])
          if ((await builtins()).has(address))
            throw conflict(record, 'or an $id in it names a schema of the protocol itself');
      const known = await store.find(
        projectId,
        records.map(({ schemaId }) => schemaId),
      );
      for (const record of records)
        if ((known.get(record.schemaId) ?? record).digest !== record.digest)
          throw conflict(record, 'is registered with another content');
      const news = records.filter(({ schemaId }) => !known.has(schemaId));
      if (news.length === 0)
        return { records: records.map((record) => known.get(record.schemaId) ?? record), created: false };
      // Before the work that a full registry would make useless.
      checkRoom(await store.usage(projectId), news);
      await check(projectId, drafts);
      // Only now, and at once: what others registered meanwhile is looked at again.
      const added = await store.add(projectId, records, actor);
      if (added.inTheWay !== undefined)
        throw conflict(added.inTheWay, 'or an $id in it is registered with another content');
      return { records: added.records, created: added.isNew };
    },

    async list(projectId, after, limit) {
      const own = [...(await builtins()).values()];
      const from = after === undefined ? 0 : own.findIndex(({ schemaId }) => schemaId === after) + 1;
      const isPastOwn = after !== undefined && from === 0;
      const first = isPastOwn ? [] : own.slice(from, from + limit);
      const wanted = limit - first.length;
      const rest = await store.list(projectId, isPastOwn ? after : '', wanted + 1);
      const schemas = [...first.map(summaryOf), ...rest.slice(0, wanted)];
      const hasMore = rest.length > wanted || (!isPastOwn && from + limit < own.length);
      return { schemas, next: hasMore ? schemas[schemas.length - 1]?.schemaId : undefined };
    },

    async validate(projectId, document, schemaId) {
      const builtin = findBuiltinValidator(schemaId);
      if (builtin === undefined) {
        const record = await get(projectId, schemaId);
        return validateByRecord(projectId, document, record, () => closureOf(projectId, [record], new Map()));
      }
      const start = performance.now();
      const dataSize = Buffer.byteLength(textOfDocument(document));
      const faults = createFaultList(MAX_FAULTS);
      if (!builtin(document)) addSchemaFaults(faults, builtin.errors ?? [], document);
      const metadata = { schemaId, validationTime: performance.now() - start, dataSize };
      return { valid: faults.faults.length === 0, errors: faults.faults, warnings: [], metadata };
    },

    async validateBy(projectId, document, schema) {
      const draft = draftSchema({ schemaId: idOf(schema), schema });
      const closure = await check(projectId, [draft]);
      return validateByRecord(projectId, document, draft.record, () => Promise.resolve(closure));
    },
  };
}

function idOf(schema: unknown): string | undefined {
  const id = typeof schema === 'object' && schema !== null ? (schema as { $id?: unknown }).$id : undefined;
  return typeof id === 'string' ? undefined : 'inline';
}

function textOf({ base, text }: SchemaRecord): { base: string; text: string } {
  return { base, text };
}

/** @throws MplpError MPLP_ERR_PROTOCOL_INVALID for what JSON cannot say, MPLP_ERR_PROTOCOL_LIMIT for too much of it */
function textOfDocument(document: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(document) as string | undefined;
  } catch {
    text = undefined;
  }
  if (text === undefined || isTooDeep(text)) {
    const message = `must be a JSON value of at most ${MAX_DEPTH} levels`;
    throw new MplpError('MPLP_ERR_PROTOCOL_INVALID', `The document ${message}.`, {
      errors: [fault('/document', 'type', message)],
    });
  }
  if (Buffer.byteLength(text) <= limits.maxDocumentBytes) return text;
  const message = `may have ${limits.maxDocumentBytes} bytes as JSON text`;
  throw new MplpError('MPLP_ERR_PROTOCOL_LIMIT', `The document is too large: it ${message}.`, {
    errors: [fault('/document', 'maxBytes', message)],
  });
}

function conflict(record: SchemaRecord, what: string): MplpError {
  return new MplpError(
    'MPLP_ERR_PROTOCOL_SCHEMA_CONFLICT',
    `${quote(record.schemaId)} ${what}; schemas never change, so take another id.`,
  );
}

function fault(pointer: string, keyword: string, message: string): FieldError {
  return { pointer, keyword, message };
}
