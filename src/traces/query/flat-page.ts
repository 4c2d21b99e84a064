import type { ClickHouseReader } from './clickhouse-reader.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { latestSpans } from './latest-spans.js';
import { pageHead, traceNotFound, traceWhere, type SpanPageRequest } from './span-page.js';
import {
  MAX_CHUNK_SPANS,
  readFirstSpans,
  readPayloadsOf,
  readSpans,
  type SpanPointer,
} from './span-reader.js';
import { rebuildSpan } from './span-rebuild.js';
import type { SpanRow } from './span-row.js';

const CURSOR_KIND = 'spans';
const CURSOR_PATTERN = /^(-?\d{1,19}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Where a span stands in the order of its trace. */
interface Place {
  readonly startNano: string;
  readonly spanId: string;
}

type FlatPointer = SpanPointer & Place;

interface FlatPage {
  readonly page: AsyncIterable<SpanRow[]>;
  readonly total: number;
  readonly next: string | null;
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
  const { page, total, next } = await (request.limit <= MAX_CHUNK_SPANS ? smallPage() : largePage());
  return (async function* () {
    let head = pageHead(traceId, total, next);
    let separator = '';
    for await (const rows of page) {
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

  /** One read finds the spans; the usual trace needs no other than that of its payloads. */
  async function smallPage(): Promise<FlatPage> {
    const spans = await readFirstSpans(
      reader,
      where,
      behindCondition(after),
      request.limit + 1,
      request.narrow,
    );
    const isWhole = after === undefined && spans.length <= request.limit;
    const total = isWhole ? spans.length : await countSpans();
    if (total === 0) throw traceNotFound(traceId);
    const page = spans.slice(0, request.limit);
    return {
      page: readPayloadsOf(reader, projectId, traceId, page, request.narrow),
      total,
      next: nextCursor(spans, page),
    };
  }

  /** Only pointers are held: the spans of so many can be too large for memory together. */
  async function largePage(): Promise<FlatPage> {
    const total = await countSpans();
    if (total === 0) throw traceNotFound(traceId);
    const pointers: FlatPointer[] = [];
    for await (const group of flatPointers(reader, where, after, request.limit + 1)) pointers.push(...group);
    const page = pointers.slice(0, request.limit);
    return {
      page: readSpans(reader, projectId, traceId, page, request.narrow),
      total,
      next: nextCursor(pointers, page),
    };
  }

  async function countSpans(): Promise<number> {
    const [count] = await reader.rows<[number]>(
      `SELECT uniqExact(s.span_id) FROM ${reader.database}.spans AS s WHERE ${where}`,
    );
    return count?.[0] ?? 0;
  }
}

function nextCursor(found: readonly Place[], page: readonly Place[]): string | null {
  const last = page[page.length - 1];
  return found.length > page.length && last !== undefined
    ? encodeCursor(CURSOR_KIND, [last.startNano, last.spanId])
    : null;
}

function behindCondition(after: readonly string[] | undefined): string {
  return after === undefined
    ? ''
    : ` WHERE (toUnixTimestamp64Nano(s.start_time), toString(s.span_id)) > (${after[0]}, '${after[1]}')`;
}

/** Pointers to all spans of a trace in order of start, ties by span id, beginning behind a position. */
export async function* flatPointers(
  reader: ClickHouseReader,
  where: string,
  after: readonly string[] | undefined,
  limit: number | undefined,
): AsyncGenerator<FlatPointer[]> {
  const rows = reader.stream<[string, string, number]>(
    `SELECT toString(toUnixTimestamp64Nano(s.start_time)), toString(s.span_id), s.payload_bytes
    FROM ${latestSpans(reader.database, where)}${behindCondition(after)}
    ORDER BY s.start_time, toString(s.span_id)${limit === undefined ? '' : ` LIMIT ${limit}`}`,
  );
  for await (const group of rows)
    yield group.map(([startNano, spanId, payloadBytes]) => ({ startNano, spanId, payloadBytes }));
}
