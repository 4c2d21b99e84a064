import { MplpError } from '../errors/index.js';

/** Query parameters. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST when the escapes are broken or no UTF-8 */
export function parseQuery(text: string): URLSearchParams {
  // URLSearchParams alone would make U+FFFD of them, and search for that.
  decodePercent(text, 'the query string');
  return new URLSearchParams(text);
}

/** One segment of a path. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function decodeSegment(text: string): string {
  return decodePercent(text, 'the path');
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
