import { MplpError } from '../../errors/index.js';
import { ParameterReader } from './request-values.js';
import { quoteString } from './sql-text.js';

export const DEFAULT_SPAN_LIMIT = 1000;
export const MAX_SPAN_LIMIT = 10_000;

export interface SpanPageRequest {
  readonly view: 'flat' | 'tree';
  /** Leave payloads out. */
  readonly narrow: boolean;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Reads the query string of `GET /traces/{trace_id}/spans`. Throws `MPLP_ERR_HTTP_BAD_REQUEST`. */
export function parseSpanPageRequest(query: URLSearchParams): SpanPageRequest {
  const names = ['view', 'fields', 'limit', 'cursor'];
  const reader = new ParameterReader(query, (name) => names.includes(name), names.join(', '));
  const request: SpanPageRequest = {
    view: reader.oneOf('view', ['flat', 'tree'] as const) ?? 'flat',
    narrow: reader.oneOf('fields', ['all', 'narrow'] as const) === 'narrow',
    limit: reader.integer('limit', 1, MAX_SPAN_LIMIT) ?? DEFAULT_SPAN_LIMIT,
    cursor: reader.text('cursor'),
  };
  reader.finish();
  return request;
}

/** Where the spans of a trace are, for rows `s` of `spans`. */
export function traceWhere(projectId: string, traceId: string): string {
  return `s.project_id = ${quoteString(projectId)} AND s.trace_id = '${traceId}'`;
}

export function traceNotFound(traceId: string): MplpError {
  return new MplpError(
    'MPLP_ERR_TRACES_NOT_FOUND',
    `There is no trace ${traceId}, or its spans are not stored yet.`,
  );
}

/** The head of a page, up to the opening bracket of its spans. `next` is the cursor of the spans that follow, if any. */
export function pageHead(traceId: string, totalSpans: number, next: string | null): string {
  return `{"trace_id":"${traceId}","total_spans":${totalSpans},"truncated":${next !== null},"next":${JSON.stringify(next)},"spans":[`;
}

/** Reads the first piece before it returns, so that its failure is still an answer with a status. */
export async function startNow<T>(pieces: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const rest = pieces[Symbol.asyncIterator]();
  const first = await rest.next();
  let isStarted = false;
  const iterator: AsyncIterator<T> = {
    next() {
      if (isStarted) return rest.next();
      isStarted = true;
      return Promise.resolve(first);
    },
    // Also closes what was opened for pieces that nobody asks for.
    return: () => rest.return?.() ?? Promise.resolve({ done: true, value: undefined }),
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
