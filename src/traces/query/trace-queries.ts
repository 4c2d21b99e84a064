import type { Config } from '../../config/config.js';
import type { ClickHouseStore } from '../../store/clickhouse/index.js';
import { createClickHouseReader, type ClickHouseReader } from './clickhouse-reader.js';
import { flatPage } from './flat-page.js';
import { startNow, type SpanPageRequest } from './span-page.js';
import { exportNdjson, exportParquet } from './trace-export.js';
import type { TraceFilter } from './trace-filter.js';
import { listTraces, type TraceList } from './trace-list.js';
import { treePage } from './tree-page.js';

/** A search gives what it has found after this share of the query timeout, or this time. */
const LIST_BUDGET_SHARE = 3;
const MAX_LIST_BUDGET_MS = 5_000;

/** Reading stored traces of one project. Aborting `signal` stops what runs in ClickHouse. */
export interface TraceQueries {
  list(projectId: string, filter: TraceFilter, signal: AbortSignal): Promise<TraceList>;
  /** JSON text of a page of spans. Throws `MPLP_ERR_TRACES_NOT_FOUND` before the first piece. */
  spans(
    projectId: string,
    traceId: string,
    request: SpanPageRequest,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>>;
  /** The whole trace as a file. Throws `MPLP_ERR_TRACES_NOT_FOUND`. */
  exportTrace(
    projectId: string,
    traceId: string,
    format: 'ndjson' | 'parquet',
    signal: AbortSignal,
  ): Promise<AsyncIterable<string | Uint8Array>>;
}

export interface TraceQueriesOptions {
  readonly store: ClickHouseStore;
  readonly config: Pick<Config, 'queryTimeoutMs' | 'queryMaxMemoryBytes'>;
}

export function createTraceQueries({ store, config }: TraceQueriesOptions): TraceQueries {
  const listBudgetMs = Math.min(MAX_LIST_BUDGET_MS, config.queryTimeoutMs / LIST_BUDGET_SHARE);
  const readerFor = (signal: AbortSignal): ClickHouseReader =>
    createClickHouseReader({ client: store.client, database: store.database, config, signal });
  return {
    list: (projectId, filter, signal) => listTraces(readerFor(signal), projectId, filter, listBudgetMs),
    async spans(projectId, traceId, request, signal) {
      const page = request.view === 'tree' ? treePage : flatPage;
      return startNow(await page(readerFor(signal), projectId, traceId, request));
    },
    exportTrace: (projectId, traceId, format, signal) =>
      format === 'parquet'
        ? exportParquet(readerFor(signal), projectId, traceId)
        : startNow(exportNdjson(readerFor(signal), projectId, traceId)),
  };
}
