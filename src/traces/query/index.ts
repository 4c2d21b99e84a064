export { createTraceQueries, type TraceQueries, type TraceQueriesOptions } from './trace-queries.js';
export { parseTraceFilter, type TraceFilter } from './trace-filter.js';
export { parseSpanPageRequest, type SpanPageRequest } from './span-page.js';
export type { TraceList } from './trace-list.js';
export type { TraceSummary } from './trace-summary.js';
export {
  createSqlQueries,
  MAX_SQL_BYTES,
  type SqlQueries,
  type SqlQueriesOptions,
  type SqlQuery,
  type SqlResult,
} from './sql-queries.js';
export { resultFormatNames } from './result-formats.js';
export { findUuid } from './request-values.js';
export { rebuildMetadata, rebuildSpan, type RebuildOptions } from './span-rebuild.js';
export type { SpanRow } from './span-row.js';

export {
  createClickHouseReader,
  type ClickHouseReader,
  type ClickHouseReaderOptions,
} from './clickhouse-reader.js';
export { latestSpans } from './latest-spans.js';
export { startNow, traceWhere } from './span-page.js';
export { readSpans, readWholeTraces } from './span-reader.js';
export { FIELD } from './span-row.js';
export { quoteString, uuidList } from './sql-text.js';
export { clampNano } from './trace-filter.js';
export { END_NANO, ERROR_STATUSES, ofRoot, ROOT_ACTION } from './views.js';
