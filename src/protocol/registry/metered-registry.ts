import type { VerbMeter } from '../verbs/verb-meter.js';
import type { SchemaRegistry } from './schema-registry.js';

/** The same registry, with its calls counted. */
export function meterRegistry(registry: SchemaRegistry, meter: VerbMeter): SchemaRegistry {
  return {
    ...registry,
    register: (projectId, schemas, actor) =>
      meter.measureAsync('registerSchemas', () => registry.register(projectId, schemas, actor)),
    validate: (projectId, document, schemaId) =>
      meter.measureAsync('validateBySchema', () => registry.validate(projectId, document, schemaId)),
    validateBy: (projectId, document, schema) =>
      meter.measureAsync('validateBySchema', () => registry.validateBy(projectId, document, schema)),
  };
}
