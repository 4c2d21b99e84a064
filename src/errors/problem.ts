import { errorTable } from './table.js';
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
  if (known?.errors !== undefined) problem.errors = known.errors;
  if (known?.extensions !== undefined) Object.assign(problem, known.extensions);
  return problem;
}
