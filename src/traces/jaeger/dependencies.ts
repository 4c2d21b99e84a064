import { quoteString, type ClickHouseReader } from '../query/index.js';
import type { DependencyWindow } from './parameters.js';
import { SERVICE_NAME } from './service-name.js';
import { timeLiteral } from './span-conditions.js';

export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

/** Spans of a window that are all joined; of more, the traces are sampled and the counts scaled up. */
const MAX_JOINED_SPANS = 2_000_000;
/** A parent may have started so long before the window. */
const PARENT_SLACK_MS = 24 * 3600 * 1000;

/** Calls from one service to another whose callee started in the window: child spans whose parent has another service. */
export async function listDependencies(
  reader: ClickHouseReader,
  projectId: string,
  { fromMs, toMs }: DependencyWindow,
): Promise<Dependency[]> {
  const project = `project_id = ${quoteString(projectId)}`;
  const start = timeLiteral(nano(fromMs));
  const end = timeLiteral(nano(toMs));
  const [count] = await reader.rows<[string]>(
    `SELECT toString(sum(span_count)) FROM ${reader.database}.action_minutes
    WHERE ${project} AND minute >= toStartOfMinute(${start}) AND minute <= ${end}`,
  );
  const share = Math.max(1, Math.ceil(Number(count?.[0] ?? 0) / MAX_JOINED_SPANS));
  const sample = share === 1 ? '' : ` AND cityHash64(s.trace_id) % ${share} = 0`;
  const spans = (conditions: string, columns: string): string =>
    `(SELECT s.trace_id AS trace_id, ${columns}, argMax(${SERVICE_NAME}, s.seq) AS service
    FROM ${reader.database}.spans AS s WHERE s.${project} AND ${conditions}${sample} GROUP BY s.trace_id, id)`;
  const children = spans(
    `bitTest(s.fields, 1) AND s.start_time >= ${start} AND s.start_time <= ${end}`,
    's.span_id AS id, argMax(s.parent_span_id, s.seq) AS parent_id',
  );
  const parents = spans(
    `s.start_time >= ${timeLiteral(nano(fromMs - PARENT_SLACK_MS))} AND s.start_time <= ${end}`,
    's.span_id AS id',
  );
  const rows = await reader.rows<[string, string, string]>(
    `SELECT p.service, c.service, toString(count() * ${share}) FROM ${children} AS c
    INNER JOIN ${parents} AS p ON p.trace_id = c.trace_id AND p.id = c.parent_id
    WHERE p.service != c.service GROUP BY p.service, c.service ORDER BY p.service, c.service`,
  );
  return rows.map(([parent, child, calls]) => ({ parent, child, callCount: Number(calls) }));
}

function nano(ms: number): bigint {
  return BigInt(Math.trunc(ms)) * 1_000_000n;
}
