import { MplpError } from '../../errors/index.js';
import {
  findUuid,
  parseSpanPageRequest,
  parseTraceFilter,
  type TraceQueries,
} from '../../traces/query/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';

const PERMISSION = 'traces:read';
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** Reading stored traces: the list, the spans of one trace, and its export. */
export function createTraceQueryRoutes(queries: TraceQueries): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1.0/traces',
      permission: PERMISSION,
      handle: (request) => list(queries, request),
    },
    {
      method: 'GET',
      path: '/v1.0/traces/{trace_id}/spans',
      permission: PERMISSION,
      handle: (request) => spans(queries, request),
    },
    {
      method: 'GET',
      path: '/v1.0/traces/{trace_id}/export',
      permission: PERMISSION,
      handle: (request) => exportTrace(queries, request),
    },
  ];
}

async function list(queries: TraceQueries, request: HttpRequest): Promise<HttpReply> {
  const page = await queries.list(
    request.principal.projectId,
    parseTraceFilter(request.query),
    request.signal,
  );
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify(page) };
}

async function spans(queries: TraceQueries, request: HttpRequest): Promise<HttpReply> {
  const traceId = traceIdOf(request);
  const page = parseSpanPageRequest(request.query);
  const body = await queries.spans(request.principal.projectId, traceId, page, request.signal);
  return { status: 200, headers: JSON_TYPE, body: await bodyFor(request, body) };
}

/** HEAD asks for no body: what was opened for it is closed again. */
async function bodyFor<T extends string | Uint8Array>(
  request: HttpRequest,
  body: AsyncIterable<T>,
): Promise<AsyncIterable<T> | ''> {
  if (request.method !== 'HEAD') return body;
  await body[Symbol.asyncIterator]().return?.();
  return '';
}

async function exportTrace(queries: TraceQueries, request: HttpRequest): Promise<HttpReply> {
  const traceId = traceIdOf(request);
  const format = exportFormat(request);
  const body = await queries.exportTrace(request.principal.projectId, traceId, format, request.signal);
  return {
    status: 200,
    headers: {
      'content-type':
        format === 'parquet' ? 'application/vnd.apache.parquet' : 'application/x-ndjson; charset=utf-8',
      'content-disposition': `attachment; filename="trace-${traceId}.${format}"`,
    },
    body: await bodyFor<string | Uint8Array>(request, body),
  };
}

function traceIdOf(request: HttpRequest): string {
  const text = request.params['trace_id'] ?? '';
  const traceId = findUuid(text);
  if (traceId !== undefined) return traceId;
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'The trace id in the path is not a UUID.', {
    errors: [
      { pointer: '/trace_id', keyword: 'format', message: 'must be a UUID, dashed or as 32 hex digits, or 16 hex digits' },
    ],
  });
}

/** `?format=` decides, else `Accept`, else NDJSON. */
function exportFormat(request: HttpRequest): 'ndjson' | 'parquet' {
  for (const name of request.query.keys())
    if (name !== 'format')
      throw new MplpError(
        'MPLP_ERR_HTTP_BAD_REQUEST',
        `${name} is not a parameter of the export; it takes format.`,
        {
          errors: [
            { pointer: `?${name}`, keyword: 'unknown', message: 'is not a parameter of this resource' },
          ],
        },
      );
  const format = request.query.get('format');
  if (format === 'ndjson' || format === 'parquet') return format;
  if (format !== null)
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'The format of an export is ndjson or parquet.', {
      errors: [{ pointer: '?format', keyword: 'enum', message: 'must be ndjson or parquet' }],
    });
  const accept = request.header('accept').toLowerCase();
  if (accept.includes('parquet')) return 'parquet';
  if (accept === '' || /ndjson|jsonl|\*\/\*|application\/\*|application\/json/.test(accept)) return 'ndjson';
  throw new MplpError(
    'MPLP_ERR_HTTP_NOT_ACCEPTABLE',
    'A trace is exported as application/x-ndjson or application/vnd.apache.parquet.',
  );
}
