import { MplpError } from '../../errors/index.js';
import type { ClickHouseReader } from './clickhouse-reader.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { latestSpans } from './latest-spans.js';
import { readSpans } from './span-reader.js';
import { rebuildSpan } from './span-rebuild.js';
import { buildForest, type Forest, type TreeSpan } from './trace-forest.js';
import { pageHead, traceNotFound, traceWhere, type SpanPageRequest } from './span-page.js';

const CURSOR_KIND = 'tree';
const CURSOR_PATTERN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * One page of the tree. The whole tree in depth-first order is cut into pages of `limit` spans. On a page every span
 * stands among the `children` of its parent; one whose parent stands on an earlier page is in the root list, marked
 * `continued: true`, and belongs under its `parent_span_id` as the next child. So the pages of a trace put together are
 * the tree, and a trace that fits in one page has no such mark. The shape of the trace is held in memory (about 150
 * bytes a span), its payloads are not.
 */
export async function treePage(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  request: SpanPageRequest,
): Promise<AsyncIterable<string>> {
  const spans = await readShape(reader, projectId, traceId);
  if (spans.length === 0) throw traceNotFound(traceId);
  const forest = buildForest(spans);
  const from = request.cursor === undefined ? 0 : placeBehind(request.cursor, spans, forest);
  const to = Math.min(spans.length, from + request.limit);
  const pointers = Array.from(forest.order.subarray(from, to), (index) => spans[index] as TreeSpan);
  const last = pointers[pointers.length - 1];
  const next = to < spans.length && last !== undefined ? encodeCursor(CURSOR_KIND, [last.spanId]) : null;
  const head = pageHead(traceId, spans.length, next);
  return assemble(reader, projectId, traceId, request.narrow, head, pointers, forest, from);
}

async function readShape(reader: ClickHouseReader, projectId: string, traceId: string): Promise<TreeSpan[]> {
  const spans: TreeSpan[] = [];
  const rows = reader.stream<[string, string, number]>(
    `SELECT toString(s.span_id), if(bitTest(s.fields, 1), toString(s.parent_span_id), ''), s.payload_bytes
    FROM ${latestSpans(reader.database, traceWhere(projectId, traceId))}
    ORDER BY s.start_time, toString(s.span_id)`,
  );
  for await (const group of rows)
    for (const [spanId, parentId, payloadBytes] of group)
      spans.push({ spanId, parentId: parentId === '' ? undefined : parentId, payloadBytes });
  return spans;
}

function placeBehind(cursor: string, spans: readonly TreeSpan[], forest: Forest): number {
  const [spanId] = decodeCursor(CURSOR_KIND, cursor, CURSOR_PATTERN);
  const place = forest.order.findIndex((index) => spans[index]?.spanId === spanId);
  if (place < 0) throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'The cursor is not of this trace.');
  return place + 1;
}

async function* assemble(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  narrow: boolean,
  head: string,
  pointers: readonly TreeSpan[],
  forest: Forest,
  from: number,
): AsyncGenerator<string> {
  let text = head;
  let place = from;
  /** Depths of the spans whose list of children is open, outermost first. */
  const open: number[] = [];
  let separator = '';
  const byId = new Map(pointers.map((pointer, index) => [pointer.spanId, from + index]));
  for await (const rows of readSpans(reader, projectId, traceId, pointers, narrow)) {
    for (const row of rows) {
      // A span that was replaced or expired between the two reads leaves a gap, not a shift.
      place = byId.get(row.span_id) ?? place;
      const depth = forest.depth[place] as number;
      while (open.length > 0 && (open[open.length - 1] as number) >= depth) {
        text += ']}';
        separator = ',';
        open.pop();
      }
      const isRoot = open.length === 0;
      const mark = forest.marks.get(forest.order[place] as number);
      const flags = mark !== undefined ? `"${mark}":true` : isRoot && depth > 0 ? '"continued":true' : '';
      const span = rebuildSpan(row, { narrow, treeMembers: flags });
      text += `${separator}${span.slice(0, -1)},"children":[`;
      separator = '';
      open.push(depth);
    }
    yield text;
    text = '';
  }
  yield `${text}${']}'.repeat(open.length)}]}`;
}
