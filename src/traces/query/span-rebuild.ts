import { forEachMember } from './json-members.js';
import { rebuildOtlpMetadata } from './otlp-rebuild.js';
import { endSpelling, FIELD, SPELLING_KEPT, startSpelling, type SpanRow } from './span-row.js';

/** Members that the tree view adds to a span; a client's own members of these names give way there. */
const TREE_MEMBERS: ReadonlySet<string> = new Set(['children', 'orphan', 'cycle', 'continued']);

export interface RebuildOptions {
  /** Leave out what is kept apart: `action.parameters`, `action.duration`, `result.output`, `metadata`, unknown members. */
  readonly narrow?: boolean;
  /** JSON members (`"orphan":true`), or '', to add to the span; its own members of the names the tree view uses are dropped. */
  readonly treeMembers?: string;
}

/**
 * The JSON text of a stored span. JSON-equal to what the client sent, spelling of numbers included, except that the
 * engine's `id` is there when the client sent none. Payloads are copied as text and never parsed.
 */
export function rebuildSpan(row: SpanRow, options: RebuildOptions = {}): string {
  const narrow = options.narrow === true;
  const extra = readExtra(row.extra);
  const has = (bit: number) => (row.fields & bit) !== 0;
  let text = `{"id":"${row.id}","trace_id":"${row.trace_id}","span_id":"${row.span_id}"`;
  if (has(FIELD.parent)) text += `,"parent_span_id":"${row.parent_span_id}"`;
  text += `,"context_id":"${row.context_id}","agent_id":"${row.agent_id}"`;

  text += `,"action":{"name":${JSON.stringify(row.action_name)},"type":"${row.action_type}"`;
  if (has(FIELD.parameters) && !narrow) text += `,"parameters":${row.parameters}`;
  if (has(FIELD.duration) && !narrow) text += `,"duration":${JSON.stringify(row.action_duration)}`;
  if (!narrow) text += inside(extra?.action);

  text += `},"timestamp":{"start":${time(row.start_time, startSpelling(row.fields), extra?.start)}`;
  if (has(FIELD.end)) text += `,"end":${time(row.end_time, endSpelling(row.fields), extra?.end)}`;
  if (!narrow) text += inside(extra?.timestamp);
  text += '}';

  if (has(FIELD.result)) text += `,"result":${rebuildResult(row, narrow, extra?.result)}`;
  if (has(FIELD.metadata) && !narrow) {
    text += `,"metadata":${rebuildMetadata(row)}`;
  }
  if (extra?.span !== undefined && !narrow)
    text += options.treeMembers === undefined ? inside(extra.span) : insideWithout(extra.span, TREE_MEMBERS);
  if (options.treeMembers !== undefined && options.treeMembers !== '') text += `,${options.treeMembers}`;
  return `${text}}`;
}

/** The JSON text of `metadata`; '' when the span has none. */
export function rebuildMetadata({ otel, metadata, error }: SpanRow): string {
  return otel === undefined ? metadata : rebuildOtlpMetadata(otel, metadata, error);
}

function rebuildResult(row: SpanRow, narrow: boolean, unknown: string | undefined): string {
  const members: string[] = [];
  if ((row.fields & FIELD.status) !== 0) members.push(`"status":"${row.status}"`);
  if ((row.fields & FIELD.output) !== 0 && !narrow) members.push(`"output":${row.output}`);
  if ((row.fields & FIELD.error) !== 0) members.push(`"error":${row.error}`);
  if ((row.fields & FIELD.metrics) !== 0) members.push(`"metrics":${row.metrics}`);
  const rest = narrow ? '' : inside(unknown);
  if (rest !== '') members.push(rest.slice(1));
  return `{${members.join(',')}}`;
}

/** Raw JSON texts of the members of `extra`. */
interface Extra {
  span?: string;
  action?: string;
  timestamp?: string;
  result?: string;
  start?: string;
  end?: string;
}

const EXTRA_MEMBERS: Readonly<Record<string, keyof Extra>> = {
  '""': 'span',
  '"action"': 'action',
  '"timestamp"': 'timestamp',
  '"result"': 'result',
  '"start"': 'start',
  '"end"': 'end',
};

function readExtra(text: string): Extra | undefined {
  if (text === '') return undefined;
  const extra: Extra = {};
  forEachMember(text, (key, value) => {
    const member = EXTRA_MEMBERS[key];
    if (member !== undefined) extra[member] = value;
  });
  return extra;
}

/** `,"a":1,"b":2` for `{"a":1,"b":2}`, and '' for an empty object or none. */
function inside(object: string | undefined): string {
  if (object === undefined) return '';
  const members = object.slice(1, -1).trim();
  return members === '' ? '' : `,${members}`;
}

function insideWithout(object: string, keys: ReadonlySet<string>): string {
  let text = '';
  forEachMember(object, (key, value) => {
    if (!keys.has(JSON.parse(key) as string)) text += `,${key}:${value}`;
  });
  return text;
}

/** `column` is `YYYY-MM-DD hh:mm:ss.nnnnnnnnn`; `digits` of the fraction were sent, or the text was kept. */
function time(column: string, digits: number, kept: string | undefined): string {
  if (digits === SPELLING_KEPT && kept !== undefined) return kept;
  const fraction = digits === 0 ? '' : `.${column.slice(20, 20 + Math.min(digits, 9))}`;
  return `"${column.slice(0, 10)}T${column.slice(11, 19)}${fraction}Z"`;
}
