import { createHash } from 'node:crypto';
import { unixNanoToDateTime } from './date-time.js';
import type { OtlpAnyValue, OtlpKeyValue, OtlpResource, OtlpScope, OtlpSpan } from './otlp-document.js';
import type { FramedOtlpSpan } from './otlp-span-judge.js';

/** Namespace of the UUIDs (version 5) that stand for names of agents and contexts. */
export const NAME_NAMESPACE = '4d504c50-4f54-4c50-8000-6e616d657370';

const AGENT_NAMES = ['mplp.agent_id', 'gen_ai.agent.id'] as const;
const RESOURCE_AGENT_NAMES = ['service.instance.id', 'service.name'] as const;
const CONTEXT_NAMES = ['mplp.context_id', 'session.id', 'gen_ai.conversation.id'] as const;
const KIND_NAMES = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const ACTION_TYPES: ReadonlyMap<string, string> = new Map([
  ['chat', 'invoke'],
  ['text_completion', 'invoke'],
  ['generate_content', 'invoke'],
  ['embeddings', 'invoke'],
  ['retrieval', 'invoke'],
  ['create_agent', 'invoke'],
  ['invoke_agent', 'invoke'],
  ['execute_tool', 'execute'],
  ['invoke_workflow', 'execute'],
  ['evaluate', 'validate'],
]);

/** The UUID of a name of an agent or context; a UUID is its own, in lower case. */
export function nameId(name: string): string {
  if (UUID.test(name)) return name.toLowerCase();
  const digest = createHash('sha1')
    .update(Buffer.from(NAME_NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  digest[6] = ((digest[6] as number) & 0x0f) | 0x50;
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80;
  return dashed(digest.toString('hex').slice(0, 32));
}

/**
 * The MPLP span of an OpenTelemetry span, without the `id` that the engine derives: what
 * docs/reference/otlp.md says. The native decoder makes the same of it.
 */
export function otlpToSpan({ resource, scope, span }: FramedOtlpSpan): Record<string, unknown> {
  const traceId = dashed(span.traceId ?? '');
  const parent = /[1-9a-f]/.test(span.parentSpanId ?? '') ? span.parentSpanId : undefined;
  const result = resultOf(span);
  return {
    trace_id: traceId,
    span_id: spanUuid(span.spanId ?? ''),
    ...(parent !== undefined && { parent_span_id: spanUuid(parent) }),
    context_id: contextOf(resource, span) ?? traceId,
    agent_id: nameId(agentOf(resource, span)),
    action: {
      name: (span.name ?? '') === '' ? (KIND_NAMES[span.kind ?? 0] ?? 'unspecified') : span.name,
      type: actionType(span),
    },
    timestamp: {
      start: timeText(span.startTimeUnixNano ?? '0'),
      ...(span.endTimeUnixNano !== undefined && { end: timeText(span.endTimeUnixNano) }),
    },
    ...(Object.keys(result).length > 0 && { result }),
    metadata: { tags: tagsOf(resource, span), otel: otelOf(resource, scope, span) },
  };
}

/** An attribute's value as one text, as it stands among the tags. */
export function flatText(value: OtlpAnyValue | undefined): string {
  if (value === undefined) return '';
  if ('stringValue' in value) return value.stringValue;
  if ('boolValue' in value) return String(value.boolValue);
  if ('intValue' in value) return value.intValue;
  if ('doubleValue' in value) return numberText(value.doubleValue);
  if ('bytesValue' in value) return value.bytesValue;
  return 'arrayValue' in value || 'kvlistValue' in value ? plainJson(value) : '';
}

function plainJson(value: OtlpAnyValue | undefined): string {
  if (value === undefined) return 'null';
  if ('arrayValue' in value) return `[${(value.arrayValue.values ?? []).map(plainJson).join(',')}]`;
  if ('kvlistValue' in value) {
    const members = (value.kvlistValue.values ?? []).map(
      (pair) => `${JSON.stringify(pair.key ?? '')}:${plainJson(pair.value)}`,
    );
    return `{${members.join(',')}}`;
  }
  if ('stringValue' in value || 'bytesValue' in value) return JSON.stringify(flatText(value));
  if ('doubleValue' in value && typeof value.doubleValue === 'string')
    return JSON.stringify(value.doubleValue);
  return Object.keys(value).length === 0 ? 'null' : flatText(value);
}

/** As JavaScript writes numbers; a negative zero keeps its sign. */
function numberText(value: number | string): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

function tagsOf(resource: OtlpResource, span: OtlpSpan): Record<string, string> {
  const tags = new Map<string, string>();
  for (const { key = '', value } of span.attributes ?? []) if (!tags.has(key)) tags.set(key, flatText(value));
  const service = findText(resource.attributes, 'service.name');
  if (service !== undefined && !tags.has('service.name')) tags.set('service.name', service);
  return Object.fromEntries(tags);
}

function otelOf(resource: OtlpResource, scope: OtlpScope, span: OtlpSpan): Record<string, unknown> {
  const { kind, traceState, flags, attributes, events, links, status } = span;
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
  const members = {
    resource: Object.keys(resource).length > 0 ? resource : undefined,
    scope: Object.keys(scope).length > 0 ? scope : undefined,
    kind,
    traceState,
    flags,
    attributes,
    droppedAttributesCount,
    events,
    droppedEventsCount,
    links,
    droppedLinksCount,
    status,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function agentOf(resource: OtlpResource, span: OtlpSpan): string {
  for (const name of AGENT_NAMES) {
    const text = findText(span.attributes, name) ?? findText(resource.attributes, name);
    if (text !== undefined) return text;
  }
  for (const name of RESOURCE_AGENT_NAMES) {
    const text = findText(resource.attributes, name);
    if (text !== undefined) return text;
  }
  return 'unknown_service';
}

function contextOf(resource: OtlpResource, span: OtlpSpan): string | undefined {
  for (const name of CONTEXT_NAMES) {
    const text = findText(span.attributes, name) ?? findText(resource.attributes, name);
    if (text !== undefined) return nameId(text);
  }
  return undefined;
}

function actionType(span: OtlpSpan): string {
  const operation = findText(span.attributes, 'gen_ai.operation.name');
  const byOperation = operation === undefined ? undefined : ACTION_TYPES.get(operation);
  return byOperation ?? (span.kind === 3 || span.kind === 4 ? 'invoke' : 'execute');
}

function resultOf(span: OtlpSpan): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const { code = 0, message = '' } = span.status ?? {};
  if (code === 1) result['status'] = 'success';
  if (code === 2) {
    result['status'] = 'failure';
    const text = message !== '' ? message : exceptionMessage(span);
    if (text !== undefined) result['error'] = { message: text };
  }
  const usage = {
    input_tokens: findCount(span, 'gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'),
    output_tokens: findCount(span, 'gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'),
    cached_tokens: findCount(span, 'gen_ai.usage.cache_read.input_tokens'),
  };
  const metrics = Object.entries(usage).filter(([, count]) => count !== undefined);
  if (metrics.length > 0) result['metrics'] = Object.fromEntries(metrics);
  return result;
}

function exceptionMessage(span: OtlpSpan): string | undefined {
  for (const event of span.events ?? []) {
    if (event.name !== 'exception') continue;
    for (const { key, value } of event.attributes ?? [])
      if (key === 'exception.message' && value !== undefined && 'stringValue' in value && value.stringValue)
        return value.stringValue;
  }
  return undefined;
}

/** The first attribute of the name, when it is a text that is not empty. */
function findText(attributes: readonly OtlpKeyValue[] | undefined, name: string): string | undefined {
  const value = attributes?.find(({ key }) => key === name)?.value;
  const text = value !== undefined && 'stringValue' in value ? value.stringValue : '';
  return text === '' ? undefined : text;
}

function findCount(span: OtlpSpan, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = span.attributes?.find(({ key }) => key === name)?.value;
    if (value === undefined) continue;
    const count =
      'intValue' in value ? Number(value.intValue) : 'doubleValue' in value ? value.doubleValue : -1;
    if (typeof count !== 'number' || count < 0) continue;
    if ('intValue' in value || (Number.isInteger(count) && count <= 2 ** 53)) return Math.abs(count);
  }
  return undefined;
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function spanUuid(hex: string): string {
  return `00000000-0000-0000-${hex.slice(0, 4)}-${hex.slice(4)}`;
}

function timeText(unixNano: string): string {
  const nanos = BigInt(unixNano);
  const whole = unixNanoToDateTime(nanos - (nanos % 1_000_000_000n)) ?? '';
  return `${whole.slice(0, 19)}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
}
