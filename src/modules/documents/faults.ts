import { MplpError, type FieldError } from '../../errors/index.js';

/** A 400 with one fault. */
export function invalid(pointer: string, keyword: string, message: string): MplpError {
  return invalidWith([{ pointer, keyword, message }]);
}

export function invalidWith(errors: readonly FieldError[]): MplpError {
  const [first] = errors;
  const subject = first === undefined || first.pointer === '' ? 'The document' : first.pointer;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new MplpError('MPLP_ERR_MODULES_INVALID', `${subject} ${first?.message ?? 'is not valid'}${more}.`, {
    errors,
  });
}

export function notFound(kind: string, id: string): MplpError {
  return new MplpError(
    'MPLP_ERR_MODULES_NOT_FOUND',
    `There is no ${kind} ${id.slice(0, 80)} in this project.`,
  );
}

/** The 412 says which version there is. */
export function stale(kind: string, id: string, version: number): MplpError {
  return new MplpError(
    'MPLP_ERR_HTTP_PRECONDITION_FAILED',
    `The ${kind} ${id} has version ${version} by now: read it, and send the change again with its ETag.`,
    { extensions: { version } },
  );
}

export function idTaken(kind: string, id: string): MplpError {
  return new MplpError('MPLP_ERR_MODULES_ID_TAKEN', `There is a ${kind} ${id} already.`);
}

/** A 409 that names what stands against a change. */
export function conflict(detail: string, extensions: Readonly<Record<string, unknown>> = {}): MplpError {
  return new MplpError('MPLP_ERR_MODULES_CONFLICT', detail, { extensions });
}
