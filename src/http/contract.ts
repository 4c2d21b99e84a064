import type { Principal } from '../security/index.js';
import type { IncomingWebSocketData } from './websocket-contract.js';

export type { Authorizer, Credentials, Principal } from '../security/index.js';

export interface HttpRequest {
  readonly method: string;
  /** Path without query string. */
  readonly path: string;
  /** Decoded `{name}` parts of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Lower-case header name; '' when absent. */
  header(name: string): string;
  /** Whole body, decompressed, at most `maxBytes` (413 beyond). May be called once. */
  body(maxBytes: number): Promise<Buffer>;
  readonly principal: Principal;
  /** Aborted when the client goes away before the reply is complete. */
  readonly signal: AbortSignal;
  readonly traceId: string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An async iterable is streamed with backpressure. Objects go through `json()`. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1.0/traces/{trace_id}/spans`; the server also serves it under `/api/v1/mplp`. Unversioned paths (`/health`) as they are. */
  readonly path: string;
  /** One of those in `security/permissions.ts`, or `undefined` for the few routes that anyone may ask (`/health`, `/ready`). */
  readonly permission: string | undefined;
  handle(request: HttpRequest): Promise<HttpReply> | HttpReply;
  /** What the client is told of a failure, its key's included; a problem document unless given. */
  readonly fail?: (error: unknown) => HttpReply;
}

/** A message socket as route code sees it; bounded by the server. */
export interface Socket {
  /** Bytes waiting to be sent. */
  readonly bufferedBytes: number;
  /** False when the socket is closed. */
  send(message: string | Uint8Array): boolean;
  close(code: number, reason: string): void;
}

export interface WebSocketRoute {
  readonly path: string;
  readonly permission: string;
  /** Looks at the request before the upgrade; a thrown MplpError becomes the HTTP reply. */
  check?(request: IncomingWebSocketData): void;
  open(socket: Socket, request: IncomingWebSocketData): SocketHandler;
}

export interface SocketHandler {
  /** `data` is a copy that the handler owns. */
  message(data: Uint8Array, isBinary: boolean): void;
  /** More may be sent: `bufferedBytes` fell. */
  drain(): void;
  closed(code: number): void;
}
