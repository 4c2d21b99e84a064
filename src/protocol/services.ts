import type { Registry } from 'prom-client';
import { malformed, type DocumentFormat } from './formats/formats.js';
import { meterRegistry } from './registry/metered-registry.js';
import { createSchemaRegistry, type SchemaRegistry } from './registry/schema-registry.js';
import { createMemorySchemaStore, type SchemaStore } from './registry/schema-store.js';
import { createSchemaThreads } from './registry/schema-threads.js';
import { createSchemaValidator, type SchemaValidator } from './registry/schema-validator.js';
import { createValidationEngine, type ValidationEngine } from './rules/validation-engine.js';
import { decodeUtf8 } from './strict-json.js';
import { createProtocolEngine, type ProtocolEngine } from './verbs/protocol-engine.js';
import {
  checkProtocolType,
  toProtocolObject,
  type ProtocolObject,
  type ProtocolType,
} from './verbs/protocol-object.js';
import { createVerbMeter } from './verbs/verb-meter.js';

export interface ProtocolServicesOptions {
  /** Where registered schemas are kept. @default in memory: they are gone when the process ends */
  readonly schemaStore?: SchemaStore;
  /** Longest work on a user's schema or on YAML, the start of a thread included. @default 3000 */
  readonly taskTimeoutMs?: number;
  /** Where the calls are counted for Prometheus. @default nowhere */
  readonly metrics?: Registry;
}

/**
 * Everything that is done to protocol documents and schemas without storing documents. Projects take turns at the threads;
 * the project is `default` unless given.
 */
export interface ProtocolServices {
  readonly engine: ProtocolEngine;
  readonly registry: SchemaRegistry;
  /** The faces of one project. */
  schemaValidator(projectId?: string): SchemaValidator;
  validationEngine(projectId?: string): ValidationEngine;
  /** As `engine.parse`, with YAML from people one does not know in a thread. @throws MplpError as that, …_LIMIT, …_OVERLOADED */
  parse(
    input: string | Uint8Array,
    type: ProtocolType,
    format: DocumentFormat,
    projectId?: string,
  ): Promise<ProtocolObject>;
  /** As `engine.serialize`, with YAML in a thread. @throws MplpError …_LIMIT, …_OVERLOADED */
  serialize(object: ProtocolObject, format: DocumentFormat, projectId?: string): Promise<string | Uint8Array>;
  /** The value of a YAML text, in a thread with limits. @throws MplpError …_MALFORMED, …_LIMIT, …_OVERLOADED */
  readYaml(text: string, projectId?: string): Promise<unknown>;
  /** A JSON value as YAML text, in a thread. @throws MplpError …_LIMIT, …_OVERLOADED */
  writeYaml(document: unknown, projectId?: string): Promise<string>;
  /** Ends the threads. May be called twice. */
  close(): Promise<void>;
}

const DEFAULT_PROJECT = 'default';

/** Starts nothing: threads begin when the first schema or YAML text is worked on. */
export function createProtocolServices(options: ProtocolServicesOptions = {}): ProtocolServices {
  const threads = createSchemaThreads(options);
  const meter = createVerbMeter(options.metrics);
  const store = options.schemaStore ?? createMemorySchemaStore();
  const registry = meterRegistry(createSchemaRegistry({ store, threads }), meter);
  const engine = createProtocolEngine(meter);

  const readYaml = async (text: string, projectId = DEFAULT_PROJECT): Promise<unknown> => {
    const reply = await threads.run(projectId, { kind: 'readYaml', text });
    if (reply.kind === 'faults') throw malformed(reply.faults);
    return JSON.parse(reply.text) as unknown;
  };
  const writeYaml = async (document: unknown, projectId = DEFAULT_PROJECT): Promise<string> => {
    const reply = await threads.run(projectId, { kind: 'writeYaml', document: JSON.stringify(document) });
    return reply.kind === 'text' ? reply.text : '';
  };

  return {
    engine,
    registry,
    schemaValidator: (projectId = DEFAULT_PROJECT) => createSchemaValidator(registry, projectId, meter),
    validationEngine: (projectId = DEFAULT_PROJECT) => createValidationEngine(registry, projectId),
    async parse(input, type, format, projectId) {
      if (format !== 'yaml') return engine.parse(input, type, format);
      return meter.measureAsync('parse', async () => {
        checkProtocolType(type);
        const text = typeof input === 'string' ? input : decodeUtf8(input);
        if (text === undefined)
          throw malformed([{ pointer: '', keyword: 'utf8', message: 'is not valid UTF-8' }]);
        return {
          ...toProtocolObject(type, await readYaml(text, projectId), ''),
          sizeBytes: Buffer.byteLength(text),
        };
      });
    },
    async serialize(object, format, projectId) {
      if (format !== 'yaml') return engine.serialize(object, format);
      return meter.measureAsync('serialize', () => writeYaml(object.document, projectId));
    },
    readYaml,
    writeYaml,
    close: () => threads.close(),
  };
}
