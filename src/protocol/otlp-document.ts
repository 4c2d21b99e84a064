/**
 * OpenTelemetry spans as OTLP/JSON spells them: lowerCamelCase names, ids in lower-case hex, integers of 64 bits as
 * strings, enums as integers, members with their default left out. Both readers (protobuf and JSON) make these.
 */

export type OtlpAnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly arrayValue: { readonly values?: readonly OtlpAnyValue[] } }
  | { readonly kvlistValue: { readonly values?: readonly OtlpKeyValue[] } }
  /** Base64. */
  | { readonly bytesValue: string }
  | Readonly<Record<string, never>>;

export interface OtlpKeyValue {
  key?: string;
  value?: OtlpAnyValue;
}

export interface OtlpEntityReference {
  schemaUrl?: string;
  type?: string;
  idKeys?: string[];
  descriptionKeys?: string[];
}

export interface OtlpResource {
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  entityRefs?: OtlpEntityReference[];
  /** Of the `ResourceSpans` around it. */
  schemaUrl?: string;
}

export interface OtlpScope {
  name?: string;
  version?: string;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  /** Of the `ScopeSpans` around it. */
  schemaUrl?: string;
}

export interface OtlpEvent {
  timeUnixNano?: string;
  name?: string;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
}

export interface OtlpLink {
  traceId?: string;
  spanId?: string;
  traceState?: string;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  flags?: number;
}

export interface OtlpStatus {
  message?: string;
  code?: number;
}

export interface OtlpSpan {
  traceId?: string;
  spanId?: string;
  traceState?: string;
  parentSpanId?: string;
  name?: string;
  kind?: number;
  startTimeUnixNano?: string;
  endTimeUnixNano?: string;
  attributes?: OtlpKeyValue[];
  droppedAttributesCount?: number;
  events?: OtlpEvent[];
  droppedEventsCount?: number;
  links?: OtlpLink[];
  droppedLinksCount?: number;
  status?: OtlpStatus;
  flags?: number;
}

/** Levels of values within values; the value of an attribute is the first. */
export const MAX_VALUE_DEPTH = 64;
/** Bytes of the body that a resource, a scope or a schema URL may take. */
export const MAX_CONTEXT_BYTES = 64 * 1024;
