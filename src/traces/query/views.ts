import { ID_COLUMN } from './id-column.js';
import { quoteString } from './sql-text.js';
import { sqlTokens } from './sql-tokens.js';

/** Names that a query of a user may read. Documented in docs/reference/sql-views.md. */
export const VIEW_NAMES = ['spans', 'span_details', 'traces', 'action_minutes'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

/** All tables with rows of projects; each has a column `project_id`. */
const PROJECT_TABLES = [
  'spans',
  'span_payloads',
  'trace_summaries',
  'trace_index',
  'action_minutes',
  'service_operations',
];

/** Errors in every count of the engine: spans that failed or timed out. */
export const ERROR_STATUSES = `('failure', 'timeout')`;

/** Nanoseconds since the epoch at which a span ended, or started when it has no end yet. */
export const END_NANO = 'toUnixTimestamp64Nano(s.start_time) + greatest(s.duration_ns, 0)';

/** An expression's value at the span without a parent, else at the earliest span. */
export function ofRoot(expression: string): string {
  return `argMin(${expression}, (bitTest(s.fields, 1), s.start_time, s.span_id))`;
}

export const ROOT_ACTION = ofRoot('s.action_name');

/**
 * The SELECT behind a view, bound to one project. Exact: `FINAL` keeps the latest revision of each span. Only
 * `action_minutes` counts arrivals, as its documentation says.
 */
export function viewSelect(view: ViewName, database: string, projectId: string): string {
  const project = `project_id = ${quoteString(projectId)}`;
  switch (view) {
    case 'spans':
      return `SELECT ${spanColumns(database)} FROM ${database}.spans AS s FINAL WHERE s.${project}`;
    case 'span_details':
      return (
        `SELECT ${spanColumns(database)}, p.parameters AS parameters, p.output AS output, p.metadata AS metadata, ` +
        `p.action_duration AS action_duration FROM ` +
        `(SELECT seq, parameters, output, metadata, action_duration FROM ${database}.span_payloads WHERE ${project}) AS p ` +
        `INNER JOIN (SELECT * FROM ${database}.spans FINAL WHERE ${project}) AS s ON p.seq = s.seq`
      );
    case 'traces':
      return (
        `SELECT s.trace_id AS trace_id, min(s.start_time) AS start_time, ` +
        `fromUnixTimestamp64Nano(max(${END_NANO}), 'UTC') AS end_time, ` +
        `(max(${END_NANO}) - toUnixTimestamp64Nano(min(s.start_time))) / 1e6 AS duration_ms, count() AS span_count, ` +
        `countIf(s.status IN ${ERROR_STATUSES}) AS error_count, ${ROOT_ACTION} AS root_action, ` +
        `arraySort(groupUniqArray(s.agent_id)) AS agents, arraySort(groupUniqArray(s.context_id)) AS contexts ` +
        `FROM ${database}.spans AS s FINAL WHERE s.${project} GROUP BY s.trace_id`
      );
    case 'action_minutes':
      return (
        `SELECT agent_id, action_name, minute, span_count, error_count, ${quantile(1, 'p50')}, ${quantile(2, 'p90')}, ` +
        `${quantile(3, 'p99')} FROM (SELECT m.agent_id AS agent_id, m.action_name AS action_name, m.minute AS minute, ` +
        `sum(m.span_count) AS span_count, sum(m.error_count) AS error_count, ` +
        `quantilesDDMerge(0.01, 0.5, 0.9, 0.99)(m.duration_ms) AS quantiles ` +
        `FROM ${database}.action_minutes AS m WHERE m.${project} GROUP BY agent_id, action_name, minute)`
      );
  }
}

/**
 * What the tokens of a row `s` cost in US dollars, by the prices of today; NULL without a model or a price for it. A
 * price counts for the model of that name and for its dated versions (`gpt-4o` for `gpt-4o-2024-08-06`), the longest
 * name first. Input tokens include the cached ones.
 */
function costColumn(database: string): string {
  const newest = `(SELECT max(version) FROM ${database}.model_prices)`;
  const prices =
    `(SELECT arrayReverseSort(p -> length(p.1), groupArray((model, input, output, cached))) ` +
    `FROM ${database}.model_prices FINAL WHERE version = ${newest})`;
  const price = `arrayFirst(p -> s.gen_ai_model = p.1 OR startsWith(s.gen_ai_model, concat(p.1, '-')), ${prices})`;
  const cached = 'least(s.cached_tokens, s.input_tokens)';
  const dollars = `((s.input_tokens - ${cached}) * price.2 + ${cached} * price.4 + s.output_tokens * price.3) / 1e6`;
  return `if(s.gen_ai_model = '' OR (${price} AS price).1 = '', NULL, ${dollars})`;
}

const OTEL_COLUMNS = [
  ...['service_name', 'gen_ai_model', 'gen_ai_provider', 'finish_reason', 'tool_name'],
  ...['input_tokens', 'output_tokens', 'cached_tokens', 'otel_resource', 'otel_scope'],
];

/** The columns of the views `spans` and `span_details` from a row `s` of the table. */
export function spanColumns(database: string): string {
  return `${SPAN_COLUMNS}, ${costColumn(database)} AS cost_usd`;
}

const SPAN_COLUMNS = [
  ...['trace_id', 'span_id'].map((name) => `s.${name} AS ${name}`),
  'if(bitTest(s.fields, 1), s.parent_span_id, NULL) AS parent_span_id',
  `${ID_COLUMN} AS id`,
  ...['context_id', 'agent_id', 'action_name', 'action_type', 'status', 'start_time'].map(
    (name) => `s.${name} AS ${name}`,
  ),
  'if(s.duration_ns >= 0, addNanoseconds(s.start_time, s.duration_ns), NULL) AS end_time',
  'if(s.duration_ns >= 0, s.duration_ns / 1e6, NULL) AS duration_ms',
  ...['error', 'metrics', 'tags', 'payload_bytes', 'received_at', ...OTEL_COLUMNS].map(
    (name) => `s.${name} AS ${name}`,
  ),
].join(', ');

function quantile(place: number, name: string): string {
  return `if(isNaN(quantiles[${place}]), NULL, quantiles[${place}]) AS ${name}`;
}

/**
 * Puts the views in front of a statement as common table expressions. `canonical` is a SELECT as the engine formats it;
 * only the views whose names occur in it are added. Nothing of the user's text is changed.
 */
export function withViews(canonical: string, database: string, projectId: string): string {
  const words = new Set(sqlTokens(canonical).map((token) => token.text));
  const used = VIEW_NAMES.filter((name) => words.has(name));
  const views = used.map((name) => `${name} AS (${viewSelect(name, database, projectId)})`).join(', ');
  if (views === '') return canonical;
  const own = /^WITH (RECURSIVE )?/.exec(canonical);
  if (own !== null) return `WITH ${own[1] ?? ''}${views}, ${canonical.slice(own[0].length)}`;
  if (/^SELECT\b/.test(canonical)) return `WITH ${views} ${canonical}`;
  return `WITH ${views} SELECT * FROM (${canonical})`;
}

/**
 * The second line of isolation, inside the engine: whatever a query manages to name, it reads only rows of its project
 * from the tables of spans, distributed or local. The value of ClickHouse's setting `additional_table_filters`.
 */
export function projectTableFilters(database: string, projectId: string): string {
  const condition = quoteString(`project_id = ${quoteString(projectId)}`);
  const entries = PROJECT_TABLES.flatMap((table) => [table, `${table}_local`]).map(
    (table) => `${quoteString(`${database}.${table}`)}: ${condition}`,
  );
  return `{${entries.join(', ')}}`;
}
