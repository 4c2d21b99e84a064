import type { MplpError } from '../../errors/index.js';
import { dateTimeToUnixNano } from '../../protocol/index.js';
import { parseGoDuration, ValueFault } from './go-duration.js';
import { bad, DEFAULT_TRACE_LIMIT, goInteger, MAX_TRACE_LIMIT, type TraceSearch } from './parameters.js';

/** A parameter under its name or the older spelling with underscores. */
function find(query: URLSearchParams, name: string): { name: string; text: string } {
  const older = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const text = query.get(name) ?? '';
  return text === '' ? { name: older, text: query.get(older) ?? '' } : { name, text };
}

/** Reads the query string of `GET /api/v3/trace-summaries`. Throws `MPLP_ERR_HTTP_BAD_REQUEST` in Jaeger's words. */
export function parseSummaryRequest(query: URLSearchParams): TraceSearch {
  const textOf = (name: string): string | undefined => find(query, name).text || undefined;
  if ((query.get('query.filter') ?? '') !== '') throw bad('query.filter is not supported here');
  const from = time(query, 'query.startTimeMin');
  const to = time(query, 'query.startTimeMax');
  if (from === undefined || to === undefined)
    throw bad('query.startTimeMin and query.startTimeMax are required');
  if (from >= to) throw bad('query.startTimeMin must be before query.startTimeMax');
  return {
    service: textOf('query.serviceName'),
    operation: textOf('query.operationName'),
    tags: attributes(query),
    startNano: from,
    endNano: to,
    minDurationNano: duration(query, 'query.durationMin'),
    maxDurationNano: duration(query, 'query.durationMax'),
    limit: depth(query),
  };
}

/** Reads the query string of `GET /api/v3/operations`; no service means all. */
export function parseOperationsRequestV3(query: URLSearchParams): { service: string; spanKind: string } {
  return { service: query.get('service') ?? '', spanKind: find(query, 'spanKind').text.toLowerCase() };
}

function attributes(query: URLSearchParams): [string, string][] {
  const text = query.get('query.attributes') ?? '';
  if (text === '') return [];
  let map: unknown;
  try {
    map = JSON.parse(text);
  } catch (error) {
    throw malformed('query.attributes', (error as Error).message);
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw malformed('query.attributes', 'not a JSON map');
  return Object.entries(map).map(([key, value]: [string, unknown]) => {
    if (typeof value === 'string') return [key, value];
    throw malformed('query.attributes', `the value of ${JSON.stringify(key)} is not a string`);
  });
}

function time(query: URLSearchParams, parameter: string): bigint | undefined {
  const { name, text } = find(query, parameter);
  if (text === '') return undefined;
  const nano = Number.isNaN(Date.parse(text)) ? undefined : dateTimeToUnixNano(text);
  if (nano === undefined) throw malformed(name, `cannot parse ${JSON.stringify(text)} as an RFC 3339 time`);
  return nano;
}

function duration(query: URLSearchParams, parameter: string): bigint | undefined {
  const { name, text } = find(query, parameter);
  if (text === '') return undefined;
  try {
    return parseGoDuration(text);
  } catch (error) {
    throw malformed(name, (error as Error).message);
  }
}

function depth(query: URLSearchParams): number {
  const given = find(query, 'query.searchDepth');
  const text = given.text || (query.get('query.num_traces') ?? '');
  if (text === '') return DEFAULT_TRACE_LIMIT;
  const limit = goInteger(text);
  if (limit instanceof ValueFault) throw malformed(given.name, limit.message);
  if (limit < 1n) throw malformed(given.name, 'it must be at least 1');
  return limit > BigInt(MAX_TRACE_LIMIT) ? MAX_TRACE_LIMIT : Number(limit);
}

function malformed(name: string, message: string): MplpError {
  return bad(`malformed parameter ${name}: ${message}`);
}
