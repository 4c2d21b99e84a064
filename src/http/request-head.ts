import { randomBytes } from 'node:crypto';
import type { HttpRequest as UwsRequest } from 'uWebSockets.js';
import { tokenOf } from '../security/index.js';
import type { Credentials } from './contract.js';
import { prefersMsgpack } from './representation.js';
import { readHeaders, type RequestHeaders } from './request-headers.js';
import { createRequestTraceId } from './trace-id.js';

/** What is known of a request before its body. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** The route's own path, for metrics: few values. */
  readonly route: string;
  readonly headers: RequestHeaders;
  /** JSON documents are sent as MessagePack. */
  readonly prefersMsgpack: boolean;
  readonly traceId: string;
  readonly startedMs: number;
}

/** To be called at once: uWS takes the request back. `route` is the route's own path. */
export function headOf(request: UwsRequest, route: string): RequestHead {
  const headers = readHeaders(request);
  let traceId: string | undefined;
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    route,
    headers,
    prefersMsgpack: prefersMsgpack(headers.get('accept') ?? ''),
    // Made when somebody asks: most requests need none, and random bytes cost as much as decoding a span.
    get traceId() {
      return (traceId ??= createRequestTraceId(headers.get('traceparent') ?? '', randomBytes));
    },
    startedMs: performance.now(),
  };
}

/** By which a request says who it is of. */
export function credentialsOf(headers: RequestHeaders): Credentials {
  return { token: tokenOf(headers.get('authorization') ?? '', headers.get('x-api-key') ?? '') };
}
