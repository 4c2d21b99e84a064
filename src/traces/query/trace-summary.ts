import type { ClickHouseReader } from './clickhouse-reader.js';
import { unixNanoToDateTime } from '../../protocol/index.js';
import { latestSpans } from './latest-spans.js';
import { spanConditions, traceConditions, type TraceFilter } from './trace-filter.js';
import { quoteString, uuidList } from './sql-text.js';
import { END_NANO, ERROR_STATUSES, ROOT_ACTION } from './views.js';

/** One trace in a list. Times are RFC 3339 in UTC. */
export interface TraceSummary {
  readonly trace_id: string;
  readonly start: string;
  /** The latest moment known of the trace: the end of a span, or the start of one that has not ended. */
  readonly end: string;
  readonly duration_ms: number;
  readonly span_count: number;
  readonly error_count: number;
  readonly root_action: string;
  readonly agents: readonly string[];
  readonly contexts: readonly string[];
}

export interface ExactTrace {
  readonly summary: TraceSummary;
  readonly startNano: bigint;
}

/** trace_id, start, end, spans, errors, root action, agents, contexts */
type SummaryRow = [string, string, string, string, string, string, string[], string[]];

/**
 * Summaries of those of the given traces that fit the filter, from `spans` with the latest revision of each span.
 * `textCondition` is the condition for `filter.text` on a row `s`, when the caller searches text.
 */
export async function readSummaries(
  reader: ClickHouseReader,
  projectId: string,
  traceIds: readonly string[],
  filter: TraceFilter,
  textCondition?: string,
): Promise<Map<string, ExactTrace>> {
  const found = new Map<string, ExactTrace>();
  if (traceIds.length === 0) return found;
  const spanFits = [...spanConditions(filter), ...(textCondition === undefined ? [] : [textCondition])];
  const having = traceConditions(filter, END_NANO);
  if (spanFits.length > 0) having.push(`countIf(${spanFits.join(' AND ')}) > 0`);
  const rows = await reader.rows<SummaryRow>(
    `SELECT toString(s.trace_id), toString(toUnixTimestamp64Nano(min(s.start_time))), toString(max(${END_NANO})),
      toString(count()), toString(countIf(s.status IN ${ERROR_STATUSES})), ${ROOT_ACTION},
      arrayMap(x -> toString(x), arraySort(groupUniqArray(s.agent_id))),
      arrayMap(x -> toString(x), arraySort(groupUniqArray(s.context_id)))
    FROM ${latestSpans(reader.database, `s.project_id = ${quoteString(projectId)} AND s.trace_id IN ${uuidList(traceIds)}`)}
    GROUP BY s.trace_id
    ${having.length === 0 ? '' : `HAVING ${having.join(' AND ')}`}`,
  );
  for (const row of rows) found.set(row[0], toTrace(row));
  return found;
}

function toTrace([traceId, start, end, spans, errors, rootAction, agents, contexts]: SummaryRow): ExactTrace {
  const startNano = BigInt(start);
  const endNano = BigInt(end);
  return {
    startNano,
    summary: {
      trace_id: traceId,
      start: timeText(startNano),
      end: timeText(endNano),
      duration_ms: Number(endNano - startNano) / 1e6,
      span_count: Number(spans),
      error_count: Number(errors),
      root_action: rootAction,
      agents,
      contexts,
    },
  };
}

function timeText(unixNano: bigint): string {
  return unixNanoToDateTime(unixNano) ?? '';
}
