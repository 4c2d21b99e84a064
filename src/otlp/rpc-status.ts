import type { OtlpForm } from './content-type.js';
import type { ExportFailure } from './failure.js';
import { createProtobufWriter } from './protobuf-writer.js';

const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/** `google.rpc.Status` with `BadRequest` and `RetryInfo` among its details, where they apply. */
export function encodeRpcStatus(form: OtlpForm | undefined, failure: ExportFailure): string | Uint8Array {
  return form === 'otlp-protobuf' ? encodeProtobufStatus(failure) : encodeJsonStatus(failure);
}

/** The same as bytes: what gRPC carries in `grpc-status-details-bin`. */
export function encodeProtobufStatus(failure: ExportFailure): Buffer {
  const status = createProtobufWriter().integer(1, failure.rpcCode).text(2, failure.message);
  const detail = (name: string, message: Uint8Array): void => {
    status.bytes(
      3,
      createProtobufWriter()
        .text(1, TYPE_PREFIX + name)
        .bytes(2, message)
        .finish(),
    );
  };
  if (failure.violations.length > 0) {
    const request = createProtobufWriter();
    for (const { pointer, message } of failure.violations)
      request.bytes(1, createProtobufWriter().text(1, pointer).text(2, message).finish());
    detail('BadRequest', request.finish());
  }
  if (failure.retryAfterSeconds !== undefined) {
    const delay = createProtobufWriter().integer(1, failure.retryAfterSeconds).finish();
    detail('RetryInfo', createProtobufWriter().bytes(1, delay).finish());
  }
  return status.finish();
}

function encodeJsonStatus(failure: ExportFailure): string {
  const details: object[] = [];
  if (failure.violations.length > 0) {
    details.push({
      '@type': `${TYPE_PREFIX}BadRequest`,
      fieldViolations: failure.violations.map(({ pointer, message }) => ({
        field: pointer,
        description: message,
      })),
    });
  }
  if (failure.retryAfterSeconds !== undefined)
    details.push({ '@type': `${TYPE_PREFIX}RetryInfo`, retryDelay: `${failure.retryAfterSeconds}s` });
  return JSON.stringify({
    code: failure.rpcCode,
    message: failure.message,
    ...(details.length > 0 && { details }),
  });
}
