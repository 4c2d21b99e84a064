import { encode } from '@msgpack/msgpack';
import { MplpError, toProblem, type Problem } from '../errors/index.js';
import type { HttpReply, HttpRequest } from './contract.js';

/** True when the client prefers MessagePack to JSON. */
export function wantsMsgpack(accept: string): boolean {
  return /application\/(x-|vnd\.)?msgpack/i.test(accept);
}

/** A document as JSON, or as MessagePack where the client asks for that. */
export function documentReply(
  status: number,
  document: unknown,
  accept: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return wantsMsgpack(accept)
    ? {
        status,
        headers: { 'content-type': 'application/msgpack', ...headers },
        body: encode(document, { ignoreUndefined: true }),
      }
    : { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(document) };
}

export function json(document: unknown, request: Pick<HttpRequest, 'header'>, status = 200): HttpReply {
  return documentReply(status, document, request.header('accept'));
}

/** The reply for anything that was thrown. */
export function problemReply(error: unknown, instance: string, traceId: string): HttpReply {
  const problem: Problem = toProblem(error, instance, traceId);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (error instanceof MplpError) {
    if (error.retryAfterSeconds !== undefined)
      headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
    if (error.code === 'MPLP_ERR_SECURITY_UNAUTHENTICATED')
      headers['www-authenticate'] = 'Bearer realm="mplp"';
  }
  return { status: problem.status, headers, body: JSON.stringify(problem) };
}
