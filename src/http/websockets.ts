import uWS, { type TemplatedApp, type WebSocket } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Logger } from '../observability/log.js';
import type { Authorizer, Principal, Socket, SocketHandler, WebSocketRoute } from './contract.js';
import { statusLine } from './exchange.js';
import { problemReply } from './replies.js';
import { createRequestTraceId } from './trace-id.js';
import { randomBytes } from 'node:crypto';

const GOING_AWAY = 1001;
const IDLE_TIMEOUT_S = 120;

export interface WebSocketLimits {
  /** Largest message a client may send. */
  readonly maxMessageBytes: number;
  /** Unsent bytes after which a socket that does not read is closed. */
  readonly maxBufferedBytes: number;
}

export interface WebSocketOptions {
  readonly routes: readonly WebSocketRoute[];
  readonly limits: WebSocketLimits;
  readonly authorizer: Authorizer;
  readonly isDraining: () => boolean;
  readonly log: Logger;
}

interface SocketData {
  readonly principal: Principal;
  readonly query: URLSearchParams;
  readonly path: string;
  handler?: SocketHandler;
}

/** Upgrades, authenticates and bounds WebSockets; what they say is the route's business. */
export function serveWebSockets(app: TemplatedApp, options: WebSocketOptions): { closeAll(): void } {
  const open = new Set<WebSocket<SocketData>>();
  for (const route of options.routes) {
    app.ws<SocketData>(route.path, {
      compression: uWS.DISABLED,
      maxPayloadLength: options.limits.maxMessageBytes,
      maxBackpressure: options.limits.maxBufferedBytes,
      closeOnBackpressureLimit: 0,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPingsAutomatically: true,
      upgrade(response, request, context) {
        const path = request.getUrl();
        const protocols = request
          .getHeader('sec-websocket-protocol')
          .split(',')
          .map((protocol) => protocol.trim());
        try {
          if (options.isDraining())
            throw new MplpError('MPLP_ERR_TRACES_DRAINING', 'The engine is shutting down.', {
              retryAfterSeconds: 5,
            });
          const bearer = protocols
            .find((protocol) => protocol.startsWith('bearer.'))
            ?.slice('bearer.'.length);
          const header = /^Bearer\s+(\S+)\s*$/i.exec(request.getHeader('authorization'))?.[1];
          const key = request.getHeader('x-api-key');
          const principal = options.authorizer.authorize(
            { token: header ?? bearer ?? (key === '' ? undefined : key) },
            route.permission,
          );
          const query = new URLSearchParams(request.getQuery() ?? '');
          route.check?.({ path, query, principal });
          response.upgrade<SocketData>(
            { principal, query, path },
            request.getHeader('sec-websocket-key'),
            protocols.includes('mplp') ? 'mplp' : '',
            request.getHeader('sec-websocket-extensions'),
            context,
          );
        } catch (error) {
          if (!(error instanceof MplpError)) options.log.error({ err: error }, 'an upgrade failed');
          const reply = problemReply(
            error,
            path,
            createRequestTraceId(request.getHeader('traceparent'), randomBytes),
          );
          response.cork(() => {
            response.writeStatus(statusLine(reply.status));
            for (const [name, value] of Object.entries(reply.headers ?? {}))
              response.writeHeader(name, value);
            response.end(reply.body as string, true);
          });
        }
      },
      open(ws) {
        open.add(ws);
        const data = ws.getUserData();
        try {
          data.handler = route.open(socketOf(ws, open), data);
        } catch (error) {
          if (!(error instanceof MplpError))
            options.log.error({ err: error }, 'a socket could not be opened');
          ws.end(1011, error instanceof MplpError ? error.message.slice(0, 120) : 'internal error');
        }
      },
      message(ws, message, isBinary) {
        ws.getUserData().handler?.message(Buffer.from(new Uint8Array(message)), isBinary);
      },
      drain(ws) {
        ws.getUserData().handler?.drain();
      },
      close(ws, code) {
        open.delete(ws);
        ws.getUserData().handler?.closed(code);
      },
    });
  }
  return {
    closeAll() {
      for (const ws of [...open]) ws.end(GOING_AWAY, 'the engine is stopping');
    },
  };
}

function socketOf(ws: WebSocket<SocketData>, open: ReadonlySet<WebSocket<SocketData>>): Socket {
  return {
    get bufferedBytes() {
      return open.has(ws) ? ws.getBufferedAmount() : 0;
    },
    send(message) {
      if (!open.has(ws)) return false;
      ws.cork(() => ws.send(message, typeof message !== 'string'));
      return true;
    },
    close(code, reason) {
      if (open.has(ws)) ws.end(code, reason);
    },
  };
}
