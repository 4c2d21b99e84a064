import { clampNano, ERROR_STATUSES, findUuid, quoteString } from '../query/index.js';
import type { TraceSearch } from './parameters.js';
import { SERVICE_NAME, SPAN_KIND } from './service-name.js';

/** Conditions of a search on one row `s` of `spans`. */
export function searchConditions(search: TraceSearch): string[] {
  const conditions = search.tags.map(([key, value]) => tagCondition(key, value));
  if (search.service !== undefined) conditions.push(`${SERVICE_NAME} = ${quoteString(search.service)}`);
  if (search.operation !== undefined) conditions.push(`s.action_name = ${quoteString(search.operation)}`);
  if (search.startNano !== undefined) conditions.push(`s.start_time >= ${timeLiteral(search.startNano)}`);
  if (search.endNano !== undefined) conditions.push(`s.start_time <= ${timeLiteral(search.endNano)}`);
  if (search.minDurationNano !== undefined)
    conditions.push(`greatest(s.duration_ns, 0) >= ${search.minDurationNano}`);
  if (search.maxDurationNano !== undefined)
    conditions.push(`greatest(s.duration_ns, 0) <= ${search.maxDurationNano}`);
  return conditions;
}

export function timeLiteral(unixNano: bigint): string {
  return `fromUnixTimestamp64Nano(${clampNano(unixNano)}, 'UTC')`;
}

const NOTHING = '0';
/** What Go's ParseBool takes. */
const TRUE = /^(1|t|true)$/i;
const FALSE = /^(0|f|false)$/i;

/** Spans that show the tag: one of the client's, one that `span-json.ts` makes of a column, or one of the process. */
function tagCondition(key: string, value: string): string {
  const text = quoteString(value);
  const own = `(mapContains(s.tags, ${quoteString(key)}) AND s.tags[${quoteString(key)}] = ${text})`;
  const made = madeTagCondition(key, value, text) ?? resourceCondition(key, value, text);
  return made === undefined ? own : `(${own} OR ${made})`;
}

/**
 * An attribute of the resource of an OTLP span. There are few resources, and the search for the name is done once each;
 * only those that have it are read as JSON.
 */
function resourceCondition(key: string, value: string, text: string): string | undefined {
  if (value === '') return undefined;
  const any = [
    ...['stringValue', 'intValue'].map((kind) => `JSONExtractString(a, 'value', '${kind}')`),
    ...['boolValue', 'doubleValue'].map((kind) => `JSONExtractRaw(a, 'value', '${kind}')`),
  ]
    .map((found) => `${found} = ${text}`)
    .join(' OR ');
  return (
    `(position(s.otel_resource, ${quoteString(JSON.stringify(key))}) > 0 AND ` +
    `arrayExists(a -> JSONExtractString(a, 'key') = ${quoteString(key)} AND (${any}), JSONExtractArrayRaw(s.otel_resource, 'attributes')))`
  );
}

function madeTagCondition(key: string, value: string, text: string): string | undefined {
  switch (key) {
    case 'error':
      if (TRUE.test(value)) return `s.status IN ${ERROR_STATUSES}`;
      return FALSE.test(value) ? `s.status NOT IN ${ERROR_STATUSES}` : undefined;
    case 'otel.status_code':
      if (value === 'ERROR') return `s.status IN ${ERROR_STATUSES}`;
      return value === 'OK' ? `s.status = 'success'` : undefined;
    case 'otel.scope.name':
      return `JSONExtractString(s.otel_scope, 'name') = ${text}`;
    case 'otel.scope.version':
      return `JSONExtractString(s.otel_scope, 'version') = ${text}`;
    case 'span.kind':
      return `${SPAN_KIND} = ${quoteString(value.toLowerCase())}`;
    case 'mplp.status':
      return `toString(s.status) = ${text}`;
    case 'mplp.action_type':
      return `toString(s.action_type) = ${text}`;
    case 'mplp.agent_id':
      return idCondition('s.agent_id', value);
    case 'mplp.context_id':
      return idCondition('s.context_id', value);
  }
  if (key.startsWith('error.')) return memberCondition('s.error', key.slice('error.'.length), text);
  if (key.startsWith('metrics.')) return memberCondition('s.metrics', key.slice('metrics.'.length), text);
  return undefined;
}

function idCondition(column: string, value: string): string {
  const id = findUuid(value);
  return id === undefined ? NOTHING : `${column} = '${id}'`;
}

/** A member of a JSON text: strings by what they say, all else by how it is written. */
function memberCondition(column: string, member: string, text: string): string {
  const name = quoteString(member);
  return `(JSONHas(${column}, ${name}) AND if(JSONType(${column}, ${name}) = 'String', JSONExtractString(${column}, ${name}), JSONExtractRaw(${column}, ${name})) = ${text})`;
}
