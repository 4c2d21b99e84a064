import { MplpError, toProblem, type FieldError } from '../errors/index.js';
import type { SpanFault } from '../traces/intake/index.js';
import { nameFaults } from './export-outcome.js';

/** `google.rpc.Code`, which gRPC's status codes are. */
export const rpcCode = Object.freeze({
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
});

/** An error as an OTLP client understands it. */
export interface ExportFailure {
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly message: string;
  /** Seconds to wait before the same request is sent again; `undefined` when it must not be. */
  readonly retryAfterSeconds: number | undefined;
  /** What is wrong with the request, for `google.rpc.BadRequest`. */
  readonly violations: readonly FieldError[];
}

const codeOfStatus: Readonly<Record<number, number>> = {
  401: rpcCode.unauthenticated,
  403: rpcCode.permissionDenied,
  404: rpcCode.notFound,
  405: rpcCode.unimplemented,
  // Without RetryInfo an OTLP client does not send it again, and nothing else fits a message that is too large.
  413: rpcCode.resourceExhausted,
  429: rpcCode.resourceExhausted,
  503: rpcCode.unavailable,
};

/** The statuses after which an OTLP client may send again. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const DEFAULT_RETRY_SECONDS = 1;
const MAX_VIOLATIONS = 20;

/**
 * Sorts what was thrown into retryable or not, since an OTLP client decides by the code alone. What could succeed
 * later but has another code (a body that did not arrive in time, a failure of the engine itself) becomes 503: such a
 * client would throw the spans away on 408 and 500.
 */
export function failureOf(error: unknown): ExportFailure {
  const known = error instanceof MplpError ? error : undefined;
  const { status, detail } = toProblem(error, '', '');
  const isRetryable = known?.retryable ?? true;
  const httpStatus = isRetryable && !RETRYABLE.has(status) ? 503 : status;
  const faults = (known?.extensions?.['errors'] ?? []) as readonly SpanFault[];
  const rejected = (known?.extensions?.['rejected'] ?? 0) as number;
  return {
    httpStatus,
    rpcCode: codeOfStatus[httpStatus] ?? rpcCode.invalidArgument,
    message: faults.length === 0 ? detail : nameFaults(detail.replace(/\.$/, ''), faults, rejected),
    retryAfterSeconds: isRetryable
      ? Math.max(1, Math.ceil(known?.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS))
      : undefined,
    violations: [
      ...(known?.errors ?? []),
      ...faults.flatMap(({ index, errors }) =>
        errors.map((fault) => ({ ...fault, pointer: `span ${index}: ${fault.pointer}` })),
      ),
    ].slice(0, MAX_VIOLATIONS),
  };
}
