import { MplpError } from '../../errors/index.js';
import { MAX_SQL_BYTES, type SqlQueries, type SqlQuery } from '../../traces/query/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { mediaTypeOf, readDocument } from '../request-document.js';

/** Room for the JSON around the statement and its parameters. */
const MAX_BODY_BYTES = 4 * MAX_SQL_BYTES;
const DEFAULT_FORMAT = 'JSON';
const PARAM = 'param_';

/** `POST /v1.0/query`: one read-only statement over the views of the caller's project. */
export function createQueryRoutes(queries: SqlQueries): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1.0/query',
      permission: 'query:run',
      handle: async (request): Promise<HttpReply> => {
        const query = await readQuery(request);
        const result = await queries.run(request.principal.projectId, query, request.signal);
        return {
          status: 200,
          headers: {
            'content-type': result.contentType,
            'x-query-id': result.queryId,
            'cache-control': 'no-store',
          },
          body: result.body,
        };
      },
    },
  ];
}

/** A document `{sql, params, format}`, or the bare statement as `text/plain` with `?format=` and `?param_<name>=`. */
async function readQuery(request: HttpRequest): Promise<SqlQuery> {
  const isText = ['text/plain', 'application/sql'].includes(mediaTypeOf(request));
  for (const name of request.query.keys())
    if (name !== 'format' && !(isText && name.startsWith(PARAM)))
      throw bad(`?${name}`, 'unknown', 'is not a parameter of this resource');
  const formatInUrl = request.query.get('format');
  if (!isText) return readQueryDocument(await readDocument(request, MAX_BODY_BYTES), formatInUrl);
  const text = decodeUtf8(await request.body(MAX_BODY_BYTES));
  const params = [...request.query]
    .filter(([name]) => name.startsWith(PARAM))
    .map(([name, value]) => [name.slice(PARAM.length), value]);
  return {
    sql: text,
    params: Object.fromEntries(params) as Record<string, string>,
    format: formatInUrl ?? DEFAULT_FORMAT,
  };
}

function readQueryDocument(body: unknown, formatInUrl: string | null): SqlQuery {
  if (!isObject(body)) throw bad('', 'type', 'must be an object {"sql", "params", "format"}');
  for (const name of Object.keys(body))
    if (!['sql', 'params', 'format'].includes(name))
      throw bad(`/${name}`, 'unknown', 'is not a member of a query');
  const { sql, params = {}, format = formatInUrl ?? DEFAULT_FORMAT } = body as Partial<SqlQuery>;
  if (typeof sql !== 'string') throw bad('/sql', 'type', 'must be a string with one SELECT statement');
  if (!isObject(params)) throw bad('/params', 'type', 'must be an object of parameter values');
  for (const name of Object.keys(params))
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw bad(`/params/${name}`, 'pattern', 'is not a parameter name');
  if (typeof format !== 'string') throw bad('/format', 'type', 'must be the name of a format');
  return { sql, params, format };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad('', 'utf8', 'is not valid UTF-8');
  }
}

function bad(pointer: string, keyword: string, message: string): MplpError {
  const subject = pointer === '' ? 'the body' : pointer;
  return new MplpError('MPLP_ERR_QUERY_INVALID', `The query cannot be read: ${subject} ${message}.`, {
    errors: [{ pointer, keyword, message }],
  });
}
