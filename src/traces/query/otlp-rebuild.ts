import { flatText, type OtlpKeyValue } from '../../protocol/index.js';
import { forEachElement, forEachMember } from './json-members.js';
import type { OtelRow } from './span-row.js';

/** In `otel_shape`: the shape is in the payload, because it is longer than what a column of few values should hold. */
const LONG_SHAPE = '*';

/** What the column `otel_shape` says; its form is told in native/hot/otlp_span.h. */
interface Shape {
  readonly kind: string;
  readonly code: string;
  /** The message of the status is the one in the column `error`. */
  readonly isErrorMessage: boolean;
  readonly flags: string;
  readonly droppedAttributes: string;
  readonly droppedEvents: string;
  readonly droppedLinks: string;
  /** One letter an attribute. */
  readonly types: string;
}

/**
 * The `metadata` of a span that came as OTLP, as JSON text: its attributes as tags, and everything that MPLP has no place
 * for in OTLP/JSON spelling. `payload` is the column `metadata`, `error` the column of that name.
 */
export function rebuildOtlpMetadata(row: OtelRow, payload: string, error: string): string {
  const kept = readPayload(payload);
  const shape = readShape(row.shape === LONG_SHAPE ? (JSON.parse(kept.shape ?? '""') as string) : row.shape);
  const tags = new Map<string, string>();
  const attributes: string[] = [];
  let tag = 0;
  let keptAttribute = 0;
  for (const type of shape.types) {
    if (type === 'L') {
      const text = kept.attributes[keptAttribute++] ?? '{}';
      const { key = '', value } = JSON.parse(text) as OtlpKeyValue;
      if (!tags.has(key)) tags.set(key, flatText(value));
      attributes.push(text);
      continue;
    }
    const key = row.tagKeys[tag] ?? '';
    const text = row.tagValues[tag] ?? '';
    tag += 1;
    if (!tags.has(key)) tags.set(key, text);
    // With `+`, the service's name stands behind the attributes.
    if (type === '+') continue;
    attributes.push(
      type === 'A' ? (kept.attributes[keptAttribute++] ?? '{}') : keyValue(key, valueText(type, text)),
    );
  }
  const tagMembers = [...tags].map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
  return `{"tags":{${tagMembers.join(',')}},"otel":${rebuildOtel(row, shape, kept, attributes, error)}}`;
}

function rebuildOtel(
  row: OtelRow,
  shape: Shape,
  kept: Payload,
  attributes: readonly string[],
  error: string,
): string {
  const message = shape.isErrorMessage ? error.slice('{"message":'.length, -1) : kept.message;
  const status = object([
    ['code', number(shape.code)],
    ['message', message],
  ]);
  return object([
    ['resource', row.resource === '' ? undefined : row.resource],
    ['scope', row.scope === '' ? undefined : row.scope],
    ['kind', number(shape.kind)],
    ['traceState', kept.traceState],
    ['flags', number(shape.flags)],
    ['attributes', attributes.length === 0 ? undefined : `[${attributes.join(',')}]`],
    ['droppedAttributesCount', number(shape.droppedAttributes)],
    ['events', kept.events],
    ['droppedEventsCount', number(shape.droppedEvents)],
    ['links', kept.links],
    ['droppedLinksCount', number(shape.droppedLinks)],
    ['status', status === '{}' ? undefined : status],
  ]);
}

function readShape(text: string): Shape {
  const [kind = '0', code = '0', flags = '0', ...rest] = text.split('.');
  const [droppedAttributes = '0', droppedEvents = '0', droppedLinks = '0', types = ''] = rest;
  const isErrorMessage = code.endsWith('m');
  return {
    kind,
    code: isErrorMessage ? code.slice(0, -1) : code,
    isErrorMessage,
    flags,
    droppedAttributes,
    droppedEvents,
    droppedLinks,
    types,
  };
}

/** Raw JSON texts of the payload's members. */
interface Payload {
  attributes: string[];
  traceState?: string;
  events?: string;
  links?: string;
  message?: string;
  shape?: string;
}

function readPayload(text: string): Payload {
  const payload: Payload = { attributes: [] };
  if (text === '') return payload;
  forEachMember(text, (key, value) => {
    const name = JSON.parse(key) as keyof Payload;
    if (name === 'attributes') forEachElement(value, (element) => payload.attributes.push(element));
    else payload[name] = value;
  });
  return payload;
}

function keyValue(key: string, value: string | undefined): string {
  return object([
    ['key', key === '' ? undefined : JSON.stringify(key)],
    ['value', value],
  ]);
}

/** The AnyValue of a tag's text; `undefined` where the attribute had none. */
function valueText(type: string, text: string): string | undefined {
  switch (type) {
    case 's':
      return `{"stringValue":${JSON.stringify(text)}}`;
    case 'i':
      return `{"intValue":"${text}"}`;
    case 'b':
      return `{"boolValue":${text}}`;
    case 'd':
      return `{"doubleValue":${/[Ia]/.test(text) ? JSON.stringify(text) : text}}`;
    case 'x':
      return `{"bytesValue":"${text}"}`;
    case 'e':
      return '{}';
    default:
      return undefined;
  }
}

function number(text: string): string | undefined {
  return text === '0' ? undefined : text;
}

function object(members: readonly (readonly [name: string, value: string | undefined])[]): string {
  const texts = members.flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `{${texts.join(',')}}`;
}
