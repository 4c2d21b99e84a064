import type { OtlpForm } from './content-type.js';
import type { PartialSuccess } from './export-outcome.js';
import { createProtobufWriter } from './protobuf-writer.js';

/**
 * `ExportTraceServiceResponse`. Empty when all spans were taken: the specification wants `partial_success` unset then.
 * JSON has the count as text, as 64-bit integers are written in OTLP/JSON.
 */
export function encodeExportResponse(
  form: OtlpForm,
  partial: PartialSuccess | undefined,
): string | Uint8Array {
  if (form === 'otlp-json') {
    if (partial === undefined) return '{}';
    const { rejectedSpans, errorMessage } = partial;
    return JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage } });
  }
  return encodeProtobufResponse(partial);
}

export function encodeProtobufResponse(partial: PartialSuccess | undefined): Buffer {
  if (partial === undefined) return Buffer.alloc(0);
  const message = createProtobufWriter()
    .integer(1, partial.rejectedSpans)
    .text(2, partial.errorMessage)
    .finish();
  return createProtobufWriter().bytes(1, message).finish();
}
