export {
  createJaegerQueries,
  type JaegerError,
  type JaegerQueries,
  type JaegerQueriesOptions,
} from './jaeger-queries.js';
export {
  parseDependencyWindow,
  parseOperationsRequest,
  parseTraceId,
  parseTraceRequest,
  type DependencyWindow,
  type TraceRequest,
  type TraceSearch,
} from './parameters.js';
export type { Dependency } from './dependencies.js';
export type { Operation } from './services.js';
