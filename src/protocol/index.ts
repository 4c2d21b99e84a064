export { dateTimeToUnixNano, unixNanoToDateTime } from './date-time.js';
export { readMessagePackSpan as readMessagePack } from './msgpack-span.js';
export type {
  OtlpAnyValue,
  OtlpEvent,
  OtlpKeyValue,
  OtlpLink,
  OtlpResource,
  OtlpScope,
  OtlpSpan,
} from './otlp-document.js';
export { flatText, nameId, otlpToSpan } from './otlp-mapping.js';
export type { FramedOtlpSpan, OtlpBodyJudge, OtlpForm } from './otlp-span-judge.js';
export { createSpanJudge, type SpanForm, type SpanJudge, type SpanJudgeOptions } from './span-judge.js';
export { MAX_SPAN_ERRORS, type TimeWindow } from './span-limits.js';
export { readStrictJson, MAX_DEPTH, type StrictDocument } from './strict-json.js';
export {
  documentFormats,
  malformed,
  readDocumentValue,
  writeDocument,
  type DocumentFormat,
} from './formats/formats.js';
export { limits as protocolLimits } from './registry/limits.js';
export { invalidSchema, type NewSchema } from './registry/schema-draft.js';
export type { SchemaRegistry } from './registry/schema-registry.js';
export {
  checkRoom,
  createMemorySchemaStore,
  isSchemaId,
  summaryOf,
  type AddedSchemas,
  type SchemaRecord,
  type SchemaStore,
  type SchemaSummary,
  type SchemaUsage,
} from './registry/schema-store.js';
export type { JSONSchema, SchemaValidator } from './registry/schema-validator.js';
export { findCircles, type CircularDependency } from './rules/cycles.js';
export type { TaskProtocol, ValidationEngine, WorkflowProtocol } from './rules/validation-engine.js';
export { createProtocolServices, type ProtocolServices, type ProtocolServicesOptions } from './services.js';
export type { ValidationError, ValidationResult, ValidationWarning } from './validation-result.js';
export { createProtocolEngine, type ProtocolEngine } from './verbs/protocol-engine.js';
export {
  checkProtocolType,
  isJsonObject,
  ProtocolType,
  protocolVersions,
  refuse,
  toProtocolObject,
  type JsonObject,
  type ProtocolObject,
  type ProtocolVersion,
} from './verbs/protocol-object.js';
export {
  createVerbMeter,
  type OperationMetrics,
  type PerformanceMetrics,
  type VerbMeter,
} from './verbs/verb-meter.js';
export {
  baseTypeValidators,
  validateConfirm,
  validateContext,
  validateExtension,
  validatePlan,
  validateRole,
  validateTrace,
} from './validators.js';
export type { Context } from '../../generated/types/context.js';
export type { Plan } from '../../generated/types/plan.js';
export type { Confirm } from '../../generated/types/confirm.js';
export type { Trace } from '../../generated/types/trace.js';
export type { Role } from '../../generated/types/role.js';
export type { Extension } from '../../generated/types/extension.js';
