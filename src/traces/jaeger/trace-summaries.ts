import {
  END_NANO,
  ERROR_STATUSES,
  latestSpans,
  ofRoot,
  quoteString,
  ROOT_ACTION,
  uuidList,
  type ClickHouseReader,
} from '../query/index.js';
import { SERVICE_NAME } from './service-name.js';

/** A trace in the list of Jaeger UI; names and spellings of `jaeger.api_v3.TraceSummary` in JSON. */
export interface TraceSummary {
  readonly traceId: string;
  readonly rootServiceName: string;
  readonly rootOperationName: string;
  /** Decimal digits, as JSON of Protocol Buffers has 64-bit integers. */
  readonly minStartTimeUnixNano: string;
  readonly maxEndTimeUnixNano: string;
  readonly spanCount: number;
  readonly errorSpanCount: number;
  /** Spans whose parent is not in the trace: something is missing. */
  readonly orphanSpanCount: number;
  readonly services: readonly ServiceSummary[];
}

interface ServiceSummary {
  readonly name: string;
  readonly spanCount: number;
  readonly errorSpanCount: number;
}

/** trace id, start, end, spans, errors, orphans, root service, root action, names of services, their spans, their errors */
type Row = [string, string, string, number, number, number, string, string, string[], number[], number[]];

const IS_ERROR = `toUInt32(s.status IN ${ERROR_STATUSES})`;

/** Summaries of the traces, in the order of the ids. */
export async function readTraceSummaries(
  reader: ClickHouseReader,
  projectId: string,
  traceIds: readonly string[],
): Promise<TraceSummary[]> {
  if (traceIds.length === 0) return [];
  const where = `s.project_id = ${quoteString(projectId)} AND s.trace_id IN ${uuidList(traceIds)}`;
  const isOrphan = `bitTest(s.fields, 1) AND (s.trace_id, s.parent_span_id) NOT IN
      (SELECT s.trace_id, s.span_id FROM ${reader.database}.spans AS s WHERE ${where})`;
  const perService = `sumMap([${SERVICE_NAME}], [toUInt32(1)], [${IS_ERROR}])`;
  const rows = await reader.rows<Row>(
    `SELECT id, start, end, spans, errors, orphans, root_service, root_action, services.1, services.2, services.3 FROM
    (SELECT toString(s.trace_id) AS id, toString(toUnixTimestamp64Nano(min(s.start_time))) AS start,
      toString(max(${END_NANO})) AS end, count() AS spans, sum(${IS_ERROR}) AS errors,
      countIf(${isOrphan}) AS orphans,
      ${ofRoot(SERVICE_NAME)} AS root_service, ${ROOT_ACTION} AS root_action,
      ${perService} AS services
    FROM ${latestSpans(reader.database, where)} GROUP BY s.trace_id)`,
  );
  const found = new Map(rows.map((row) => [row[0], toSummary(row)]));
  return traceIds.flatMap((id) => found.get(id) ?? []);
}

function toSummary([
  id,
  start,
  end,
  spans,
  errors,
  orphans,
  rootService,
  rootAction,
  names,
  counts,
  failed,
]: Row): TraceSummary {
  return {
    traceId: id.replaceAll('-', ''),
    rootServiceName: rootService,
    rootOperationName: rootAction,
    minStartTimeUnixNano: start,
    maxEndTimeUnixNano: end,
    spanCount: spans,
    errorSpanCount: errors,
    orphanSpanCount: orphans,
    services: names.map((name, i) => ({ name, spanCount: counts[i] ?? 0, errorSpanCount: failed[i] ?? 0 })),
  };
}
