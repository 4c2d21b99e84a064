import { MplpError } from '../errors/index.js';

/** Nobody changes a query. */
export const noQuery = new URLSearchParams();

/** Query parameters. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST when the escapes are broken or no UTF-8 */
export function parseQuery(text: string): URLSearchParams {
  if (text === '') return noQuery;
  // URLSearchParams alone would make U+FFFD of them, and search for that.
  decodePercent(text, 'the query string');
  return new URLSearchParams(text);
}

/** One segment of a path. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function decodeSegment(text: string): string {
  return decodePercent(text, 'the path');
}

const UNDASHED_UUID = /^[0-9a-f]{32}$/;

/** The resource that a path names, as rules of roles name it; `undefined` for a collection. */
export function resourceIdOf(params: Readonly<Record<string, string>>): string | undefined {
  const id = (params['id'] ?? params['trace_id'])?.toLowerCase();
  if (id === undefined || !UNDASHED_UUID.test(id)) return id;
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function decodePercent(text: string, what: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    const message = `${what} must be percent-encoded UTF-8`;
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The address is not valid: ${message}.`, {
      cause,
      errors: [{ pointer: '', keyword: 'percentEncoding', message }],
    });
  }
}
