import protobuf from 'protobufjs';

/**
 * OTLP's messages by a way of our own: the .proto text of opentelemetry-proto 1.x and of google/rpc, as far as the
 * tests need it, read and written by protobufjs.
 */
const text = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ExportTraceServiceResponse { ExportTracePartialSuccess partial_success = 1; }
message ExportTracePartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message InstrumentationScope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message RpcStatus { int32 code = 1; string message = 2; repeated Any details = 3; }
message Any { string type_url = 1; bytes value = 2; }
message BadRequest { repeated FieldViolation field_violations = 1; }
message FieldViolation { string field = 1; string description = 2; }
message RetryInfo { Duration retry_delay = 1; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
`;

const { root } = protobuf.parse(text);
const shape = { longs: Number, arrays: false, defaults: false } as const;

function decode<T>(type: string, bytes: Uint8Array): T {
  const known = root.lookupType(type);
  return known.toObject(known.decode(bytes), shape) as T;
}

/** A span with the names of protobufjs; times are nanoseconds since the epoch as decimal text. */
export interface ProtoSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly {
    readonly key: string;
    readonly value: Readonly<Record<string, unknown>>;
  }[];
  readonly status?: { readonly code: number; readonly message?: string };
}

export function encodeExportRequest(spans: readonly ProtoSpan[], serviceName = 'shop'): Uint8Array {
  const type = root.lookupType('ExportTraceServiceRequest');
  const attributes = [{ key: 'service.name', value: { stringValue: serviceName } }];
  const request = {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: 'tests' }, spans }] }],
  };
  return type.encode(type.fromObject(request)).finish();
}

/** A span as `decodeExportRequest` gives it. */
export interface ReadSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: string };
  }[];
  readonly status?: { readonly code: number; readonly message: string };
}

/** The spans of a request, each with the service that its resource names. */
export function decodeExportRequest(bytes: Uint8Array): { span: ReadSpan; service: string }[] {
  const type = root.lookupType('ExportTraceServiceRequest');
  const request = type.toObject(type.decode(bytes), { longs: String, defaults: false }) as {
    resourceSpans: {
      resource: { attributes: ReadSpan['attributes'] };
      scopeSpans: { spans: ReadSpan[] }[];
    }[];
  };
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ span, service })));
  });
}

export interface ExportResponse {
  readonly partialSuccess?: { readonly rejectedSpans?: number; readonly errorMessage?: string };
}

export const decodeExportResponse = (bytes: Uint8Array): ExportResponse =>
  decode<ExportResponse>('ExportTraceServiceResponse', bytes);

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly retryDelaySeconds: number | undefined;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

/** `google.rpc.Status`, with the details that OTLP knows taken out of their `Any`. */
export function decodeRpcStatus(bytes: Uint8Array): RpcStatus {
  const status = decode<{
    code: number;
    message: string;
    details?: { typeUrl: string; value: Uint8Array }[];
  }>('RpcStatus', bytes);
  const find = <T>(name: string): T | undefined => {
    const detail = status.details?.find(
      ({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`,
    );
    return detail && decode<T>(name, detail.value);
  };
  return {
    code: status.code,
    message: status.message,
    retryDelaySeconds: find<{ retryDelay: { seconds: number } }>('RetryInfo')?.retryDelay.seconds,
    violations:
      find<{ fieldViolations: { field: string; description: string }[] }>('BadRequest')?.fieldViolations ??
      [],
  };
}
