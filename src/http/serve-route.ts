import type { HttpRequest as UwsRequest, HttpResponse } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import { collectBody } from './collect-body.js';
import type { HttpReply, HttpRequest, Principal, Route } from './contract.js';
import type { Exchange } from './exchange.js';
import { collected, isJsonDocument, isStreamed } from './representation.js';
import { credentialsOf, type RequestHead } from './request-head.js';
import { decodeSegment, noQuery, parseQuery, resourceIdOf } from './request-target.js';
import { BODY_DEADLINE_MS, type Serving } from './serve-ingest.js';

export interface RouteCall {
  readonly response: HttpResponse;
  readonly request: UwsRequest;
  readonly exchange: Exchange;
  readonly head: RequestHead;
  readonly contentLength: number;
  /** Names of the `{name}` parts of the path, in their order. */
  readonly names: readonly string[];
}

/** Nobody: routes without a permission. */
const anonymous: Principal = { subject: 'anonymous', projectId: 'default', may: () => false };
const METHODS_WITH_BODY = ['POST', 'PUT', 'DELETE'];

/** What a route is given. A class, since every request makes one. */
class ServedRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly hasBody: boolean;
  principal = anonymous;
  params: Readonly<Record<string, string>> = {};
  query = noQuery;
  readonly #exchange: Exchange;
  readonly #head: RequestHead;
  readonly #names: readonly string[];
  readonly #segments: readonly string[];
  readonly #queryText: string;
  readonly #body: ((maxBytes: number) => Promise<Buffer>) | undefined;
  #abort: AbortController | undefined;

  constructor({ response, request, exchange, head, contentLength, names }: RouteCall) {
    this.method = head.method;
    this.path = head.path;
    this.#exchange = exchange;
    this.#head = head;
    this.#names = names;
    this.#segments = names.map((_, n) => request.getParameter(n) ?? '');
    this.#queryText = request.getQuery() ?? '';
    this.hasBody = METHODS_WITH_BODY.includes(head.method);
    if (this.hasBody)
      this.#body = collectBody(response, exchange, {
        deadlineMs: BODY_DEADLINE_MS,
        encoding: head.headers.get('content-encoding') ?? '',
        length: contentLength,
      });
  }

  /** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST for broken escapes */
  decodePath(): void {
    const params: Record<string, string> = {};
    this.#names.forEach((name, n) => (params[name] = decodeSegment(this.#segments[n] ?? '')));
    this.params = params;
  }

  decodeQuery(): void {
    this.query = parseQuery(this.#queryText);
  }

  header(name: string): string {
    return this.#head.headers.get(name) ?? '';
  }

  body(maxBytes: number): Promise<Buffer> {
    return this.#body?.(maxBytes) ?? Promise.resolve(Buffer.alloc(0));
  }

  /** Made when somebody asks, as few do. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const controller = (this.#abort = new AbortController());
      this.#exchange.onAbort(() => controller.abort());
    }
    return this.#abort.signal;
  }

  get traceId(): string {
    return this.#head.traceId;
  }
}

/**
 * One request that its route answers as a whole. Without a body, who asks and what is asked may both be in memory: then it
 * is answered before this returns, and no promise is made.
 */
export function serveRoute(serving: Serving, route: Route, call: RouteCall): void {
  const { exchange, head } = call;
  const { authorizer, finish, count, fail, track } = serving;
  // uWS takes its request back when this function returns.
  const request = new ServedRequest(call);
  const credentials = credentialsOf(head.headers);
  let resourceId: string | undefined;

  const handle = (principal: Principal): HttpReply | Promise<HttpReply> => {
    request.principal = principal;
    request.decodeQuery();
    return route.handle(request);
  };

  const begin = (): HttpReply | Promise<HttpReply> => {
    request.decodePath();
    if (route.permission === undefined) return handle(anonymous);
    resourceId = resourceIdOf(request.params);
    const admitted = authorizer.authorize(credentials, route.permission, resourceId);
    return admitted instanceof Promise ? admitted.then(handle) : handle(admitted);
  };

  const answer = async (begun: HttpReply | Promise<HttpReply>): Promise<void> => {
    const reply = await begun;
    if (!isStreamed(reply)) return finish(exchange, reply, head);
    if (head.method === 'HEAD')
      return finish(exchange, { status: reply.status, headers: reply.headers ?? {} }, head);
    if (head.prefersMsgpack && isJsonDocument(reply)) return finish(exchange, await collected(reply), head);
    const unwatch =
      route.permission === undefined
        ? undefined
        : authorizer.watch(credentials, route.permission, resourceId, () => exchange.cut());
    try {
      await exchange.stream(reply);
    } finally {
      unwatch?.();
    }
    count(reply, head);
  };

  const failWith = route.fail;
  const refuse = (error: unknown): void => {
    const close = error instanceof MplpError && error.status === 413;
    fail(exchange, error, head, close, failWith && (() => failWith(error)));
  };

  const end = track(exchange);
  try {
    const begun = begin();
    if (!request.hasBody && !(begun instanceof Promise) && !isStreamed(begun)) {
      finish(exchange, begun, head);
      end();
    } else answer(begun).catch(refuse).finally(end);
  } catch (error) {
    refuse(error);
    end();
  }
}
