import { existsSync, readdirSync, statSync } from 'node:fs';
import { makeBatch, type BatchSpan } from './batches.js';
import type { LoadClient } from './client.js';

export interface ClickHouseAddress {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
}

export interface Verdict {
  /** What contradicts the acknowledgement contract; empty when it was kept. */
  readonly problems: readonly string[];
  readonly sent: number;
  readonly acknowledged: number;
  readonly visible: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface OracleOptions {
  readonly client: LoadClient;
  readonly dataDir: string;
  readonly clickhouse: ClickHouseAddress;
  readonly metrics: string;
  /** Batches whose records a fault was made to damage or ClickHouse to refuse: they may be missing, whole. */
  readonly excused?: ReadonlySet<number>;
  readonly deadLetters?: number;
  readonly quarantined?: number;
}

export async function askClickHouse<T>(
  { url, username, password, database }: ClickHouseAddress,
  query: string,
): Promise<T[]> {
  const reply = await fetch(`${url}/?database=${database}`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-Key': password },
    body: `${query} FORMAT JSONEachRow`,
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`ClickHouse answered ${reply.status}: ${text}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/**
 * Judges a drained engine by the journal of its client: everything acknowledged is visible, everything visible
 * was sent, everything is there once, with its content; the views count what the tables hold; nothing is left over.
 */
export async function judge(options: OracleOptions): Promise<Verdict> {
  const { client, clickhouse, dataDir, excused = new Set<number>() } = options;
  const problems: string[] = [...client.complaints];
  const ask = <T>(query: string): Promise<T[]> => askClickHouse<T>(clickhouse, query);

  // span_payloads is a plain MergeTree: merges never hide a row that came twice.
  const payloads = await ask<{ seq: string; parameters: string }>(
    'SELECT toString(seq) AS seq, parameters FROM span_payloads',
  );
  const spans = await ask<{ span: string; seq: string }>(
    'SELECT toString(span_id) AS span, toString(seq) AS seq FROM spans',
  );
  const parametersOf = new Map(payloads.map(({ seq, parameters }) => [seq, parameters]));
  const seqsOf = new Map<string, Set<string>>();
  for (const { span, seq } of spans) seqsOf.set(span, (seqsOf.get(span) ?? new Set()).add(seq));
  const doubled = payloads.length - parametersOf.size + (spans.length - seqsOf.size);
  if (doubled > 0) problems.push(`${doubled} rows are there more than once`);
  if (payloads.length !== spans.length)
    problems.push(`${spans.length} spans but ${payloads.length} payloads`);

  const known = new Map<string, BatchSpan>();
  let lost = 0;
  for (const number of client.sent) {
    for (const span of makeBatch(client.plan, number).spans) {
      known.set(span.spanId, span);
      const seqs = seqsOf.get(span.spanId);
      if (seqs === undefined) {
        if (client.acknowledged.has(number) && !excused.has(number)) lost++;
        continue;
      }
      for (const seq of seqs) {
        if (parametersOf.get(seq) !== span.parameters)
          problems.push(`span ${span.spanId} came out other than it went in`);
      }
    }
  }
  if (lost > 0) problems.push(`${lost} acknowledged spans are lost`);
  for (const span of seqsOf.keys()) if (!known.has(span)) problems.push(`span ${span} was never sent`);

  const visible = [...seqsOf.keys()].map((span) => known.get(span)).filter((span) => span !== undefined);
  await recount(
    'trace_summaries',
    `SELECT toString(trace_id) AS key, sum(span_count) AS spans, sum(error_count) AS errors FROM trace_summaries GROUP BY trace_id`,
    ({ traceId }) => traceId,
  );
  await recount(
    'action_minutes',
    `SELECT concat(toString(agent_id), ' ', action_name, ' ', toString(toUnixTimestamp(minute))) AS key,
            sum(span_count) AS spans, sum(error_count) AS errors FROM action_minutes GROUP BY agent_id, action_name, minute`,
    ({ agentId, action, startMs }) => `${agentId} ${action} ${Math.floor(startMs / 60_000) * 60}`,
  );
  async function recount(table: string, query: string, keyOf: (span: BatchSpan) => string): Promise<void> {
    const expected = new Map<string, { spans: number; errors: number }>();
    for (const span of visible) {
      const entry = expected.get(keyOf(span)) ?? { spans: 0, errors: 0 };
      entry.spans++;
      if (span.status === 'failure' || span.status === 'timeout') entry.errors++;
      expected.set(keyOf(span), entry);
    }
    const rows = await ask<{ key: string; spans: string; errors: string }>(query);
    if (rows.length !== expected.size)
      problems.push(`${table} has ${rows.length} entries, not ${expected.size}`);
    for (const { key, spans: counted, errors } of rows) {
      const entry = expected.get(key);
      if (Number(counted) !== entry?.spans || Number(errors) !== entry.errors) {
        problems.push(
          `${table} counts ${counted} spans and ${errors} errors for ${key}, not ${entry?.spans} and ${entry?.errors}`,
        );
      }
    }
  }

  const [letters] = await ask<{ count: string }>('SELECT count() AS count FROM dead_letters FINAL');
  const deadLetters = Number(letters!.count) + countFiles(`${dataDir}/dead-letters`, /\.json$/);
  if (deadLetters !== (options.deadLetters ?? 0))
    problems.push(`${deadLetters} dead letters, not ${options.deadLetters ?? 0}`);
  const quarantined = countFiles(`${dataDir}/spool/quarantine`, /\.json$/);
  if (quarantined !== (options.quarantined ?? 0))
    problems.push(`${quarantined} quarantined records, not ${options.quarantined ?? 0}`);
  const left = listFiles(`${dataDir}/spool`).filter(
    (name) =>
      /\.(done|split)$/.test(name) ||
      (name.endsWith('.seg') && statSync(`${dataDir}/spool/${name}`).size > 0),
  );
  if (left.length > 0) problems.push(`the spool still holds ${left.join(', ')}`);
  for (const figure of ['mplp_spool_unstored_spans', 'mplp_spool_failed']) {
    if (!new RegExp(`^${figure} 0$`, 'm').test(options.metrics)) problems.push(`${figure} is not 0`);
  }
  return {
    problems,
    sent: client.sent.size * client.plan.spansPerBatch,
    acknowledged: client.acknowledged.size * client.plan.spansPerBatch,
    visible: seqsOf.size,
    lost,
    doubled,
  };
}

function listFiles(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function countFiles(directory: string, pattern: RegExp): number {
  return listFiles(directory).filter((name) => pattern.test(name)).length;
}
