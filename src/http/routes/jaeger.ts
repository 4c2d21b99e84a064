import { MplpError } from '../../errors/index.js';
import {
  indented,
  parseDependencyWindow,
  parseOperationsRequest,
  parseOperationsRequestV3,
  parseSummaryRequest,
  parseTraceId,
  parseTraceRequest,
  type JaegerError,
  type JaegerQueries,
} from '../../traces/jaeger/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { failureHeaders } from '../replies.js';

const PERMISSION = 'traces:read';
const JSON_TYPE = { 'content-type': 'application/json' };

type Answer = (request: HttpRequest) => Promise<HttpReply>;

/** Jaeger's query API, as Jaeger UI and Grafana's Jaeger data source ask it. */
export function createJaegerRoutes(queries: JaegerQueries): Route[] {
  const routeV3 = (path: string, answer: (request: HttpRequest) => Promise<object>): Route => ({
    method: 'GET',
    path,
    permission: PERMISSION,
    handle: async (request) => document(200, await answer(request)),
    fail: refuseV3,
  });
  return [
    ...versionOne(queries),
    // What newer versions of Jaeger UI ask, beside /api/traces/{trace_id} and /api/dependencies.
    routeV3('/api/v3/services', async ({ principal, signal }) => ({
      services: await queries.services(principal.projectId, signal),
    })),
    routeV3('/api/v3/operations', async ({ query, principal, signal }) => {
      const { service, spanKind } = parseOperationsRequestV3(query);
      const operations = await queries.operations(principal.projectId, service, spanKind, signal);
      return { operations: operations.map((one) => ({ ...one, spanKind: one.spanKind || 'internal' })) };
    }),
    routeV3('/api/v3/trace-summaries', async ({ query, principal, signal }) => ({
      summaries: await queries.summaries(principal.projectId, parseSummaryRequest(query), signal),
    })),
  ];
}

function versionOne(queries: JaegerQueries): Route[] {
  const route = (path: string, answer: Answer): Route => ({
    method: 'GET',
    path,
    permission: PERMISSION,
    handle: async (request) => laidOut(request, await answer(request)),
    fail: refuse,
  });
  return [
    route('/api/services', async ({ principal, signal }) =>
      list(await queries.services(principal.projectId, signal)),
    ),
    route('/api/services/{service}/operations', async ({ params, principal, signal }) => {
      const service = decodeAgain(params['service'] ?? '');
      const operations = await queries.operations(principal.projectId, service, '', signal);
      return list([...new Set(operations.map(({ name }) => name))]);
    }),
    route('/api/operations', async ({ query, principal, signal }) => {
      const { service, spanKind } = parseOperationsRequest(query);
      return list(await queries.operations(principal.projectId, service, spanKind, signal));
    }),
    route('/api/traces', async (request) => {
      const wanted = parseTraceRequest(request.query, Date.now());
      return stream(request, await queries.traces(request.principal.projectId, wanted, request.signal));
    }),
    route('/api/traces/{trace_id}', async (request) => {
      const traceId = parseTraceId(request.params['trace_id'] ?? '', request.query);
      return stream(request, await queries.trace(request.principal.projectId, traceId, request.signal));
    }),
    route('/api/dependencies', async ({ query, principal, signal }) => {
      const window = parseDependencyWindow(query, Date.now());
      const service = query.get('service') ?? '';
      const all = await queries.dependencies(principal.projectId, window, signal);
      return reply(
        200,
        service === '' ? all : all.filter(({ parent, child }) => parent === service || child === service),
        0,
      );
    }),
    // Where Jaeger keeps no metrics it says so like this, and its UI shows how to get them.
    route('/api/metrics/{name}', () =>
      Promise.resolve(refusal(501, 'metrics querying is currently disabled')),
    ),
  ];
}

/** `prettyPrint=true`, which Jaeger UI's links to the JSON of a trace have, gives lines and indents. */
function laidOut(request: HttpRequest, reply: HttpReply): HttpReply {
  const wanted = request.query.get('prettyPrint') ?? '';
  if (wanted === '' || wanted === 'false' || reply.body === '') return reply;
  const pieces =
    typeof reply.body === 'string' ? piecesOf(reply.body) : (reply.body as AsyncIterable<string>);
  return { ...reply, body: indented(pieces) };
}

async function* piecesOf(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

function refuse(error: unknown): HttpReply {
  const { status, message } = faultOf(error);
  return withHeaders(refusal(status, message), error);
}

function refuseV3(error: unknown): HttpReply {
  const { status, message } = faultOf(error);
  return withHeaders(document(status, { error: { httpCode: status, message } }), error);
}

function faultOf(error: unknown): { status: number; message: string } {
  return error instanceof MplpError ? error : { status: 500, message: 'internal error' };
}

function withHeaders(reply: HttpReply, error: unknown): HttpReply {
  return { ...reply, headers: { ...reply.headers, ...failureHeaders(error) } };
}

function refusal(status: number, message: string): HttpReply {
  return reply(status, null, 0, [{ code: status, msg: message }]);
}

function list(data: readonly unknown[]): HttpReply {
  return reply(200, data, data.length);
}

function reply(
  status: number,
  data: unknown,
  total: number,
  errors: readonly JaegerError[] | null = null,
): HttpReply {
  return document(status, { data, total, limit: 0, offset: 0, errors });
}

function document(status: number, body: object): HttpReply {
  return { status, headers: JSON_TYPE, body: JSON.stringify(body) };
}

async function stream(request: HttpRequest, body: AsyncIterable<string>): Promise<HttpReply> {
  if (request.method !== 'HEAD') return { status: 200, headers: JSON_TYPE, body };
  await body[Symbol.asyncIterator]().return?.();
  return { status: 200, headers: JSON_TYPE, body: '' };
}

/** Clients behind a proxy that decodes paths encode the name of a service twice. */
function decodeAgain(name: string): string {
  try {
    return /%[0-9a-f]{2}/i.test(name) ? decodeURIComponent(name) : name;
  } catch {
    return name;
  }
}
