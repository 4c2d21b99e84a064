import type { ClickHouseReader } from './clickhouse-reader.js';
import { flatPointers } from './flat-page.js';
import { latestSpans } from './latest-spans.js';
import { traceNotFound, traceWhere } from './span-page.js';
import { readSpans, type SpanPointer } from './span-reader.js';
import { rebuildSpan } from './span-rebuild.js';
import { spanColumns } from './views.js';

/** All spans of a trace, one JSON object a line, in order of start. Throws `MPLP_ERR_TRACES_NOT_FOUND` at the first read. */
export async function* exportNdjson(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
): AsyncGenerator<string> {
  let isEmpty = true;
  const pointers = (async function* (): AsyncGenerator<SpanPointer> {
    for await (const group of flatPointers(reader, traceWhere(projectId, traceId), undefined, undefined))
      yield* group;
  })();
  for await (const rows of readSpans(reader, projectId, traceId, pointers, false)) {
    isEmpty = false;
    let text = '';
    for (const row of rows) text += `${rebuildSpan(row).replace(/[\r\n]+/g, ' ')}\n`;
    yield text;
  }
  if (isEmpty) throw traceNotFound(traceId);
}

/** All spans of a trace as one Parquet file with the columns of the view `span_details`. Throws `MPLP_ERR_TRACES_NOT_FOUND`. */
export async function exportParquet(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
): Promise<AsyncIterable<Uint8Array>> {
  const { database } = reader;
  const where = traceWhere(projectId, traceId);
  const [row] = await reader.rows<[number]>(`SELECT count() FROM ${database}.spans AS s WHERE ${where}`);
  if ((row?.[0] ?? 0) === 0) throw traceNotFound(traceId);
  const project = where.slice(0, where.indexOf(' AND ')).replace('s.', '');
  return reader.bytes(
    `SELECT ${spanColumns(database)}, p.parameters AS parameters, p.output AS output, p.metadata AS metadata,
      p.action_duration AS action_duration
    FROM ${latestSpans(database, where)}
    LEFT JOIN (SELECT seq, parameters, output, metadata, action_duration FROM ${database}.span_payloads
      WHERE ${project} AND seq IN (SELECT s.seq FROM ${database}.spans AS s WHERE ${where})) AS p ON s.seq = p.seq
    ORDER BY s.start_time, toString(s.span_id) FORMAT Parquet`,
  );
}
