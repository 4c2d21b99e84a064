/** The library's public exports. */
export { createEngine, type ClickHouseAccess, type Engine } from './engine.js';
export type { EngineFaces } from './engine-faces.js';
export { loadConfig, type Config } from './config/index.js';
export { MplpError, errorTable, type ErrorCode, type FieldError } from './errors/index.js';
export { createLogger, type Logger } from './observability/log.js';
export {
  createMemorySchemaStore,
  createProtocolEngine,
  createProtocolServices,
  ProtocolType,
  type AddedSchemas,
  type CircularDependency,
  type Context,
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
  type SchemaSummary,
  type SchemaUsage,
  type SchemaValidator,
  type TaskProtocol,
  type Trace,
  type ValidationEngine,
  type ValidationError,
  type ValidationResult,
  type ValidationWarning,
  type WorkflowProtocol,
} from './protocol/index.js';
export type {
  ContextData,
  NodeResult,
  StateManager,
  StateMetrics,
  StateUpdate,
  SyncStateOptions,
  SyncType,
} from './modules/contexts/index.js';
export type {
  RecordOptions,
  StreamOptions,
  TraceCollector,
  TraceData,
  TraceMetrics,
  TraceQuery,
  TraceStreamFilter,
} from './traces/collector/index.js';
export type { Receipt, SpanFault } from './traces/intake/index.js';
