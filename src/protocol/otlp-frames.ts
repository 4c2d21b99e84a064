import type { OtlpForm } from './otlp-span-judge.js';
import { eachProtobufField } from './protobuf-fields.js';

/** Bytes [start, end) of a body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What stands around a span: its resource and scope, with their schema URLs. */
export interface SpanFrame {
  readonly resource: ByteRange | undefined;
  readonly scope: ByteRange | undefined;
  readonly resourceSchemaUrl: ByteRange | undefined;
  readonly scopeSchemaUrl: ByteRange | undefined;
  /** Of the `ScopeSpans`: spans in it have the same frame. */
  readonly around: ByteRange;
}

/** Finds the frame of the span at [start, end) in a body whose frame the native decoder has read. */
export function findSpanFrame(
  body: Uint8Array,
  length: number,
  form: OtlpForm,
  span: ByteRange,
): SpanFrame | undefined {
  return form === 'otlp-protobuf' ? findInProtobuf(body, length, span) : findInJson(body, length, span);
}

const holds = (outer: ByteRange, inner: ByteRange) => outer.start < inner.start && inner.end <= outer.end;

function findInProtobuf(body: Uint8Array, length: number, span: ByteRange): SpanFrame | undefined {
  interface Message {
    around: ByteRange;
    head: ByteRange | undefined;
    schemaUrl: ByteRange | undefined;
    inner: ByteRange | undefined;
  }
  const read = (around: ByteRange): Message => {
    const message: Message = { around, head: undefined, schemaUrl: undefined, inner: undefined };
    eachProtobufField(body, around.start, around.end, ({ tag, start, end }) => {
      if (tag === 0x0a) message.head = { start, end };
      else if (tag === 0x12 && holds({ start, end }, span)) message.inner = { start, end };
      else if (tag === 0x1a) message.schemaUrl = { start, end };
    });
    return message;
  };
  let around = undefined as ByteRange | undefined;
  eachProtobufField(body, 0, length, ({ tag, start, end }) => {
    if (tag === 0x0a && holds({ start, end }, span)) around = { start, end };
  });
  if (around === undefined) return undefined;
  const resourceSpans = read(around);
  if (resourceSpans.inner === undefined) return undefined;
  const scopeSpans = read(resourceSpans.inner);
  return {
    resource: resourceSpans.head,
    scope: scopeSpans.head,
    resourceSchemaUrl: resourceSpans.schemaUrl,
    scopeSchemaUrl: scopeSpans.schemaUrl,
    around: resourceSpans.inner,
  };
}

function findInJson(body: Uint8Array, length: number, span: ByteRange): SpanFrame | undefined {
  const request = readMembers(body, 0, length);
  const resourceSpans = elementAround(body, request, ['resourceSpans', 'resource_spans'], span);
  if (resourceSpans === undefined) return undefined;
  const outer = readMembers(body, resourceSpans.start, length);
  const scopeSpans = elementAround(body, outer, ['scopeSpans', 'scope_spans'], span);
  if (scopeSpans === undefined) return undefined;
  const inner = readMembers(body, scopeSpans.start, length);
  const url = (members: Map<string, ByteRange>) => members.get('schemaUrl') ?? members.get('schema_url');
  return {
    resource: outer.get('resource'),
    scope: inner.get('scope'),
    resourceSchemaUrl: url(outer),
    scopeSchemaUrl: url(inner),
    around: scopeSpans,
  };
}

function elementAround(
  body: Uint8Array,
  members: Map<string, ByteRange>,
  names: readonly string[],
  span: ByteRange,
): ByteRange | undefined {
  const list = names.map((name) => members.get(name)).find((range) => range !== undefined);
  if (list === undefined) return undefined;
  for (let at = list.start + 1; at < list.end; ) {
    const element = readValue(body, at, list.end);
    if (holds(element, span)) return element;
    at = skipSpace(body, element.end, list.end) + 1;
  }
  return undefined;
}

/** The members of the JSON object at or behind `at`, by name. The text is known to be valid. */
function readMembers(body: Uint8Array, at: number, end: number): Map<string, ByteRange> {
  const members = new Map<string, ByteRange>();
  at = skipSpace(body, at, end) + 1;
  while (at < end) {
    const key = readValue(body, at, end);
    if (body[key.start] !== 0x22) break;
    const value = readValue(body, skipSpace(body, key.end, end) + 1, end);
    members.set(JSON.parse(Buffer.from(body.subarray(key.start, key.end)).toString()) as string, value);
    at = skipSpace(body, value.end, end);
    if (body[at] !== 0x2c) break;
    at += 1;
  }
  return members;
}

function skipSpace(body: Uint8Array, at: number, end: number): number {
  while (at < end && [0x20, 0x0a, 0x0d, 0x09].includes(body[at] as number)) at += 1;
  return at;
}

/** The JSON value at or behind `at`. */
function readValue(body: Uint8Array, at: number, end: number): ByteRange {
  const start = skipSpace(body, at, end);
  let depth = 0;
  for (let i = start; i < end; i++) {
    const byte = body[i] as number;
    if (byte === 0x22) {
      for (i += 1; i < end && body[i] !== 0x22; i++) if (body[i] === 0x5c) i += 1;
      if (depth === 0) return { start, end: i + 1 };
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return { start, end: i };
      depth -= 1;
      if (depth === 0) return { start, end: i + 1 };
    } else if (depth === 0 && (byte === 0x2c || byte <= 0x20)) {
      return { start, end: i };
    }
  }
  return { start, end };
}
