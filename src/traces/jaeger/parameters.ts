import { MplpError } from '../../errors/index.js';
import { parseGoDuration, parseLookback, ValueFault } from './go-duration.js';
import { uuidOfJaegerId } from './ids.js';
import { parseLogfmt } from './logfmt.js';

export const DEFAULT_TRACE_LIMIT = 100;
export const MAX_TRACE_LIMIT = 1500;
const DEFAULT_DEPENDENCY_LOOKBACK_MS = 24 * 3600 * 1000;
const INT64 = 2n ** 63n;

/** A search for traces: one span of a trace must fit all of it together. */
export interface TraceSearch {
  readonly service: string | undefined;
  readonly operation: string | undefined;
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** The span starts at or after this time, in nanoseconds since the epoch. */
  readonly startNano: bigint | undefined;
  /** The span starts at or before this time. */
  readonly endNano: bigint | undefined;
  readonly minDurationNano: bigint | undefined;
  readonly maxDurationNano: bigint | undefined;
  readonly limit: number;
}

export interface DependencyWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** `GET /api/traces`: a search, or the ids (UUIDs) of the traces that are asked for. */
export type TraceRequest = { readonly search: TraceSearch } | { readonly traceIds: readonly string[] };

/** Reads the query string of `GET /api/traces`. Throws `MPLP_ERR_HTTP_BAD_REQUEST` in Jaeger's words. */
export function parseTraceRequest(query: URLSearchParams, nowMs: number): TraceRequest {
  const endNano = microseconds(query, 'end');
  const lookback = query.get('lookback') ?? '';
  const lookbackNano =
    lookback === '' || lookback === 'custom' ? undefined : value('lookback', () => parseLookback(lookback));
  const startNano =
    microseconds(query, 'start') ??
    (lookbackNano === undefined ? undefined : (endNano ?? BigInt(nowMs) * 1_000_000n) - lookbackNano);
  const tags = parseTags(query.getAll('tag'), query.getAll('tags'));
  const limit = parseLimit(query.get('limit') ?? '');
  const minDurationNano = duration(query, 'minDuration');
  const maxDurationNano = duration(query, 'maxDuration');
  const traceIds = query.getAll('traceID').map((id) => {
    try {
      return uuidOfJaegerId(id);
    } catch (error) {
      throw bad(`cannot parse traceID param: ${(error as Error).message}`);
    }
  });
  if (traceIds.length > MAX_TRACE_LIMIT)
    throw bad(`at most ${MAX_TRACE_LIMIT} traces can be asked for at once`);
  if (traceIds.length > 0) return { traceIds: [...new Set(traceIds)] };
  const service = query.get('service') ?? '';
  if (service === '') throw bad("parameter 'service' is required");
  if (minDurationNano !== undefined && maxDurationNano !== undefined && maxDurationNano < minDurationNano)
    throw bad("'maxDuration' should be greater than 'minDuration'");
  const operation = query.get('operation') ?? '';
  return {
    search: {
      service,
      operation: operation === '' ? undefined : operation,
      tags,
      startNano,
      endNano,
      minDurationNano,
      maxDurationNano,
      limit,
    },
  };
}

/** `GET /api/operations`. Throws `MPLP_ERR_HTTP_BAD_REQUEST`. */
export function parseOperationsRequest(query: URLSearchParams): { service: string; spanKind: string } {
  const service = query.get('service') ?? '';
  if (service === '') throw bad("parameter 'service' is required");
  return { service, spanKind: (query.get('spanKind') ?? '').toLowerCase() };
}

/** `GET /api/dependencies?endTs=&lookback=`, both in milliseconds. Throws `MPLP_ERR_HTTP_BAD_REQUEST`. */
export function parseDependencyWindow(query: URLSearchParams, nowMs: number): DependencyWindow {
  const endTs = integer(query, 'endTs');
  const lookback = integer(query, 'lookback');
  const toMs = endTs === undefined ? nowMs : Number(endTs);
  const backMs = lookback === undefined ? DEFAULT_DEPENDENCY_LOOKBACK_MS : Number(lookback);
  if (backMs < 0) throw bad("unable to parse param 'lookback': it is negative");
  return { fromMs: toMs - backMs, toMs };
}

/** The id and the optional times of `GET /api/traces/{trace_id}`. A trace is found by its id: the times are only checked. */
export function parseTraceId(text: string, query: URLSearchParams): string {
  let traceId: string;
  try {
    traceId = uuidOfJaegerId(text);
  } catch (error) {
    throw bad((error as Error).message);
  }
  microseconds(query, 'start');
  microseconds(query, 'end');
  return traceId;
}

function parseTags(simple: readonly string[], maps: readonly string[]): [string, string][] {
  const tags = new Map<string, string>();
  for (const tag of simple) {
    const colon = tag.indexOf(':');
    if (colon <= 0) throw bad(`malformed 'tag' parameter, expecting key:value, received: ${tag}`);
    tags.set(tag.slice(0, colon), tag.slice(colon + 1));
  }
  for (const text of maps) {
    if (text.trim() === '') continue;
    const pairs = text.trimStart().startsWith('{')
      ? parseTagMap(text)
      : malformedTags(() => parseLogfmt(text));
    for (const [key, tagValue] of pairs) tags.set(key, tagValue);
  }
  return [...tags];
}

function parseTagMap(text: string): [string, string][] {
  return malformedTags(() => {
    let map: unknown;
    try {
      map = JSON.parse(text);
    } catch (error) {
      throw new ValueFault(`cannot unmarshal JSON: ${(error as Error).message}`);
    }
    return Object.entries(map as object).map(([key, tagValue]: [string, unknown]) => {
      if (typeof tagValue === 'string') return [key, tagValue];
      throw new ValueFault(`cannot unmarshal JSON: the value of ${JSON.stringify(key)} is not a string`);
    });
  });
}

function malformedTags<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ValueFault) throw bad(`malformed 'tags' parameter, ${error.message}`);
    throw error;
  }
}

function parseLimit(text: string): number {
  if (text === '') return DEFAULT_TRACE_LIMIT;
  const limit = goInteger(text);
  if (limit instanceof ValueFault) throw bad(limit.message);
  if (limit < 1n) throw bad("parameter 'limit' must be at least 1");
  return limit > BigInt(MAX_TRACE_LIMIT) ? MAX_TRACE_LIMIT : Number(limit);
}

function duration(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name) ?? '';
  return text === '' ? undefined : value(name, () => parseGoDuration(text));
}

function microseconds(query: URLSearchParams, name: string): bigint | undefined {
  const micro = integer(query, name);
  return micro === undefined ? undefined : micro * 1000n;
}

function integer(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  return value(name, () => {
    const number = goInteger(text);
    if (number instanceof ValueFault) throw number;
    return number;
  });
}

export function goInteger(text: string): bigint | ValueFault {
  const quoted = JSON.stringify(text.slice(0, 64));
  if (!/^[+-]?\d{1,40}$/.test(text))
    return new ValueFault(`strconv.ParseInt: parsing ${quoted}: invalid syntax`);
  const number = BigInt(text.replace('+', ''));
  return number >= -INT64 && number < INT64
    ? number
    : new ValueFault(`strconv.ParseInt: parsing ${quoted}: value out of range`);
}

function value<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ValueFault) throw bad(`unable to parse param '${name}': ${error.message}`);
    throw error;
  }
}

export function bad(message: string): MplpError {
  return new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', message);
}
