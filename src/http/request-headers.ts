import type { HttpRequest as UwsRequest } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';

/** Headers by lower-case name. One that came more than once is joined with `, `: what takes one value refuses it. */
export type RequestHeaders = ReadonlyMap<string, string>;

export function readHeaders(request: UwsRequest): RequestHeaders {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  });
  return headers;
}

/**
 * Content-Length of a request, 0 when it does not say. uWebSockets.js refuses Content-Length beside Transfer-Encoding,
 * but reads the first of several lengths and takes every transfer coding for chunked, where a proxy in front may see
 * the body end elsewhere (RFC 9112, 6.1 and 6.3). Such a request is refused, and its connection must be closed.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST
 */
export function bodyLengthOf(headers: RequestHeaders): number {
  const length = headers.get('content-length') ?? '0';
  if (!/^\d{1,15}$/.test(length)) throw framingFault('content-length', 'must be one whole number');
  const coding = headers.get('transfer-encoding') ?? 'chunked';
  if (coding.toLowerCase() !== 'chunked') throw framingFault('transfer-encoding', 'must be chunked');
  return Number(length);
}

function framingFault(header: string, message: string): MplpError {
  return new MplpError(
    'MPLP_ERR_HTTP_BAD_REQUEST',
    `It is not clear where the body ends: ${header} ${message}.`,
    {
      errors: [{ pointer: '', keyword: header, message }],
    },
  );
}
