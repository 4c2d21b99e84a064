import { MplpError } from '../../errors/index.js';
import { createVerbMeter, type PerformanceMetrics, type Trace } from '../../protocol/index.js';
import type { Intake, Receipt } from '../intake/index.js';
import { parseTailFilter, type TailHub } from '../live/index.js';
import {
  findUuid,
  parseSpanPageRequest,
  parseTraceFilter,
  type SpanPageRequest,
  type TraceQueries,
} from '../query/index.js';
import { followTail } from './follow-tail.js';

type Known =
  | 'trace_id'
  | 'span_id'
  | 'parent_span_id'
  | 'context_id'
  | 'agent_id'
  | 'action'
  | 'timestamp'
  | 'result'
  | 'metadata';

/** A span. The engine fills a missing `id`; members that the schema does not name are kept. */
export type TraceData = Readonly<Pick<Trace, Known>> & {
  readonly id?: string;
  readonly [name: string]: unknown;
};

export interface RecordOptions {
  /** `stored` waits until the spans can be queried. @default spooled: until they are safe on disk */
  readonly durability?: 'spooled' | 'stored';
}

/** As the query parameters of `GET /v1.0/traces`: a trace is found when one of its spans fits. */
export interface TraceQuery {
  /** One trace; no other filter then. */
  readonly trace_id?: string;
  readonly agent_id?: string;
  readonly context_id?: string;
  readonly action?: string;
  readonly type?: string;
  readonly status?: string;
  /** RFC 3339. */
  readonly from?: string;
  readonly to?: string;
  readonly min_duration_ms?: number;
  /** Text in action names, errors and payloads. */
  readonly q?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Most spans of the result, 1 to 10,000. @default 1000 */
  readonly limit?: number;
}

export interface TraceStreamFilter {
  readonly agent_id?: string;
  readonly context_id?: string;
  readonly action?: string;
  readonly status?: string;
}

export interface StreamOptions {
  /** Told of spans that came while the reader was too slow for them. */
  readonly onMissed?: (count: number) => void;
}

export interface TraceMetrics extends PerformanceMetrics {
  /** What became of the spans that were recorded through this. */
  readonly spans: { readonly accepted: number; readonly rejected: number; readonly duplicates: number };
}

/** The spans of one project, as the design document names them; the same code as `/v1.0/traces`. */
export interface TraceCollector {
  /** @throws MplpError MPLP_ERR_TRACES_INVALID with every fault, …_OVERLOADED, …_SPOOL_FULL, …_DRAINING */
  recordTrace(traceData: TraceData, options?: RecordOptions): Promise<Receipt>;
  /**
   * Valid spans of a mixed batch are stored; the receipt names the others.
   *
   * @throws MplpError as `recordTrace`, when none is valid; MPLP_ERR_HTTP_BODY_TOO_LARGE
   */
  recordBatch(traces: readonly TraceData[], options?: RecordOptions): Promise<Receipt>;
  /**
   * Spans of the traces found, newest trace first, in order of start within each. Numbers are doubles.
   *
   * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST for a filter that cannot be one, MPLP_ERR_STORE_UNAVAILABLE
   */
  queryTraces(query: TraceQuery, signal?: AbortSignal): Promise<TraceData[]>;
  /**
   * Spans as they are accepted, from the first `next` on until `break` or the end of the engine.
   *
   * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST at once; MPLP_ERR_TRACES_TAIL_LIMIT from the first `next`
   */
  streamTraces(filter?: TraceStreamFilter, options?: StreamOptions): AsyncIterableIterator<TraceData>;
  getTraceMetrics(): TraceMetrics;
}

export interface TraceCollectorOptions {
  readonly intake: Intake;
  readonly queries: TraceQueries;
  readonly hub: TailHub;
  readonly projectId: string;
}

export function createTraceCollector({
  intake,
  queries,
  hub,
  projectId,
}: TraceCollectorOptions): TraceCollector {
  const meter = createVerbMeter();
  const spans = { accepted: 0, rejected: 0, duplicates: 0 };

  async function take(value: object, { durability = 'spooled' }: RecordOptions): Promise<Receipt> {
    const bytes = Buffer.from(JSON.stringify(value));
    const body = intake.open({
      projectId,
      form: 'json',
      encoding: 'identity',
      length: bytes.length,
      idempotencyKey: undefined,
      durability,
    });
    try {
      body.write(bytes);
      const receipt = await body.end();
      spans.accepted += receipt.accepted;
      spans.rejected += receipt.rejected;
      spans.duplicates += receipt.duplicates;
      return receipt;
    } catch (error) {
      const refused = error instanceof MplpError ? error.extensions?.['rejected'] : undefined;
      if (typeof refused === 'number') spans.rejected += refused;
      throw error;
    } finally {
      body.drop();
    }
  }

  async function spansOf(traceId: string, page: SpanPageRequest, signal: AbortSignal): Promise<TraceData[]> {
    try {
      let text = '';
      for await (const piece of await queries.spans(projectId, traceId, page, signal)) text += piece;
      return (JSON.parse(text) as { spans: TraceData[] }).spans;
    } catch (error) {
      if (error instanceof MplpError && error.code === 'MPLP_ERR_TRACES_NOT_FOUND') return [];
      throw error;
    }
  }

  async function query(request: TraceQuery, signal: AbortSignal): Promise<TraceData[]> {
    const { trace_id: traceId, tags = {}, limit, ...filters } = request;
    const page = parseSpanPageRequest(parametersOf({ limit }));
    if (traceId !== undefined) return spansOf(checkTraceId(traceId), page, signal);
    const named = Object.entries(tags).map(([key, value]) => [`tag.${key}`, value]);
    const filter = parseTraceFilter(parametersOf({ ...filters, ...Object.fromEntries(named) }));
    const found: TraceData[] = [];
    let cursor = filter.cursor;
    do {
      const list = await queries.list(projectId, { ...filter, cursor }, signal);
      for (const { trace_id: id } of list.traces) {
        const room = page.limit - found.length;
        if (room <= 0) return found;
        found.push(...(await spansOf(id, { ...page, limit: room }, signal)));
      }
      cursor = list.next ?? undefined;
    } while (cursor !== undefined && found.length < page.limit);
    return found;
  }

  return {
    recordTrace: (traceData, options = {}) =>
      meter.measureAsync('recordTrace', () => take(traceData, options)),
    recordBatch: (traces, options = {}) => meter.measureAsync('recordBatch', () => take(traces, options)),
    queryTraces: (request, signal = new AbortController().signal) =>
      meter.measureAsync('queryTraces', () => query(request, signal)),
    streamTraces: (filter = {}, { onMissed = () => {} } = {}) =>
      followTail(hub, parseTailFilter(parametersOf({ ...filter }), projectId), onMissed),
    getTraceMetrics: () => ({ ...meter.read(), spans: { ...spans } }),
  };
}

/** As they would stand in a URL: the readers of those name every fault. */
function parametersOf(values: Readonly<Record<string, unknown>>): URLSearchParams {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
}

function checkTraceId(text: string): string {
  const traceId = findUuid(text);
  if (traceId !== undefined) return traceId;
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'trace_id is not a UUID.', {
    errors: [{ pointer: '/trace_id', keyword: 'format', message: 'must be a UUID' }],
  });
}
