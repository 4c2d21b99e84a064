import { MplpError } from '../../errors/index.js';
import type { ClickHouseReader } from './clickhouse-reader.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { quoteString, uuidList } from './sql-text.js';
import { createTextSearch } from './text-search.js';
import { clampNano, spanConditions, type TraceFilter } from './trace-filter.js';
import { readSummaries, type ExactTrace, type TraceSummary } from './trace-summary.js';

const CURSOR_KIND = 'traces';
const CURSOR_PATTERN = /^(-?\d{1,19}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const MIN_BATCH = 64;
const MAX_BATCH = 2048;
/** Batches that are read before the store is asked, over all spans, which traces can fit at all. */
const BATCHES_WITHOUT_PREFILTER = 2;
const NIL = '00000000-0000-0000-0000-000000000000';

export interface TraceList {
  readonly traces: readonly TraceSummary[];
  /** Cursor of the rest; `null` when there is none. A page can be short, even empty, and still have a rest. */
  readonly next: string | null;
}

/** A row of `trace_index`: where in time an insert saw the trace. */
interface Position {
  readonly startNano: bigint;
  readonly traceId: string;
}

/**
 * One page of traces, newest start first. The candidates come from `trace_index` in reverse order, their exact summaries
 * from `spans`. An insert writes an index row for the part of a trace that it saw, so a trace can have several; it is
 * listed at the latest row that is not after its true start, which is its true start unless that start was corrected.
 * Work is bounded: after `budgetMs` the page is given as far as it is, with `next`.
 */
export async function listTraces(
  reader: ClickHouseReader,
  projectId: string,
  filter: TraceFilter,
  budgetMs: number,
): Promise<TraceList> {
  const startedAt = performance.now();
  const traces: TraceSummary[] = [];
  /** Traces listed, or found to belong to an earlier page. */
  const settled = new Set<string>();
  let position = filter.cursor === undefined ? undefined : readCursor(filter.cursor);
  let prefilter: string | undefined;
  for (let batch = 0; ; batch++) {
    if (batch === BATCHES_WITHOUT_PREFILTER) prefilter = prefilterCondition(reader, projectId, filter);
    const size = Math.min(MAX_BATCH, firstBatch(filter) << Math.min(batch, 5));
    const read = (condition?: string) => readCandidates(reader, projectId, filter, position, condition, size);
    const candidates = await read(prefilter).catch((error: unknown) => {
      // The scan of the prefilter is too much: go on without it, as far as the budget lasts.
      if (prefilter === undefined || !(error instanceof MplpError && error.code === 'MPLP_ERR_QUERY_LIMIT'))
        throw error;
      prefilter = undefined;
      return read();
    });
    const ids = [...new Set(candidates.map((candidate) => candidate.traceId))];
    const exact = await readSummaries(
      reader,
      projectId,
      ids,
      filter,
      textCondition(reader, projectId, filter, ids),
    );
    for (const candidate of candidates) {
      position = candidate;
      const trace = exact.get(candidate.traceId);
      if (trace === undefined || settled.has(candidate.traceId)) continue;
      if (trace.startNano < candidate.startNano) continue;
      settled.add(candidate.traceId);
      if (!(await isListedAt(reader, projectId, candidate, trace))) continue;
      traces.push(trace.summary);
      if (traces.length === filter.limit) return { traces, next: writeCursor(candidate) };
    }
    if (candidates.length < size) return { traces, next: null };
    if (performance.now() - startedAt > budgetMs && position !== undefined)
      return { traces, next: writeCursor(position) };
  }
}

/** Without filters on spans nearly every candidate is listed. */
function firstBatch(filter: TraceFilter): number {
  const hasFilters =
    spanConditions(filter).length > 0 || filter.text !== undefined || filter.minDurationMs !== undefined;
  return Math.max(MIN_BATCH, Math.ceil(filter.limit * (hasFilters ? 3 : 1.2)));
}

function readCandidates(
  reader: ClickHouseReader,
  projectId: string,
  filter: TraceFilter,
  after: Position | undefined,
  prefilter: string | undefined,
  limit: number,
): Promise<Position[]> {
  const conditions = [...indexConditions(projectId, 'all', NIL)];
  if (after !== undefined) {
    const start = timeLiteral(after.startNano);
    conditions.push(
      `start_time <= ${start}`,
      `(start_time, trace_id) < (${start}, toUUID('${after.traceId}'))`,
    );
  }
  if (filter.fromNano !== undefined) conditions.push(`start_time >= ${timeLiteral(filter.fromNano)}`);
  if (filter.toNano !== undefined) conditions.push(`start_time < ${timeLiteral(filter.toNano)}`);
  for (const [dimension, value] of [
    ['agent', filter.agentId],
    ['context', filter.contextId],
  ] as const) {
    if (value === undefined) continue;
    const where = indexConditions(projectId, dimension, value).join(' AND ');
    const listed = `trace_id IN (SELECT trace_id FROM ${reader.database}.trace_index WHERE ${where})`;
    // A context that is the trace itself, as OpenTelemetry spans have, has no rows of its own.
    conditions.push(dimension === 'context' ? `(${listed} OR trace_id = '${value}')` : listed);
  }
  if (prefilter !== undefined) conditions.push(prefilter);
  return reader
    .rows<[string, string]>(
      `SELECT toString(toUnixTimestamp64Nano(start_time)), toString(trace_id)
      FROM ${reader.database}.trace_index WHERE ${conditions.join(' AND ')}
      ORDER BY start_time DESC, trace_id DESC LIMIT ${limit}`,
    )
    .then((rows) => rows.map(([start, traceId]) => ({ startNano: BigInt(start), traceId })));
}

function indexConditions(projectId: string, dimension: string, value: string): string[] {
  return [`project_id = ${quoteString(projectId)}`, `dimension = '${dimension}'`, `value = '${value}'`];
}

function timeLiteral(unixNano: bigint): string {
  return `fromUnixTimestamp64Nano(${clampNano(unixNano)}, 'UTC')`;
}

function textCondition(
  reader: ClickHouseReader,
  projectId: string,
  filter: TraceFilter,
  ids: readonly string[],
) {
  if (filter.text === undefined || ids.length === 0) return undefined;
  const seqs = `SELECT seq FROM ${reader.database}.spans WHERE project_id = ${quoteString(projectId)} AND trace_id IN ${uuidList(ids)}`;
  return createTextSearch(filter.text).condition(reader.database, projectId, `seq IN (${seqs})`);
}

/**
 * Traces that can fit, as a condition on the index: a superset, because it sees replaced revisions too. It costs one scan
 * over the columns that the filter needs, which pays once the newest traces were looked at in vain. `undefined` when
 * the index alone decides.
 */
function prefilterCondition(
  reader: ClickHouseReader,
  projectId: string,
  filter: TraceFilter,
): string | undefined {
  const project = `project_id = ${quoteString(projectId)}`;
  const selects: string[] = [];
  const indexed = { ...filter, agentId: undefined, contextId: undefined };
  if (spanConditions(indexed).length > 0 || filter.text !== undefined) {
    const conditions = [`s.${project}`, ...spanConditions(filter)];
    const from = filter.fromNano === undefined ? undefined : `start_time >= ${timeLiteral(filter.fromNano)}`;
    if (from !== undefined) conditions.push(`s.${from}`);
    if (filter.text !== undefined) {
      // Payloads lie in order of arrival, so those that came before the first span of the time asked for are skipped.
      const among =
        from === undefined
          ? undefined
          : `seq >= (SELECT min(seq) FROM ${reader.database}.spans WHERE ${project} AND ${from})`;
      conditions.push(createTextSearch(filter.text).condition(reader.database, projectId, among));
    }
    selects.push(
      `SELECT DISTINCT s.trace_id FROM ${reader.database}.spans AS s WHERE ${conditions.join(' AND ')}`,
    );
  }
  if (filter.minDurationMs !== undefined)
    selects.push(
      `SELECT trace_id FROM ${reader.database}.trace_summaries WHERE ${project} GROUP BY trace_id HAVING ` +
        `toUnixTimestamp64Nano(max(end_time)) - toUnixTimestamp64Nano(min(start_time)) >= ${BigInt(filter.minDurationMs) * 1_000_000n}`,
    );
  return selects.length === 0 ? undefined : selects.map((select) => `trace_id IN (${select})`).join(' AND ');
}

/** Whether this row of the index, not after the true start of its trace, is the latest such row. */
async function isListedAt(
  reader: ClickHouseReader,
  projectId: string,
  at: Position,
  trace: ExactTrace,
): Promise<boolean> {
  if (trace.startNano === at.startNano) return true;
  const conditions = [
    ...indexConditions(projectId, 'all', NIL),
    `start_time > ${timeLiteral(at.startNano)}`,
    `start_time <= ${timeLiteral(trace.startNano)}`,
    `trace_id = '${at.traceId}'`,
  ];
  const rows = await reader.rows<[number]>(
    `SELECT 1 FROM ${reader.database}.trace_index WHERE ${conditions.join(' AND ')} LIMIT 1`,
  );
  return rows.length === 0;
}

function readCursor(cursor: string): Position {
  const [start, traceId] = decodeCursor(CURSOR_KIND, cursor, CURSOR_PATTERN);
  return { startNano: BigInt(start ?? '0'), traceId: traceId ?? NIL };
}

function writeCursor(position: Position): string {
  return encodeCursor(CURSOR_KIND, [position.startNano.toString(), position.traceId]);
}
