import { setTimeout as delay } from 'node:timers/promises';
import { MplpError } from '../../errors/index.js';
import type { ClickHouseReader } from './clickhouse-reader.js';
import { ID_COLUMN } from './id-column.js';
import { latestSpans } from './latest-spans.js';
import { FIELD, type SpanRow } from './span-row.js';
import { quoteString, uuidList } from './sql-text.js';

/** A span of a trace, in the order of an answer, with the size of its large texts. */
export interface SpanPointer {
  readonly spanId: string;
  readonly payloadBytes: number;
}

const PAYLOAD_ATTEMPTS = 6;
const PAYLOAD_RETRY_MS = 100;
export const MAX_CHUNK_SPANS = 1000;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

const NARROW_COLUMNS = [
  'toString(s.seq)',
  ...['span_id', 'parent_span_id'].map((name) => `toString(s.${name})`),
  `toString(${ID_COLUMN})`,
  ...['context_id', 'agent_id'].map((name) => `toString(s.${name})`),
  ...['s.action_name', 's.action_type', 's.status', 'toString(s.start_time)'],
  'toString(addNanoseconds(s.start_time, greatest(s.duration_ns, 0)))',
  ...['s.fields', 's.error', 's.metrics', 's.payload_bytes'],
].join(', ');

/** What the metadata of spans from OpenTelemetry is made of. */
const OTEL_COLUMNS = [
  's.otel_shape',
  's.otel_resource',
  's.otel_scope',
  ...['mapKeys', 'mapValues'].map((part) => `if(s.otel_shape = '', [], ${part}(s.tags))`),
].join(', ');

type NarrowRow = [
  seq: string,
  spanId: string,
  parentSpanId: string,
  id: string,
  contextId: string,
  agentId: string,
  actionName: string,
  actionType: string,
  status: string,
  startTime: string,
  endTime: string,
  fields: number,
  error: string,
  metrics: string,
  payloadBytes: number,
  ...otel: [shape: string, resource: string, scope: string, tagKeys: string[], tagValues: string[]] | [],
];
type PayloadRow = [
  seq: string,
  parameters: string,
  output: string,
  duration: string,
  metadata: string,
  extra: string,
];

const NO_PAYLOAD: PayloadRow = ['', '', '', '', '', ''];

/**
 * The rows behind the pointers, in their order, latest revision of each. Read in chunks of at most 1,000 spans or about
 * 8 MiB of payloads, so that memory stays bounded whatever the number. `narrow` leaves the payloads unread.
 */
export async function* readSpans(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  pointers: AsyncIterable<SpanPointer> | Iterable<SpanPointer>,
  narrow: boolean,
): AsyncGenerator<SpanRow[]> {
  let chunk: SpanPointer[] = [];
  let bytes = 0;
  for await (const pointer of pointers) {
    chunk.push(pointer);
    bytes += narrow ? 0 : pointer.payloadBytes;
    if (chunk.length < MAX_CHUNK_SPANS && bytes < MAX_CHUNK_BYTES) continue;
    yield await readChunk(reader, projectId, traceId, chunk, narrow);
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield await readChunk(reader, projectId, traceId, chunk, narrow);
}

/** A row of `spans` and its place in the order of an answer, its payloads not yet read. */
export interface PlacedSpan {
  readonly startNano: string;
  readonly spanId: string;
  readonly narrow: NarrowRow;
}

/** The first spans of a trace by start, ties by span id, behind a position; at most 1,001, in one read. */
export async function readFirstSpans(
  reader: ClickHouseReader,
  where: string,
  behind: string,
  limit: number,
  narrow: boolean,
): Promise<PlacedSpan[]> {
  const rows = await reader.rows<[string, ...NarrowRow]>(
    `SELECT toString(toUnixTimestamp64Nano(s.start_time)), ${columnsOf(narrow)}
    FROM ${latestSpans(reader.database, where)}${behind} ORDER BY s.start_time, toString(s.span_id) LIMIT ${limit}`,
  );
  return rows.map(([startNano, ...row]) => ({ startNano, spanId: row[1], narrow: row }));
}

/** Whole rows of what `readFirstSpans` gave, in chunks as `readSpans` has them. */
export async function* readPayloadsOf(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  spans: readonly PlacedSpan[],
  narrow: boolean,
): AsyncGenerator<SpanRow[]> {
  const project = `project_id = ${quoteString(projectId)}`;
  for (let from = 0; from < spans.length;) {
    let to = from;
    for (let bytes = 0; to < spans.length && (to === from || bytes < MAX_CHUNK_BYTES); to++)
      bytes += narrow ? 0 : (spans[to]?.narrow[14] ?? 0);
    const rows = spans.slice(from, to).map((span) => span.narrow);
    const payloads = await readPayloads(reader, project, narrow ? [] : seqsWithPayload(rows));
    yield rows.map((row) => toSpanRow(traceId, row, payloads.get(row[0]) ?? NO_PAYLOAD));
    from = to;
  }
}

/**
 * All spans of a few traces by start, each with the value of `column`, an expression over a row `s`. For traces that are
 * small together: everything is in memory at once.
 */
export async function readWholeTraces(
  reader: ClickHouseReader,
  projectId: string,
  traceIds: readonly string[],
  column: string,
): Promise<{ readonly row: SpanRow; readonly value: string }[]> {
  const project = `project_id = ${quoteString(projectId)}`;
  const where = `s.${project} AND s.trace_id IN ${uuidList(traceIds)}`;
  const rows = await reader.rows<[string, string, ...NarrowRow]>(
    `SELECT toString(s.trace_id), ${column}, ${NARROW_COLUMNS}, ${OTEL_COLUMNS}
    FROM ${latestSpans(reader.database, where)} ORDER BY s.trace_id, s.start_time, toString(s.span_id)`,
  );
  const narrow = rows.map(([traceId, value, ...row]) => ({ traceId, value, row: row as NarrowRow }));
  const payloads = await readPayloads(reader, project, seqsWithPayload(narrow.map(({ row }) => row)));
  return narrow.map(({ traceId, value, row }) => ({
    value,
    row: toSpanRow(traceId, row, payloads.get(row[0]) ?? NO_PAYLOAD),
  }));
}

function columnsOf(narrow: boolean): string {
  return narrow ? NARROW_COLUMNS : `${NARROW_COLUMNS}, ${OTEL_COLUMNS}`;
}

function seqsWithPayload(rows: readonly NarrowRow[]): string[] {
  return rows.filter((row) => row[14] > 0 || (row[11] & FIELD.duration) !== 0).map((row) => row[0]);
}

async function readChunk(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
  chunk: readonly SpanPointer[],
  narrow: boolean,
): Promise<SpanRow[]> {
  const project = `project_id = ${quoteString(projectId)}`;
  const spanIds = uuidList(chunk.map((pointer) => pointer.spanId));
  const where = `s.${project} AND s.trace_id = '${traceId}' AND s.span_id IN ${spanIds}`;
  const rows = await reader.rows<NarrowRow>(
    `SELECT ${columnsOf(narrow)} FROM ${latestSpans(reader.database, where)}`,
  );
  const payloads = await readPayloads(reader, project, narrow ? [] : seqsWithPayload(rows));
  const bySpan = new Map(
    rows.map((row) => [row[1], toSpanRow(traceId, row, payloads.get(row[0]) ?? NO_PAYLOAD)]),
  );
  return chunk.flatMap((pointer) => bySpan.get(pointer.spanId) ?? []);
}

/**
 * An insert fills `spans` and `span_payloads` one shortly after the other, so a payload can be a moment late. A span is
 * never given without it.
 */
async function readPayloads(
  reader: ClickHouseReader,
  project: string,
  seqs: readonly string[],
): Promise<Map<string, PayloadRow>> {
  const payloads = new Map<string, PayloadRow>();
  for (let attempt = 0; payloads.size < seqs.length; attempt++) {
    if (attempt === PAYLOAD_ATTEMPTS)
      throw new MplpError(
        'MPLP_ERR_STORE_UNAVAILABLE',
        'ClickHouse has spans of the trace without their payloads.',
        {
          retryAfterSeconds: 2,
        },
      );
    if (attempt > 0) await delay(PAYLOAD_RETRY_MS * attempt);
    const missing = seqs.filter((seq) => !payloads.has(seq));
    const found = await reader.rows<PayloadRow>(
      `SELECT toString(seq), parameters, output, action_duration, metadata, extra
      FROM ${reader.database}.span_payloads WHERE ${project} AND seq IN (${missing.join(', ')})`,
    );
    for (const row of found) payloads.set(row[0], row);
  }
  return payloads;
}

function toSpanRow(traceId: string, row: NarrowRow, payload: PayloadRow): SpanRow {
  return {
    trace_id: traceId,
    span_id: row[1],
    parent_span_id: row[2],
    id: row[3],
    context_id: row[4],
    agent_id: row[5],
    action_name: row[6],
    action_type: row[7],
    status: row[8],
    start_time: row[9],
    end_time: row[10],
    fields: row[11],
    error: row[12],
    metrics: row[13],
    parameters: payload[1],
    output: payload[2],
    action_duration: payload[3],
    metadata: payload[4],
    extra: payload[5],
    otel: otelOf(row),
  };
}

function otelOf([...columns]: NarrowRow): SpanRow['otel'] {
  const [shape, resource, scope, tagKeys, tagValues] = columns.slice(15) as [
    string?,
    string?,
    string?,
    string[]?,
    string[]?,
  ];
  if (shape === undefined || shape === '') return undefined;
  return {
    shape,
    resource: resource ?? '',
    scope: scope ?? '',
    tagKeys: tagKeys ?? [],
    tagValues: tagValues ?? [],
  };
}
