import { FIELD, rebuildMetadata, type SpanRow } from '../query/index.js';
import { jaegerId } from './ids.js';
import { isObject, stringTag, tagsOfAttributes, tagsOfJson, type KeyValue } from './key-values.js';
import { findOtel, otelKind, type OtelMetadata } from './otel-metadata.js';
import { logsOf, type Log } from './span-logs.js';
import { microOfNano, nanoOfColumn } from './span-times.js';

/** A span as Jaeger's JSON has it; the order of the members is Jaeger's too. */
export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly flags?: number;
  readonly operationName: string;
  readonly references: readonly Reference[];
  /** Microseconds since the epoch. */
  readonly startTime: number;
  /** Microseconds. */
  readonly duration: number;
  readonly tags: readonly KeyValue[];
  readonly logs: readonly Log[];
  readonly processID: string;
  readonly warnings: readonly string[] | null;
}

export interface Reference {
  readonly refType: 'CHILD_OF' | 'FOLLOWS_FROM';
  readonly traceID: string;
  readonly spanID: string;
}

export interface Process {
  readonly serviceName: string;
  readonly tags: readonly KeyValue[];
}

/** What of a trace its spans must know. */
export interface TraceContext {
  readonly hasSpan: (spanId: string) => boolean;
  /** The id of a process within the trace; equal processes have one id. */
  readonly processId: (process: Process) => string;
}

const FAILED: ReadonlySet<string> = new Set(['failure', 'timeout']);

/** The Jaeger span of a stored one. `service` is its name as the store knows it. */
export function toJaegerSpan(row: SpanRow, service: string, trace: TraceContext): JaegerSpan {
  const text = rebuildMetadata(row);
  const metadata: unknown = text === '' ? undefined : JSON.parse(text);
  const otel = findOtel(metadata);
  const startNano = nanoOfColumn(row.start_time);
  const startTime = microOfNano(startNano);
  const hasEnd = (row.fields & FIELD.end) !== 0;
  const flags = (otel?.flags ?? 0) & 0xff;
  const warnings: string[] = [];
  if (!hasEnd) warnings.push('the span has not ended; its duration is shown as 0');
  const references = referencesOf(row, otel, warnings);
  if ((row.fields & FIELD.parent) !== 0 && !trace.hasSpan(row.parent_span_id))
    warnings.push(`invalid parent span IDs=${jaegerId(row.parent_span_id)}; the parent is not stored`);
  return {
    traceID: jaegerId(row.trace_id),
    spanID: jaegerId(row.span_id),
    ...(flags === 0 ? {} : { flags }),
    operationName: row.action_name,
    references,
    startTime,
    duration: hasEnd ? microOfNano(nanoOfColumn(row.end_time) - startNano) : 0,
    tags: otel === undefined ? mplpTags(row, metadata) : otlpTags(row, otel),
    logs: logsOf(metadata, otel, startTime),
    processID: trace.processId(processOf(row, service, otel)),
    warnings: warnings.length === 0 ? null : warnings,
  };
}

function referencesOf(row: SpanRow, otel: OtelMetadata | undefined, warnings: string[]): Reference[] {
  const references: Reference[] = [];
  const traceID = jaegerId(row.trace_id);
  if ((row.fields & FIELD.parent) !== 0)
    references.push({ refType: 'CHILD_OF', traceID, spanID: jaegerId(row.parent_span_id) });
  for (const link of Array.isArray(otel?.links) ? (otel.links as unknown[]) : []) {
    if (!isObject(link) || typeof link['traceId'] !== 'string' || typeof link['spanId'] !== 'string')
      continue;
    if (isInvalidId(link['traceId']) || isInvalidId(link['spanId'])) {
      warnings.push(`invalid span link removed: trace ${link['traceId']}, span ${link['spanId']}`);
      continue;
    }
    const isChild = tagsOfAttributes(link['attributes']).some(
      ({ key, value }) => key === 'opentracing.ref_type' && value === 'child_of',
    );
    references.push({
      refType: isChild ? 'CHILD_OF' : 'FOLLOWS_FROM',
      traceID: link['traceId'].replace(/^0{16}(?=.{16}$)/, ''),
      spanID: link['spanId'],
    });
  }
  return references;
}

/** OpenTelemetry: an id of zeros only is invalid. */
function isInvalidId(digits: string): boolean {
  return /^0*$/.test(digits);
}

function mplpTags(row: SpanRow, metadata: unknown): KeyValue[] {
  const own = isObject(metadata) ? tagsOfJson(metadata['tags']) : [];
  const error: unknown = row.error === '' ? undefined : JSON.parse(row.error);
  const metrics: unknown = row.metrics === '' ? undefined : JSON.parse(row.metrics);
  const correlation = isObject(metadata) ? metadata['correlation_id'] : undefined;
  return withoutRepeats([
    ...own,
    stringTag('span.kind', row.action_type === 'invoke' ? 'client' : 'internal'),
    ...statusTags(row),
    ...tagsOfJson(error, 'error.'),
    ...tagsOfJson(metrics, 'metrics.'),
    ...engineTags(row),
    ...(typeof correlation === 'string' ? [stringTag('mplp.correlation_id', correlation)] : []),
  ]);
}

function otlpTags(row: SpanRow, otel: OtelMetadata): KeyValue[] {
  const kind = otelKind(otel);
  const { scope, status } = otel;
  const message = status?.message ?? '';
  // Kind and status are fields of their own in OTLP: an attribute of such a name does not hide them.
  const fields = [...(kind === '' ? [] : [stringTag('span.kind', kind)]), ...statusTags(row)];
  const isField = new Set(fields.map(({ key }) => key));
  return withoutRepeats([
    ...tagsOfAttributes(otel.attributes).filter(({ key }) => !isField.has(key)),
    ...(typeof scope?.name === 'string' ? [stringTag('otel.scope.name', scope.name)] : []),
    ...(typeof scope?.version === 'string' ? [stringTag('otel.scope.version', scope.version)] : []),
    ...tagsOfAttributes(scope?.attributes),
    ...fields,
    ...(message === '' ? [] : [stringTag('otel.status_description', message)]),
    ...(otel.traceState === undefined || otel.traceState === ''
      ? []
      : [stringTag('w3c.tracestate', otel.traceState)]),
    ...engineTags(row),
  ]);
}

function statusTags({ status }: SpanRow): KeyValue[] {
  if (FAILED.has(status))
    return [stringTag('otel.status_code', 'ERROR'), { key: 'error', type: 'bool', value: true }];
  return status === 'success' ? [stringTag('otel.status_code', 'OK')] : [];
}

/** What MPLP says of every span. */
function engineTags(row: SpanRow): KeyValue[] {
  return [
    stringTag('mplp.agent_id', row.agent_id),
    stringTag('mplp.context_id', row.context_id),
    stringTag('mplp.action_type', row.action_type),
    ...(row.status === 'unset' ? [] : [stringTag('mplp.status', row.status)]),
  ];
}

function processOf(row: SpanRow, serviceName: string, otel: OtelMetadata | undefined): Process {
  const tags =
    otel === undefined
      ? [stringTag('mplp.agent_id', row.agent_id)]
      : tagsOfAttributes(otel.resource?.attributes).filter(({ key }) => key !== 'service.name');
  return { serviceName, tags };
}

/** The first tag of each key: what the client said comes first. */
function withoutRepeats(tags: readonly KeyValue[]): KeyValue[] {
  const seen = new Set<string>();
  return tags.filter(({ key }) => !seen.has(key) && seen.add(key) !== undefined);
}
