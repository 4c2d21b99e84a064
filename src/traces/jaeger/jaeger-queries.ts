import type { Config } from '../../config/config.js';
import { MplpError } from '../../errors/index.js';
import type { ClickHouseStore } from '../../store/clickhouse/index.js';
import {
  createClickHouseReader,
  quoteString,
  startNow,
  uuidList,
  type ClickHouseReader,
} from '../query/index.js';
import { listDependencies, type Dependency } from './dependencies.js';
import { jaegerId } from './ids.js';
import type { DependencyWindow, TraceRequest, TraceSearch } from './parameters.js';
import { listOperations, listServices, type Operation } from './services.js';
import { SIZE_COLUMNS, traceTexts, type TraceSize } from './trace-json.js';
import { searchTraces } from './trace-search.js';
import { readTraceSummaries, type TraceSummary } from './trace-summaries.js';

/** The questions of Jaeger's query API about one project. Aborting `signal` stops what runs in ClickHouse. */
export interface JaegerQueries {
  services(projectId: string, signal: AbortSignal): Promise<string[]>;
  operations(projectId: string, service: string, spanKind: string, signal: AbortSignal): Promise<Operation[]>;
  dependencies(projectId: string, window: DependencyWindow, signal: AbortSignal): Promise<Dependency[]>;
  /** The whole answer to a search, or to a request for several traces, as JSON text. */
  traces(projectId: string, request: TraceRequest, signal: AbortSignal): Promise<AsyncIterable<string>>;
  /** Summaries of the traces that a search finds. */
  summaries(projectId: string, search: TraceSearch, signal: AbortSignal): Promise<TraceSummary[]>;
  /** The whole answer with one trace. Throws `MPLP_ERR_TRACES_NOT_FOUND`. */
  trace(projectId: string, traceId: string, signal: AbortSignal): Promise<AsyncIterable<string>>;
}

export interface JaegerQueriesOptions {
  readonly store: ClickHouseStore;
  readonly config: Pick<Config, 'queryTimeoutMs' | 'queryMaxMemoryBytes'>;
}

export const TRACE_NOT_FOUND = 'trace not found';

/** An entry of `errors` in Jaeger's envelope. */
export interface JaegerError {
  readonly code?: number;
  readonly msg: string;
  readonly traceID?: string;
}

export function createJaegerQueries({ store, config }: JaegerQueriesOptions): JaegerQueries {
  const readerFor = (signal: AbortSignal): ClickHouseReader =>
    createClickHouseReader({ client: store.client, database: store.database, config, signal });
  return {
    services: (projectId, signal) => listServices(readerFor(signal), projectId),
    operations: (projectId, service, spanKind, signal) =>
      listOperations(readerFor(signal), projectId, service, spanKind),
    dependencies: (projectId, window, signal) => listDependencies(readerFor(signal), projectId, window),
    async traces(projectId, request, signal) {
      const reader = readerFor(signal);
      if ('search' in request)
        return startNow(
          envelope(reader, projectId, await searchTraces(reader, projectId, request.search), []),
        );
      const traces = await findTraces(reader, projectId, request.traceIds);
      const found = new Set(traces.map(({ traceId }) => traceId));
      const errors = request.traceIds
        .filter((id) => !found.has(id))
        .map((id) => ({ msg: TRACE_NOT_FOUND, traceID: jaegerId(id) }));
      return startNow(envelope(reader, projectId, traces, errors));
    },
    async summaries(projectId, search, signal) {
      const reader = readerFor(signal);
      const traces = await searchTraces(reader, projectId, search);
      return readTraceSummaries(
        reader,
        projectId,
        traces.map(({ traceId }) => traceId),
      );
    },
    async trace(projectId, traceId, signal) {
      const reader = readerFor(signal);
      const traces = await findTraces(reader, projectId, [traceId]);
      if (traces.length === 0) throw new MplpError('MPLP_ERR_TRACES_NOT_FOUND', TRACE_NOT_FOUND);
      return startNow(envelope(reader, projectId, traces, []));
    },
  };
}

/** Those of the traces that are stored, in the order of the ids. */
async function findTraces(
  reader: ClickHouseReader,
  projectId: string,
  ids: readonly string[],
): Promise<TraceSize[]> {
  const rows = await reader.rows<[string, string, string]>(
    `SELECT toString(s.trace_id), ${SIZE_COLUMNS} FROM ${reader.database}.spans AS s
    WHERE s.project_id = ${quoteString(projectId)} AND s.trace_id IN ${uuidList(ids)} GROUP BY s.trace_id`,
  );
  const found = new Map(
    rows.map(([traceId, spans, bytes]) => [
      traceId,
      { traceId, spans: Number(spans), payloadBytes: Number(bytes) },
    ]),
  );
  return ids.flatMap((traceId) => found.get(traceId) ?? []);
}

async function* envelope(
  reader: ClickHouseReader,
  projectId: string,
  traces: readonly TraceSize[],
  errors: readonly JaegerError[],
): AsyncGenerator<string> {
  yield '{"data":[';
  yield* traceTexts(reader, projectId, traces);
  yield `],"total":0,"limit":0,"offset":0,"errors":${errors.length === 0 ? 'null' : JSON.stringify(errors)}}`;
}
