import { malformed } from './formats/formats.js';
import { createSchemaRegistry, type SchemaRegistry } from './registry/schema-registry.js';
import { createMemorySchemaStore, type SchemaStore } from './registry/schema-store.js';
import { createSchemaThreads } from './registry/schema-threads.js';
import { createSchemaValidator, type SchemaValidator } from './registry/schema-validator.js';
import { createValidationEngine, type ValidationEngine } from './rules/validation-engine.js';
import { createProtocolEngine, type ProtocolEngine } from './verbs/protocol-engine.js';
import { createVerbMeter } from './verbs/verb-meter.js';

export interface ProtocolServicesOptions {
  /** Where registered schemas are kept. @default in memory: they are gone when the process ends */
  readonly schemaStore?: SchemaStore;
  /** Longest work on a user's schema or on YAML, the start of a thread included. @default 3000 */
  readonly taskTimeoutMs?: number;
}

/** Everything that is done to protocol documents and schemas without storing documents. */
export interface ProtocolServices {
  readonly engine: ProtocolEngine;
  readonly registry: SchemaRegistry;
  /** The faces of one project. */
  schemaValidator(projectId?: string): SchemaValidator;
  validationEngine(projectId?: string): ValidationEngine;
  /** YAML from people one does not know, in a thread with limits. @throws MplpError …_MALFORMED, …_LIMIT, …_OVERLOADED */
  readYaml(text: string): Promise<unknown>;
  /** A JSON value as YAML text, in a thread. @throws MplpError …_LIMIT, …_OVERLOADED */
  writeYaml(document: unknown): Promise<string>;
  /** Ends the threads. May be called twice. */
  close(): Promise<void>;
}

const DEFAULT_PROJECT = 'default';

/** Starts nothing: threads begin when the first schema or YAML text is worked on. */
export function createProtocolServices(options: ProtocolServicesOptions = {}): ProtocolServices {
  const threads = createSchemaThreads(options);
  const registry = createSchemaRegistry({ store: options.schemaStore ?? createMemorySchemaStore(), threads });
  const meter = createVerbMeter();
  return {
    engine: createProtocolEngine(),
    registry,
    schemaValidator: (projectId = DEFAULT_PROJECT) => createSchemaValidator(registry, projectId, meter),
    validationEngine: (projectId = DEFAULT_PROJECT) => createValidationEngine(registry, projectId),
    async readYaml(text) {
      const reply = await threads.run({ kind: 'readYaml', text });
      if (reply.kind === 'faults') throw malformed(reply.faults);
      return JSON.parse(reply.text) as unknown;
    },
    async writeYaml(document) {
      const reply = await threads.run({ kind: 'writeYaml', document: JSON.stringify(document) });
      return reply.kind === 'text' ? reply.text : '';
    },
    close: () => threads.close(),
  };
}
