import uWS, {
  type HttpRequest as UwsRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
} from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Logger } from '../observability/log.js';
import type { HttpMetrics } from '../observability/metrics.js';
import type { Authorizer, HttpReply, Route, WebSocketRoute } from './contract.js';
import { createExchange, type Exchange } from './exchange.js';
import type { IngestRoute } from './ingest-contract.js';
import { problemReply } from './replies.js';
import { asMsgpack, isJsonDocument } from './representation.js';
import { headOf, type RequestHead } from './request-head.js';
import { bodyLengthOf } from './request-headers.js';
import { listenFault } from './listen-fault.js';
import { serveIngest, type Serving } from './serve-ingest.js';
import { serveRoute } from './serve-route.js';
import { serveWebSockets, upgradeRequired, type WebSocketLimits } from './websockets.js';

/** Where the design document's second part serves the same resources. */
const CANONICAL = '/v1.0';
const ALIAS = '/api/v1/mplp';
const CLOSE_POLL_MS = 20;
/** uSockets' option of that name: without it a second engine would share the port in silence. */
const LISTEN_EXCLUSIVE_PORT = 1;

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** Environment variable of the port, for the message when it cannot be used. */
  readonly portOption: string;
  readonly routes: readonly Route[];
  readonly ingestRoutes: readonly IngestRoute[];
  readonly webSocketRoutes: readonly WebSocketRoute[];
  readonly webSocketLimits: WebSocketLimits;
  readonly authorizer: Authorizer;
  readonly metrics: HttpMetrics;
  readonly log: Logger;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Stops accepting connections and waits for the requests under way, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** @throws MplpError MPLP_ERR_CONFIG_INVALID when the address cannot be listened on. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app: TemplatedApp = uWS.App();
  let underWay = 0;
  let draining = false;

  const count = (reply: HttpReply, head: RequestHead): void =>
    options.metrics.observe(head.route, head.method, reply.status, performance.now() - head.startedMs);

  const finish = (exchange: Exchange, reply: HttpReply, head: RequestHead, close = false): void => {
    count(reply, head);
    const isMsgpack = head.prefersMsgpack && isJsonDocument(reply);
    exchange.send(isMsgpack ? asMsgpack(reply) : reply, head.method === 'HEAD', close || draining);
  };

  const fail = (
    exchange: Exchange,
    error: unknown,
    head: RequestHead,
    close = false,
    reply = (): HttpReply => problemReply(error, head.path, head.traceId),
  ): void => {
    if (!(error instanceof MplpError))
      options.log.error({ err: error, trace_id: head.traceId, route: head.route }, 'a request failed');
    finish(exchange, reply(), head, close);
  };

  const track = (exchange: Exchange): (() => void) => {
    underWay++;
    let done = false;
    const end = (): void => {
      if (!done) underWay--;
      done = true;
    };
    exchange.onAbort(end);
    return end;
  };

  const { authorizer } = options;
  const serving: Serving = { authorizer, finish, count, fail, track };

  /** Length of the body; answers and gives `undefined` when nobody can say where it ends. */
  const checkFraming = (exchange: Exchange, head: RequestHead): number | undefined => {
    try {
      return bodyLengthOf(head.headers);
    } catch (error) {
      fail(exchange, error, head, true);
      return undefined;
    }
  };

  function addRoute(route: Route, pattern: string): void {
    const names = [...pattern.matchAll(/:([a-z_]+)/g)].map((match) => match[1] as string);
    const handler = (response: HttpResponse, request: UwsRequest): void => {
      const exchange = createExchange(response);
      const head = headOf(request, route.path);
      const contentLength = checkFraming(exchange, head);
      if (contentLength !== undefined)
        serveRoute(serving, route, { response, request, exchange, head, contentLength, names });
    };
    if (route.method === 'GET') {
      app.get(pattern, handler);
      app.head(pattern, handler);
    } else if (route.method === 'POST') app.post(pattern, handler);
    else if (route.method === 'PUT') app.put(pattern, handler);
    else app.del(pattern, handler);
  }

  const methods = new Map<string, Set<string>>();
  for (const route of options.routes) {
    for (const path of pathsOf(route.path)) {
      addRoute(route, path);
      const known = methods.get(path) ?? new Set();
      known.add(route.method);
      if (route.method === 'GET') known.add('HEAD');
      methods.set(path, known);
    }
  }
  for (const route of options.ingestRoutes) {
    for (const path of pathsOf(route.path)) {
      app.post(path, (response, request) => {
        const exchange = createExchange(response);
        const head = headOf(request, route.path);
        const queryText = request.getQuery() ?? '';
        const contentLength = checkFraming(exchange, head);
        if (contentLength !== undefined)
          serveIngest(serving, route, { response, exchange, head, contentLength, queryText });
      });
      methods.set(path, (methods.get(path) ?? new Set()).add('POST'));
    }
  }
  const webSocketRoutes = options.webSocketRoutes.flatMap((route) =>
    pathsOf(route.path).map((path) => ({ ...route, path })),
  );
  const sockets = serveWebSockets(app, {
    routes: webSocketRoutes,
    limits: options.webSocketLimits,
    authorizer,
    isDraining: () => draining,
    log: options.log,
  });
  for (const { path } of webSocketRoutes) {
    if (methods.has(path)) continue;
    methods.set(path, new Set(['GET']));
    app.get(path, (response, request) => {
      const exchange = createExchange(response);
      fail(exchange, upgradeRequired('This resource is a WebSocket.'), headOf(request, path));
    });
  }
  // What exists, asked with another method; then what does not exist.
  for (const [path, allowed] of methods) {
    app.any(path, (response, request) => {
      const exchange = createExchange(response);
      const head = headOf(request, path);
      const allow = [...allowed, 'OPTIONS'].sort().join(', ');
      if (head.method === 'OPTIONS') {
        finish(exchange, { status: 204, headers: { allow } }, head);
        return;
      }
      const reply = problemReply(
        new MplpError(
          'MPLP_ERR_HTTP_METHOD_NOT_ALLOWED',
          `${head.method} is not among the methods of this resource: ${allow}.`,
        ),
        head.path,
        head.traceId,
      );
      finish(exchange, { ...reply, headers: { ...reply.headers, allow } }, head, true);
    });
  }
  app.any('/*', (response, request) => {
    const exchange = createExchange(response);
    const head = headOf(request, 'unknown');
    fail(
      exchange,
      new MplpError('MPLP_ERR_HTTP_NOT_FOUND', `There is nothing at ${head.path.slice(0, 200)}.`),
      head,
      head.method !== 'GET',
    );
  });

  const listening = await new Promise<us_listen_socket | false>((resolve) => {
    // The declarations know the option only without a host; the addon takes both.
    (
      app.listen as unknown as (
        host: string,
        port: number,
        option: number,
        done: (socket: us_listen_socket | false) => void,
      ) => void
    ).call(app, options.host, options.port, LISTEN_EXCLUSIVE_PORT, resolve);
  });
  if (!listening) throw await listenFault(options.host, options.port, options.portOption);
  const port = uWS.us_socket_local_port(listening);
  let listen: us_listen_socket | undefined = listening;
  const stopListening = (): void => {
    if (listen !== undefined) uWS.us_listen_socket_close(listen);
    listen = undefined;
  };
  return {
    port,
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    async drain(timeoutMs) {
      draining = true;
      stopListening();
      const until = performance.now() + timeoutMs;
      while (underWay > 0 && performance.now() < until)
        await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
      sockets.closeAll();
    },
    async close() {
      draining = true;
      stopListening();
      app.close();
    },
  };
}

/** `/v1.0/traces/{trace_id}` as uWS writes it, with its alias. */
function pathsOf(path: string): string[] {
  const pattern = path.replace(/\{([a-z_]+)\}/g, ':$1');
  return pattern.startsWith(CANONICAL) ? [pattern, ALIAS + pattern.slice(CANONICAL.length)] : [pattern];
}
