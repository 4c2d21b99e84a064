import uWS, { type TemplatedApp, type WebSocket } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Logger } from '../observability/log.js';
import { tokenOf } from '../security/index.js';
import type {
  Authorizer,
  Credentials,
  Principal,
  Socket,
  SocketHandler,
  WebSocketRoute,
} from './contract.js';
import { statusLine } from './exchange.js';
import { problemReply } from './replies.js';
import { asMsgpack, prefersMsgpack } from './representation.js';
import { readHeaders, type RequestHeaders } from './request-headers.js';
import { parseQuery } from './request-target.js';
import { createRequestTraceId } from './trace-id.js';
import { randomBytes } from 'node:crypto';

const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;
const IDLE_TIMEOUT_S = 120;
/** The one version there is (RFC 6455, 4.4). */
const VERSION = '13';
/** uWebSockets.js cuts the connection at its own limit; a message up to here is answered by the route. */
const ANSWERED_OVERSIZE = 2;

export interface WebSocketLimits {
  /** Largest message a route takes. */
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
  readonly credentials: Credentials;
  readonly principal: Principal;
  readonly query: URLSearchParams;
  readonly path: string;
  handler?: SocketHandler;
  /** Ends the watch over whether the key still lets it in. */
  unwatch?: () => void;
}

/** Upgrades, authenticates and bounds WebSockets; what they say is the route's business. */
export function serveWebSockets(app: TemplatedApp, options: WebSocketOptions): { closeAll(): void } {
  const open = new Set<WebSocket<SocketData>>();
  for (const route of options.routes) {
    app.ws<SocketData>(route.path, {
      compression: uWS.DISABLED,
      maxPayloadLength: options.limits.maxMessageBytes * ANSWERED_OVERSIZE,
      maxBackpressure: options.limits.maxBufferedBytes,
      closeOnBackpressureLimit: 0,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPingsAutomatically: true,
      upgrade(response, request, context) {
        // uWS takes the request back when this function returns.
        const path = request.getUrl();
        const headers = readHeaders(request);
        const queryText = request.getQuery() ?? '';
        const protocols = (headers.get('sec-websocket-protocol') ?? '')
          .split(',')
          .map((protocol) => protocol.trim());
        let isGone = false;
        const refuse = (error: unknown): void => {
          if (isGone) return;
          if (!(error instanceof MplpError)) options.log.error({ err: error }, 'an upgrade failed');
          const traceId = createRequestTraceId(headers.get('traceparent') ?? '', randomBytes);
          const problem = problemReply(error, path, traceId);
          const reply = prefersMsgpack(headers.get('accept') ?? '') ? asMsgpack(problem) : problem;
          response.cork(() => {
            response.writeStatus(statusLine(reply.status));
            for (const [name, value] of Object.entries(reply.headers ?? {}))
              response.writeHeader(name, value);
            response.end(reply.body as string | Uint8Array, true);
          });
        };
        const upgrade = (credentials: Credentials, principal: Principal): void => {
          if (isGone) return;
          const query = parseQuery(queryText);
          route.check?.({ path, query, principal });
          response.upgrade<SocketData>(
            { credentials, principal, query, path },
            headers.get('sec-websocket-key') ?? '',
            protocols.includes('mplp') ? 'mplp' : '',
            headers.get('sec-websocket-extensions') ?? '',
            context,
          );
        };
        try {
          assertTaken(options, headers);
          const bearer = protocols
            .find((protocol) => protocol.startsWith('bearer.'))
            ?.slice('bearer.'.length);
          const token = tokenOf(headers.get('authorization') ?? '', headers.get('x-api-key') ?? '');
          const credentials = { token: token ?? bearer };
          const admitted = options.authorizer.authorize(credentials, route.permission);
          if (!(admitted instanceof Promise)) return upgrade(credentials, admitted);
          response.onAborted(() => (isGone = true));
          // Not corked, though uWS warns of it on standard error: after the cork of an upgrade that comes later than its
          // request it takes freed memory for the state of the response, and closes the new socket when certain bits of it
          // are set (uWebSockets #1929, mended in July 2026, not in the version on npm).
          admitted
            .then(outsideOfCallbacks)
            .then((principal) => {
              assertTaken(options, headers);
              upgrade(credentials, principal);
            })
            .catch(refuse);
        } catch (error) {
          refuse(error);
        }
      },
      open(ws) {
        open.add(ws);
        const data = ws.getUserData();
        data.unwatch = options.authorizer.watch(
          data.credentials,
          route.permission,
          undefined,
          ({ status }) => {
            if (!open.has(ws)) return;
            if (status < 500) ws.end(POLICY_VIOLATION, 'the key does not allow this any more');
            else ws.end(TRY_AGAIN_LATER, 'it cannot be found out what the key allows');
          },
        );
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
        ws.getUserData().unwatch?.();
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

/**
 * Goes on when no callback of uWebSockets.js is under way: a promise may be settled within that of another request, whose
 * parser would take the upgrade for one of its own.
 */
function outsideOfCallbacks<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, value));
}

/** @throws MplpError for an upgrade that nobody is given now */
function assertTaken({ isDraining }: WebSocketOptions, headers: RequestHeaders): void {
  if (isDraining())
    throw new MplpError('MPLP_ERR_TRACES_DRAINING', 'The engine is shutting down.', { retryAfterSeconds: 5 });
  if (headers.get('sec-websocket-version') !== VERSION)
    throw upgradeRequired(`WebSockets of version ${VERSION} are spoken here.`);
}

/** For a request that is no upgrade, or one to another version. */
export function upgradeRequired(detail: string): MplpError {
  return new MplpError('MPLP_ERR_HTTP_UPGRADE_REQUIRED', detail);
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
