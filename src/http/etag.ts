import { MplpError } from '../errors/index.js';
import type { HttpRequest } from './contract.js';
import { badRequest } from './protocol-exchange.js';

/** The tag of a row of state: its version. */
export function etagOfVersion(version: number): string {
  return `"${version}"`;
}

/**
 * The version that `If-Match` asks for; `undefined` when any will do.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST; MPLP_ERR_HTTP_PRECONDITION_FAILED for tags that no version has
 */
export function readIfMatch(request: HttpRequest): number | undefined {
  const text = request.header('if-match').trim();
  if (text === '' || text === '*') return undefined;
  const tags = text.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => /^(?:W\/)?"[^"]*"$/.test(tag)))
    throw badRequest('If-Match', 'format', 'must be the ETag of an earlier answer, such as "3"');
  if (tags.length > 1) throw badRequest('If-Match', 'format', 'must be one ETag');
  // Weak tags never match (RFC 9110, 13.1.1).
  const version = Number(/^"(\d{1,15})"$/.exec(text)?.[1]);
  if (Number.isSafeInteger(version)) return version;
  throw preconditionFailed(`${text} is no version of this resource.`);
}

export function preconditionFailed(detail: string): MplpError {
  return new MplpError('MPLP_ERR_HTTP_PRECONDITION_FAILED', detail);
}
