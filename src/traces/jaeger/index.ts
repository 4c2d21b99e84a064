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
export { indented } from './indented.js';
export type { Dependency } from './dependencies.js';
export type { Operation } from './services.js';
export { parseOperationsRequestV3, parseSummaryRequest } from './parameters-v3.js';
export type { TraceSummary } from './trace-summaries.js';
