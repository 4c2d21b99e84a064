import { randomBytes } from 'node:crypto';
import uWS, {
  type HttpRequest as UwsRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
} from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Logger } from '../observability/log.js';
import type { HttpMetrics } from '../observability/metrics.js';
import { tokenOf } from '../security/index.js';
import type {
  Authorizer,
  Credentials,
  HttpReply,
  HttpRequest,
  Principal,
  Route,
  WebSocketRoute,
} from './contract.js';
import { collectBody } from './collect-body.js';
import { createExchange, type Exchange } from './exchange.js';
import type { IngestRoute } from './ingest-contract.js';
import { problemReply } from './replies.js';
import { asMsgpack, collected, isJsonDocument, isStreamed, prefersMsgpack } from './representation.js';
import { holdBody } from './hold-body.js';
import { bodyLengthOf, readHeaders, type RequestHeaders } from './request-headers.js';
import { decodeSegment, parseQuery, resourceIdOf } from './request-target.js';
import { listenFault } from './listen-fault.js';
import { createRequestTraceId } from './trace-id.js';
import { serveWebSockets, upgradeRequired, type WebSocketLimits } from './websockets.js';

/** Where the design document's second part serves the same resources. */
const CANONICAL = '/v1.0';
const ALIAS = '/api/v1/mplp';
/** A body that is not complete after this is cut, however slowly it drips. */
const BODY_DEADLINE_MS = 60_000;
const CLOSE_POLL_MS = 20;
/** uSockets' option of that name: without it a second engine would share the port in silence. */
const LISTEN_EXCLUSIVE_PORT = 1;
/** The rest of a refused body is read up to here, so that the connection stays usable for the retry. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

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

type Fail = NonNullable<IngestRoute['fail']>;

/** Nobody: routes without a permission. */
const anonymous: Principal = { subject: 'anonymous', projectId: 'default', may: () => false };

/** @throws MplpError MPLP_ERR_CONFIG_INVALID when the address cannot be listened on. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app: TemplatedApp = uWS.App();
  let underWay = 0;
  let draining = false;

  const finish = (exchange: Exchange, reply: HttpReply, head: RequestHead, close = false): void => {
    options.metrics.observe(head.route, head.method, reply.status, performance.now() - head.startedMs);
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
  const credentialsOf = (headers: RequestHeaders): Credentials => ({
    token: tokenOf(headers.get('authorization') ?? '', headers.get('x-api-key') ?? ''),
  });

  /** Length of the body; answers and gives `undefined` when nobody can say where it ends. */
  const checkFraming = (exchange: Exchange, head: RequestHead): number | undefined => {
    try {
      return bodyLengthOf(head.headers);
    } catch (error) {
      fail(exchange, error, head, true);
      return undefined;
    }
  };

  function serveRoute(route: Route, pattern: string): void {
    const names = [...pattern.matchAll(/:([a-z_]+)/g)].map((match) => match[1] as string);
    const handler = (response: HttpResponse, request: UwsRequest): void => {
      const exchange = createExchange(response);
      const head = headOf(request, route.path);
      const { headers } = head;
      const length = checkFraming(exchange, head);
      if (length === undefined) return;
      const end = track(exchange);
      const abort = new AbortController();
      exchange.onAbort(() => abort.abort());
      const takesBody = head.method === 'POST' || head.method === 'PUT' || head.method === 'DELETE';
      const body = takesBody
        ? collectBody(response, exchange, {
            deadlineMs: BODY_DEADLINE_MS,
            encoding: headers.get('content-encoding') ?? '',
            length,
          })
        : undefined;
      // uWS takes the request back when this function returns.
      const segments = names.map((_, i) => request.getParameter(i) ?? '');
      const queryText = request.getQuery() ?? '';
      const run = async (): Promise<void> => {
        const params: Record<string, string> = {};
        names.forEach((name, i) => (params[name] = decodeSegment(segments[i] ?? '')));
        const resourceId = resourceIdOf(params);
        const credentials = credentialsOf(headers);
        const admitted =
          route.permission === undefined
            ? anonymous
            : authorizer.authorize(credentials, route.permission, resourceId);
        const principal = admitted instanceof Promise ? await admitted : admitted;
        const given: HttpRequest = {
          method: head.method,
          path: head.path,
          params,
          query: parseQuery(queryText),
          header: (name) => headers.get(name) ?? '',
          body: (maxBytes) => body?.(maxBytes) ?? Promise.resolve(Buffer.alloc(0)),
          principal,
          signal: abort.signal,
          get traceId() {
            return head.traceId;
          },
        };
        const reply = await route.handle(given);
        if (!isStreamed(reply)) return finish(exchange, reply, head);
        if (head.method === 'HEAD')
          return finish(exchange, { status: reply.status, headers: reply.headers ?? {} }, head);
        if (head.prefersMsgpack && isJsonDocument(reply))
          return finish(exchange, await collected(reply), head);
        const unwatch =
          route.permission === undefined
            ? undefined
            : authorizer.watch(credentials, route.permission, resourceId, () => exchange.cut());
        try {
          await exchange.stream(reply);
        } finally {
          unwatch?.();
        }
        options.metrics.observe(head.route, head.method, reply.status, performance.now() - head.startedMs);
      };
      run().then(end, (error: unknown) => {
        fail(exchange, error, head, error instanceof MplpError && error.status === 413);
        end();
      });
    };
    if (route.method === 'GET') {
      app.get(pattern, handler);
      app.head(pattern, handler);
    } else if (route.method === 'POST') app.post(pattern, handler);
    else if (route.method === 'PUT') app.put(pattern, handler);
    else app.del(pattern, handler);
  }

  function serveIngest(route: IngestRoute, pattern: string): void {
    app.post(pattern, (response, request) => {
      const exchange = createExchange(response);
      const head = headOf(request, route.path);
      const { headers } = head;
      const contentLength = checkFraming(exchange, head);
      if (contentLength === undefined) return;
      const contentType = headers.get('content-type') ?? '';
      const end = track(exchange);
      let receiver: ReturnType<IngestRoute['open']> | undefined;
      let failed = false;
      const answer = (error: unknown, close: boolean): void =>
        fail(exchange, error, head, close, route.fail && (() => (route.fail as Fail)(error, contentType)));
      const refuse = (error: unknown): void => {
        failed = true;
        receiver?.drop();
        clearTimeout(deadline);
        // The rest of the body is still coming: answer, then cut the connection rather than read it all.
        answer(error, true);
        end();
      };
      const deadline = setTimeout(() => {
        if (!exchange.answered && !exchange.aborted && !failed)
          refuse(new MplpError('MPLP_ERR_HTTP_TIMEOUT', 'The body did not arrive in time.'));
      }, BODY_DEADLINE_MS);
      exchange.onAbort(() => {
        clearTimeout(deadline);
        receiver?.drop();
      });
      let opening: unknown;
      let discarded = 0;
      let patient = true;
      const queryText = request.getQuery() ?? '';
      const refuseOpening = (error: unknown): void => {
        opening = error;
        patient =
          contentLength <= MAX_DISCARDED_BYTES && !(error instanceof MplpError && error.status === 413);
      };
      const open = (principal: Principal): void => {
        try {
          receiver = route.open({
            principal,
            contentType,
            contentEncoding: headers.get('content-encoding') ?? '',
            contentLength,
            idempotencyKey: headers.get('idempotency-key') ?? '',
            query: parseQuery(queryText),
          });
        } catch (error) {
          refuseOpening(error);
        }
      };
      const take = (chunk: Uint8Array, isLast: boolean): void => {
        if (failed || exchange.aborted) return;
        if (opening !== undefined) {
          discarded += chunk.byteLength;
          if (isLast) {
            failed = true;
            clearTimeout(deadline);
            answer(opening, false);
            end();
          } else if (!patient || discarded > MAX_DISCARDED_BYTES) refuse(opening);
          return;
        }
        try {
          (receiver as NonNullable<typeof receiver>).write(chunk);
        } catch (error) {
          refuse(error);
          return;
        }
        if (!isLast) return;
        clearTimeout(deadline);
        (receiver as NonNullable<typeof receiver>).end().then(
          (reply) => {
            finish(exchange, reply, head);
            end();
          },
          (error: unknown) => {
            answer(error, false);
            end();
          },
        );
      };
      let admitted: Principal | Promise<Principal> | undefined;
      try {
        admitted = authorizer.authorize(credentialsOf(headers), route.permission);
      } catch (error) {
        refuseOpening(error);
      }
      if (admitted instanceof Promise) {
        const held = holdBody(response, exchange);
        const openUnlessGone = (principal: Principal): void => {
          if (!exchange.aborted && !failed) open(principal);
        };
        admitted
          .then(openUnlessGone, refuseOpening)
          .then(() => held.release(take))
          .catch(refuse);
        return;
      }
      if (admitted !== undefined) open(admitted);
      response.onData((chunk, isLast) => take(new Uint8Array(chunk), isLast));
    });
  }

  const methods = new Map<string, Set<string>>();
  for (const route of options.routes) {
    for (const path of pathsOf(route.path)) {
      serveRoute(route, path);
      const known = methods.get(path) ?? new Set();
      known.add(route.method);
      if (route.method === 'GET') known.add('HEAD');
      methods.set(path, known);
    }
  }
  for (const route of options.ingestRoutes) {
    for (const path of pathsOf(route.path)) {
      serveIngest(route, path);
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
      const until = Date.now() + timeoutMs;
      while (underWay > 0 && Date.now() < until)
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

interface RequestHead {
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

function headOf(request: UwsRequest, route: string): RequestHead {
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

/** `/v1.0/traces/{trace_id}` as uWS writes it, with its alias. */
function pathsOf(path: string): string[] {
  const pattern = path.replace(/\{([a-z_]+)\}/g, ':$1');
  return pattern.startsWith(CANONICAL) ? [pattern, ALIAS + pattern.slice(CANONICAL.length)] : [pattern];
}
