import { MplpError } from '../../errors/index.js';
import { latestSpans, quoteString, uuidList, type ClickHouseReader } from '../query/index.js';
import type { TraceSearch } from './parameters.js';
import { searchConditions, timeLiteral } from './span-conditions.js';
import { SIZE_COLUMNS, type TraceSize } from './trace-json.js';

/** Traces looked at in one step, newest first; beyond these steps all spans are asked which traces can fit. */
const BATCHES = [128, 512, 2048];
const MAX_SCANS = 3;
/** A service of more agents than this is found by the scan alone. */
const MAX_AGENTS = 10_000;
const NIL = '00000000-0000-0000-0000-000000000000';

interface FoundTrace extends TraceSize {
  readonly startNano: bigint;
}

/** A row of `trace_index`: where in time an insert saw the trace. */
type Candidate = readonly [startNano: string, traceId: string];

/**
 * The newest traces with a span that fits, newest start first. Candidates come from `trace_index` in order of time and are
 * checked exactly, which ends soon when many traces fit. When few do, one scan over the spans of the time range names
 * the rest; it sees replaced revisions too, so what it finds is checked as well.
 */
export async function searchTraces(
  reader: ClickHouseReader,
  projectId: string,
  search: TraceSearch,
): Promise<TraceSize[]> {
  const agents = await agentsOf(reader, projectId, search);
  if (agents?.length === 0) return [];
  const found = new Map<string, FoundTrace>();
  const seen = new Set<string>();
  const check = async (ids: readonly string[]): Promise<void> => {
    const fresh = ids.filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    for (const trace of await checkTraces(reader, projectId, fresh, search)) found.set(trace.traceId, trace);
  };
  const isComplete = (agents === undefined || agents.length <= MAX_AGENTS) && (await followIndex());
  for (let scan = 0; !isComplete && scan < MAX_SCANS && found.size < search.limit; scan++) {
    const wanted = search.limit - found.size + 64;
    const ids = await scanSpans(reader, projectId, search, agents, [...seen], wanted);
    await check(ids);
    if (ids.length < wanted) break;
  }
  return [...found.values()]
    .sort((a, b) => (a.startNano < b.startNano ? 1 : a.startNano > b.startNano ? -1 : 0))
    .slice(0, search.limit);

  /** True when the index has told all: nothing is left that could fit. */
  async function followIndex(): Promise<boolean> {
    let after: Candidate | undefined;
    for (const batch of BATCHES) {
      const size = Math.max(batch, search.limit);
      const candidates = await readCandidates(reader, projectId, search, agents, after, size);
      await check([...new Set(candidates.map(([, traceId]) => traceId))]);
      if (found.size >= search.limit) return true;
      // Without a lower bound every trace of the service is in the index; with one, a trace that began before it can fit.
      if (candidates.length < size) return search.startNano === undefined;
      after = candidates.at(-1);
    }
    return false;
  }
}

/** The agents behind service and operation, as the small table knows them; `undefined` when the search names neither. */
async function agentsOf(
  reader: ClickHouseReader,
  projectId: string,
  search: TraceSearch,
): Promise<string[] | undefined> {
  if (search.service === undefined && search.operation === undefined) return undefined;
  const conditions = [`project_id = ${quoteString(projectId)}`];
  if (search.service !== undefined) conditions.push(`service_name = ${quoteString(search.service)}`);
  if (search.operation !== undefined) conditions.push(`operation = ${quoteString(search.operation)}`);
  const rows = await reader.rows<[string]>(
    `SELECT DISTINCT toString(agent_id) FROM ${reader.database}.service_operations
    WHERE ${conditions.join(' AND ')} LIMIT ${MAX_AGENTS + 1}`,
  );
  return rows.map(([agent]) => agent);
}

function readCandidates(
  reader: ClickHouseReader,
  projectId: string,
  search: TraceSearch,
  agents: readonly string[] | undefined,
  after: Candidate | undefined,
  limit: number,
): Promise<Candidate[]> {
  // One value is equal to a constant, so that the table is read in its order and no further than needed.
  const values = agents ?? [NIL];
  const value = values.length === 1 ? `value = '${values[0]}'` : `value IN ${uuidList(values)}`;
  const dimension = `dimension = '${agents === undefined ? 'all' : 'agent'}'`;
  const conditions = [`project_id = ${quoteString(projectId)}`, dimension, value];
  if (search.startNano !== undefined) conditions.push(`start_time >= ${timeLiteral(search.startNano)}`);
  if (search.endNano !== undefined) conditions.push(`start_time <= ${timeLiteral(search.endNano)}`);
  if (after !== undefined) {
    const start = timeLiteral(BigInt(after[0]));
    conditions.push(`start_time <= ${start}`, `(start_time, trace_id) < (${start}, toUUID('${after[1]}'))`);
  }
  return reader.rows<Candidate>(
    `SELECT toString(toUnixTimestamp64Nano(start_time)), toString(trace_id) FROM ${reader.database}.trace_index
    WHERE ${conditions.join(' AND ')} ORDER BY start_time DESC, trace_id DESC LIMIT ${limit}`,
  );
}

/** Those of the traces that have a span which fits, by the latest revision of each span. */
async function checkTraces(
  reader: ClickHouseReader,
  projectId: string,
  ids: readonly string[],
  search: TraceSearch,
): Promise<FoundTrace[]> {
  if (ids.length === 0) return [];
  const where = `s.project_id = ${quoteString(projectId)} AND s.trace_id IN ${uuidList(ids)}`;
  const conditions = searchConditions(search);
  const rows = await reader.rows<[string, string, string, string]>(
    `SELECT toString(s.trace_id), toString(toUnixTimestamp64Nano(min(s.start_time))), ${SIZE_COLUMNS}
    FROM ${latestSpans(reader.database, where)} GROUP BY s.trace_id
    ${conditions.length === 0 ? '' : `HAVING countIf(${conditions.join(' AND ')}) > 0`}`,
  );
  return rows.map(([traceId, start, spans, bytes]) => ({
    traceId,
    startNano: BigInt(start),
    spans: Number(spans),
    payloadBytes: Number(bytes),
  }));
}

async function scanSpans(
  reader: ClickHouseReader,
  projectId: string,
  search: TraceSearch,
  agents: readonly string[] | undefined,
  seen: readonly string[],
  limit: number,
): Promise<string[]> {
  const conditions = [`s.project_id = ${quoteString(projectId)}`, ...searchConditions(search)];
  if (agents !== undefined && agents.length <= MAX_AGENTS)
    conditions.push(`s.agent_id IN ${uuidList(agents)}`);
  if (seen.length > 0) conditions.push(`s.trace_id NOT IN ${uuidList(seen)}`);
  try {
    const rows = await reader.rows<[string]>(
      `SELECT toString(s.trace_id) FROM ${reader.database}.spans AS s WHERE ${conditions.join(' AND ')}
      GROUP BY s.trace_id ORDER BY max(s.start_time) DESC LIMIT ${limit}`,
    );
    return rows.map(([traceId]) => traceId);
  } catch (error) {
    // More than one query may read: what the index gave is the answer, if it gave any.
    if (seen.length > 0 && error instanceof MplpError && error.code === 'MPLP_ERR_QUERY_LIMIT') return [];
    throw error;
  }
}
