import { MplpError, toProblem, type Problem } from '../errors/index.js';
import type { HttpReply } from './contract.js';

/** A document as JSON; the server makes MessagePack of it where the client asks for that. */
export function json(document: unknown, status = 200): HttpReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) };
}

/** The reply for anything that was thrown. */
export function problemReply(error: unknown, instance: string, traceId: string): HttpReply {
  const problem: Problem = toProblem(error, instance, traceId);
  const headers = { 'content-type': 'application/problem+json', ...failureHeaders(error) };
  return { status: problem.status, headers, body: JSON.stringify(problem) };
}

/** What goes with a failure in whatever words it is told: when to try again, how to say who asks, what to speak. */
export function failureHeaders(error: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!(error instanceof MplpError)) return headers;
  if (error.retryAfterSeconds !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
  if (error.code === 'MPLP_ERR_SECURITY_UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer realm="mplp"';
  if (error.code === 'MPLP_ERR_HTTP_UPGRADE_REQUIRED')
    Object.assign(headers, { upgrade: 'websocket', 'sec-websocket-version': '13' });
  return headers;
}
