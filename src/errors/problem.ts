import { errorTable, type ErrorCode } from './table.js';
import { MplpError, type FieldError } from './mplp-error.js';

/** An `application/problem+json` document (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  trace_id: string;
  errors?: readonly FieldError[];
  [extension: string]: unknown;
}

/** Statuses that say that the input is at fault: their problems always list what is. */
const BAD_INPUT: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** The fault when nobody knows a better place than the whole input. `…_TRACES_EMPTY` has the keyword `empty`. */
function faultOfWhole(detail: string, code: ErrorCode): FieldError {
  const words = code.toLowerCase().split('_').slice(3);
  const keyword = words.join('_').replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return { pointer: '', keyword, message: detail };
}

/**
 * Turns whatever was thrown into a problem document. Only an `MplpError` may speak to the outside: the text
 * of any other error can hold paths, SQL or secrets, so it is replaced by the general sentence.
 */
export function toProblem(error: unknown, instance: string, traceId: string): Problem {
  const known = error instanceof MplpError ? error : undefined;
  const code = known?.code ?? 'MPLP_ERR_HTTP_INTERNAL';
  const kind = errorTable[code];
  const problem: Problem = {
    type: `https://mplp.dev/errors/${code}`,
    title: kind.title,
    status: kind.status,
    detail: known?.message ?? 'The engine failed while handling the request. Its log has the cause.',
    instance,
    trace_id: traceId,
  };
  const errors =
    known?.errors ?? (BAD_INPUT.has(kind.status) ? [faultOfWhole(problem.detail, code)] : undefined);
  if (errors !== undefined) problem.errors = errors;
  if (known?.extensions !== undefined) Object.assign(problem, known.extensions);
  return problem;
}
