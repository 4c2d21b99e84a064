import type { ValidationResult } from '../validation-result.js';
import type { PerformanceMetrics, VerbMeter } from '../verbs/verb-meter.js';
import type { SchemaRegistry } from './schema-registry.js';

/** A JSON Schema, draft-07 or 2020-12. */
export type JSONSchema = Readonly<Record<string, unknown>> | boolean;

/**
 * The schemas of one project: the protocol's own and those that users register. Everything about users' schemas
 * happens in other threads, so every call gives a promise.
 */
export interface SchemaValidator {
  /** @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_INVALID with each fault, …_SCHEMA_CONFLICT, …_SCHEMA_LIMIT, …_LIMIT */
  registerSchema(schemaId: string, schema: JSONSchema): Promise<void>;
  /** Schemas that may refer to each other, by their `$id`: all are registered or none. @throws as `registerSchema` */
  registerSchemas(schemas: readonly JSONSchema[]): Promise<void>;
  /** @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_NOT_FOUND, …_LIMIT, …_OVERLOADED */
  validate(data: unknown, schemaId: string): Promise<ValidationResult>;
  /** Results in the order of the items. @throws as `validate`, for the first item that it would throw for */
  validateBatch(
    items: readonly { readonly data: unknown; readonly schemaId: string }[],
  ): Promise<ValidationResult[]>;
  validateWithPerformance(data: unknown, schemaId: string): Promise<ValidationResult & PerformanceMetrics>;
  /** @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_NOT_FOUND */
  getSchema(schemaId: string): Promise<JSONSchema>;
  /** Names of all schemas, the protocol's first. */
  listSchemas(): Promise<string[]>;
}

const PAGE = 1_000;

export function createSchemaValidator(
  registry: SchemaRegistry,
  projectId: string,
  meter: VerbMeter,
): SchemaValidator {
  const validate = (data: unknown, schemaId: string): Promise<ValidationResult> =>
    registry.validate(projectId, data, schemaId);
  return {
    validate,
    async registerSchema(schemaId, schema) {
      await registry.register(projectId, [{ schemaId, schema }]);
    },
    async registerSchemas(schemas) {
      await registry.register(
        projectId,
        schemas.map((schema, index) => ({ schema, pointer: `/${index}` })),
      );
    },
    async validateBatch(items) {
      const results: ValidationResult[] = [];
      for (const { data, schemaId } of items) results.push(await validate(data, schemaId));
      return results;
    },
    validateWithPerformance: async (data, schemaId) => ({
      ...(await validate(data, schemaId)),
      ...meter.read(),
    }),
    async getSchema(schemaId) {
      return JSON.parse((await registry.get(projectId, schemaId)).text) as JSONSchema;
    },
    async listSchemas() {
      const names: string[] = [];
      let after: string | undefined;
      do {
        const page = await registry.list(projectId, after, PAGE);
        names.push(...page.schemas.map(({ schemaId }) => schemaId));
        after = page.next;
      } while (after !== undefined);
      return names;
    },
  };
}
