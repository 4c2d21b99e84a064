import { MplpError } from '../../errors/index.js';
import {
  parseDependencyWindow,
  parseOperationsRequest,
  parseTraceId,
  parseTraceRequest,
  type JaegerError,
  type JaegerQueries,
} from '../../traces/jaeger/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';

const PERMISSION = 'traces:read';
const JSON_TYPE = { 'content-type': 'application/json' };

/** Jaeger's query API, as Jaeger UI and Grafana's Jaeger data source ask it. */
export function createJaegerRoutes(queries: JaegerQueries): Route[] {
  const route = (path: string, answer: (request: HttpRequest) => Promise<HttpReply>): Route => ({
    method: 'GET',
    path,
    permission: PERMISSION,
    handle: (request) => inEnvelope(request, answer),
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
  ];
}

/** Errors that have a status of their own, in Jaeger's envelope; the server answers for the rest. */
async function inEnvelope(
  request: HttpRequest,
  answer: (request: HttpRequest) => Promise<HttpReply>,
): Promise<HttpReply> {
  try {
    return await answer(request);
  } catch (error) {
    if (!(error instanceof MplpError)) throw error;
    const refusal = reply(error.status, null, 0, [{ code: error.status, msg: error.message }]);
    if (error.retryAfterSeconds === undefined) return refusal;
    const seconds = String(Math.max(1, Math.ceil(error.retryAfterSeconds)));
    return { ...refusal, headers: { ...JSON_TYPE, 'retry-after': seconds } };
  }
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
  return { status, headers: JSON_TYPE, body: JSON.stringify({ data, total, limit: 0, offset: 0, errors }) };
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
