/** The library's public exports. */
export { createEngine, type Engine } from './engine.js';
export { loadConfig, type Config } from './config/index.js';
export { MplpError, errorTable, type ErrorCode, type FieldError } from './errors/index.js';
export { createLogger, type Logger } from './observability/log.js';
export {
  createMemorySchemaStore,
  createProtocolEngine,
  createProtocolServices,
  ProtocolType,
  type CircularDependency,
  type DocumentFormat,
  type JSONSchema,
  type NewSchema,
  type OperationMetrics,
  type PerformanceMetrics,
  type ProtocolEngine,
  type ProtocolObject,
  type ProtocolServices,
  type ProtocolServicesOptions,
  type ProtocolVersion,
  type SchemaRecord,
  type SchemaRegistry,
  type SchemaStore,
  type SchemaValidator,
  type TaskProtocol,
  type ValidationEngine,
  type ValidationError,
  type ValidationResult,
  type ValidationWarning,
  type WorkflowProtocol,
} from './protocol/index.js';
