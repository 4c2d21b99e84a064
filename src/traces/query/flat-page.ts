import type { ClickHouseReader } from './clickhouse-reader.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { latestSpans } from './latest-spans.js';
import { pageHead, traceNotFound, traceWhere, type SpanPageRequest } from './span-page.js';
import { readSpans, type SpanPointer } from './span-reader.js';
import { rebuildSpan } from './span-rebuild.js';

const CURSOR_KIND = 'spans';
const CURSOR_PATTERN = /^(-?\d{1,19}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

interface FlatPointer extends SpanPointer {
  readonly startNano: string;
}

/** One page of the spans of a trace in order of start, ties by span id, as JSON text piece by piece. */
export async function flatPage(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  request: SpanPageRequest,
): Promise<AsyncIterable<string>> {
  const after =
    request.cursor === undefined ? undefined : decodeCursor(CURSOR_KIND, request.cursor, CURSOR_PATTERN);
  const where = traceWhere(projectId, traceId);
  const [count] = await reader.rows<[number]>(
    `SELECT uniqExact(s.span_id) FROM ${reader.database}.spans AS s WHERE ${where}`,
  );
  const total = count?.[0] ?? 0;
  if (total === 0) throw traceNotFound(traceId);
  const pointers: FlatPointer[] = [];
  for await (const group of flatPointers(reader, where, after, request.limit + 1)) pointers.push(...group);
  const hasMore = pointers.length > request.limit;
  const page = pointers.slice(0, request.limit);
  const last = page[page.length - 1];
  const next =
    hasMore && last !== undefined ? encodeCursor(CURSOR_KIND, [last.startNano, last.spanId]) : null;
  return (async function* () {
    let head = pageHead(traceId, total, next);
    let separator = '';
    for await (const rows of readSpans(reader, projectId, traceId, page, request.narrow)) {
      let text = head;
      head = '';
      for (const row of rows) {
        text += separator + rebuildSpan(row, { narrow: request.narrow });
        separator = ',';
      }
      yield text;
    }
    yield `${head}]}`;
  })();
}

/** Pointers to all spans of a trace in order of start, ties by span id, beginning behind a position. */
export async function* flatPointers(
  reader: ClickHouseReader,
  where: string,
  after: readonly string[] | undefined,
  limit: number | undefined,
): AsyncGenerator<FlatPointer[]> {
  const behind =
    after === undefined
      ? ''
      : ` WHERE (toUnixTimestamp64Nano(s.start_time), toString(s.span_id)) > (${after[0]}, '${after[1]}')`;
  const rows = reader.stream<[string, string, number]>(
    `SELECT toString(toUnixTimestamp64Nano(s.start_time)), toString(s.span_id), s.payload_bytes
    FROM ${latestSpans(reader.database, where)}${behind}
    ORDER BY s.start_time, toString(s.span_id)${limit === undefined ? '' : ` LIMIT ${limit}`}`,
  );
  for await (const group of rows)
    yield group.map(([startNano, spanId, payloadBytes]) => ({ startNano, spanId, payloadBytes }));
}
