import { message, type Field } from '../../support/protobuf-writer.js';

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface OtlpSpanSketch {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Attributes;
  readonly events?: readonly {
    readonly atMs: number;
    readonly name: string;
    readonly attributes?: Attributes;
  }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code: number; readonly message?: string };
  readonly traceState?: string;
}

/** An `ExportTraceServiceRequest` in protobuf: one resource, one scope. */
export function otlpRequest(resource: Attributes, spans: readonly OtlpSpanSketch[]): Buffer {
  const scope = message([1, 'bytes', 'test-scope'], [2, 'bytes', '1.0']);
  const scopeSpans = message([1, 'bytes', scope], ...spans.map((span): Field => [2, 'bytes', spanOf(span)]));
  const resourceSpans = message(
    [1, 'bytes', message(...attributesOf(1, resource))],
    [2, 'bytes', scopeSpans],
  );
  return message([1, 'bytes', resourceSpans]);
}

function spanOf(span: OtlpSpanSketch): Buffer {
  return message(
    [1, 'bytes', hex(span.traceId)],
    [2, 'bytes', hex(span.spanId)],
    ...(span.traceState === undefined ? [] : [[3, 'bytes', span.traceState] as Field]),
    ...(span.parentSpanId === undefined ? [] : [[4, 'bytes', hex(span.parentSpanId)] as Field]),
    [5, 'bytes', span.name],
    [6, 'varint', span.kind ?? 0],
    [7, 'fixed64', nano(span.startMs)],
    [8, 'fixed64', nano(span.endMs)],
    ...attributesOf(9, span.attributes ?? {}),
    ...(span.events ?? []).map((event): Field => [
      11,
      'bytes',
      message(
        [1, 'fixed64', nano(event.atMs)],
        [2, 'bytes', event.name],
        ...attributesOf(3, event.attributes ?? {}),
      ),
    ]),
    ...(span.links ?? []).map((link): Field => [
      13,
      'bytes',
      message([1, 'bytes', hex(link.traceId)], [2, 'bytes', hex(link.spanId)]),
    ]),
    ...(span.status === undefined
      ? []
      : [
          [
            15,
            'bytes',
            message([2, 'bytes', span.status.message ?? ''], [3, 'varint', span.status.code]),
          ] as Field,
        ]),
  );
}

function attributesOf(number: number, attributes: Attributes): Field[] {
  return Object.entries(attributes).map(([key, value]) => [
    number,
    'bytes',
    message([1, 'bytes', key], [2, 'bytes', message(valueOf(value))]),
  ]);
}

function valueOf(value: string | number | boolean): Field {
  if (typeof value === 'string') return [1, 'bytes', value];
  if (typeof value === 'boolean') return [2, 'varint', value ? 1 : 0];
  return Number.isInteger(value) ? [3, 'varint', value] : [4, 'double', value];
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}

function nano(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
