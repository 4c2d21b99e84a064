const KiB = 1024;
const MiB = 1024 * KiB;

/** What one schema, one document and one registry may cost; the reference page lists them. */
export const limits = Object.freeze({
  /** JSON text of one schema. */
  maxSchemaBytes: 256 * KiB,
  /** Values in one schema, nested ones included. */
  maxSchemaValues: 20_000,
  /** References in one schema, and in all that are compiled together: compiling goes down a few calls for each. */
  maxReferences: 1_000,
  maxReferencesTogether: 2_000,
  /** Schemas that apply to one value one inside the other. */
  maxApplied: 100,
  maxPatternChars: 1_000,
  maxSchemaIdChars: 512,
  /** Absolute addresses of a schema and of those embedded in it. Relative ones are short in a text and long in memory. */
  maxAddressChars: 2_048,
  /** The schema itself and those embedded in it under an `$id`. */
  maxResources: 200,
  /** Schemas that are registered together. */
  maxSchemasAtOnce: 100,
  /** Schemas of one project, and the bytes of all of them. */
  maxSchemas: 1_000,
  maxRegistryBytes: 16 * MiB,
  /** JSON text of a document that is judged by a registered schema. */
  maxDocumentBytes: MiB,
  /** A larger document is told its first fault only. */
  maxExplainedBytes: 64 * KiB,
  /** Documents of one batch. */
  maxBatchItems: 100,
  /** Longest run of one task in a thread, which is ended then; the thread's start counts. */
  taskTimeoutMs: 3_000,
  threads: 2,
  threadHeapMb: 128,
  /** Far more than the limits above can use: V8 ends the process when it compiles something without stack. */
  threadStackMb: 64,
  /** Tasks of one project that wait for a thread, and of all projects; further ones are refused. */
  maxWaitingTasks: 32,
  maxWaitingTogether: 128,
  /** Compiled schemas that a thread keeps. */
  compiledSchemas: 64,
});
