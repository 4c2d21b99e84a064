import { MplpError } from '../../errors/index.js';
import {
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

const PERMISSION = 'traces:read';
const JSON_TYPE = { 'content-type': 'application/json' };

type Answer = (request: HttpRequest) => Promise<HttpReply>;

/** Jaeger's query API, as Jaeger UI and Grafana's Jaeger data source ask it. */
export function createJaegerRoutes(queries: JaegerQueries): Route[] {
  const route = (path: string, answer: Answer, refusal = refuse): Route => ({
    method: 'GET',
    path,
    permission: PERMISSION,
    handle: (request) => answered(request, answer, refusal),
  });
  const routeV3 = (path: string, answer: (request: HttpRequest) => Promise<object>): Route =>
    route(path, async (request) => document(200, await answer(request)), refuseV3);
  return [
    ...versionOne(queries, route),
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

function versionOne(queries: JaegerQueries, route: (path: string, answer: Answer) => Route): Route[] {
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
  ];
}

/** Errors that have a status of their own, as Jaeger words them; the server answers for the rest. */
async function answered(
  request: HttpRequest,
  answer: Answer,
  refusal: (error: MplpError) => HttpReply,
): Promise<HttpReply> {
  try {
    return await answer(request);
  } catch (error) {
    if (!(error instanceof MplpError)) throw error;
    const reply = refusal(error);
    if (error.retryAfterSeconds === undefined) return reply;
    const seconds = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
    return { ...reply, headers: { ...JSON_TYPE, 'retry-after': seconds } };
  }
}

function refuse(error: MplpError): HttpReply {
  return reply(error.status, null, 0, [{ code: error.status, msg: error.message }]);
}

function refuseV3(error: MplpError): HttpReply {
  return document(error.status, { error: { httpCode: error.status, message: error.message } });
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
