import { ClientError } from './client-error.js';
import { readEventStream } from './event-stream.js';
import { createRequest, type ConnectionOptions } from './request.js';
import type { DeadLetter, Receipt, Span, SpanPage, TraceSummary } from './wire.js';

export type BodyType = 'application/json' | 'application/x-ndjson' | 'application/msgpack';

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** The same key again is answered with the first receipt instead of being stored twice. Default: the body's content. */
  readonly idempotencyKey?: string;
  /** `stored` answers when ClickHouse has the spans, not already when they are safe on disk. */
  readonly durability?: 'spooled' | 'stored';
}

export interface TraceFilter {
  readonly agent_id?: string;
  readonly context_id?: string;
  readonly action?: string;
  readonly type?: string;
  readonly status?: string;
  readonly from?: string;
  readonly to?: string;
  readonly min_duration_ms?: number;
  readonly q?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface TailFilter {
  readonly agent_id?: string | undefined;
  readonly context_id?: string | undefined;
  readonly action?: string | undefined;
  readonly status?: string | undefined;
}

/** `missed` tells how many spans a slow reader did not get. `open` comes once, when the tail is listening. */
export type TailEvent =
  | { readonly kind: 'open' }
  | { readonly kind: 'span'; readonly span: Span }
  | { readonly kind: 'missed'; readonly count: number };

export interface Readiness {
  readonly ready: boolean;
  /** What each part of the engine says of itself. */
  readonly parts: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

export interface Client {
  /** Sends spans as one JSON array. Spans that break a rule are in the receipt; if all do, a `ClientError` (400) is thrown. */
  sendSpans(spans: readonly Span[], options?: SendOptions): Promise<Receipt>;
  /** Sends bytes that are already encoded. */
  sendBody(body: string | Uint8Array, type: BodyType, options?: SendOptions): Promise<Receipt>;
  getReceipt(receipt: string): Promise<Receipt>;
  listTraces(
    filter?: TraceFilter,
    signal?: AbortSignal,
  ): Promise<{ traces: readonly TraceSummary[]; next: string | null }>;
  /** All spans of a trace, page by page. */
  readSpans(traceId: string, signal?: AbortSignal): AsyncGenerator<SpanPage>;
  /** Runs one read-only statement. The response is streamed in the format asked for. */
  query(
    sql: string,
    options?: { format?: string; params?: Record<string, unknown>; signal?: AbortSignal },
  ): Promise<Response>;
  /** New spans as they come in; ends when the connection does. */
  tail(filter?: TailFilter, signal?: AbortSignal): AsyncGenerator<TailEvent>;
  listDeadLetters(signal?: AbortSignal): Promise<readonly DeadLetter[]>;
  /** Sends dead letters through the loader again. Resolves with the engine's answer. */
  replayDeadLetters(ids: readonly string[] | 'all', signal?: AbortSignal): Promise<Record<string, unknown>>;
  /** Asks `/ready` once, without credentials. Throws a `ClientError` when nobody answers, or somebody else. */
  getReadiness(signal?: AbortSignal): Promise<Readiness>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** A client of one engine. Holds no connection of its own, so there is nothing to close. */
export function createClient(connection: ConnectionOptions): Client {
  const request = createRequest(connection);

  async function getJson<T>(path: string, query: object = {}, signal?: AbortSignal): Promise<T> {
    const response = await request(path, {
      query: query as Record<string, string | number | undefined>,
      signal,
      isRepeatable: true,
    });
    return (await response.json()) as T;
  }

  async function sendBody(
    body: string | Uint8Array,
    type: BodyType,
    options: SendOptions = {},
  ): Promise<Receipt> {
    const response = await request('/v1.0/traces', {
      method: 'POST',
      query: { durability: options.durability },
      headers: {
        'content-type': type,
        ...(options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }),
      },
      body,
      signal: options.signal,
      // The engine knows a batch that it has already seen by its content.
      isRepeatable: true,
    });
    return (await response.json()) as Receipt;
  }

  return {
    sendBody,
    sendSpans: (spans, options) => sendBody(JSON.stringify(spans), 'application/json', options),
    getReceipt: (receipt) => getJson(`/v1.0/traces/receipts/${encodeURIComponent(receipt)}`),
    listTraces: (filter = {}, signal) => getJson('/v1.0/traces', filter, signal),
    async *readSpans(traceId, signal) {
      let cursor: string | null = null;
      do {
        const path = `/v1.0/traces/${encodeURIComponent(traceId)}/spans`;
        const page: SpanPage = await getJson(path, { limit: 1000, cursor: cursor ?? undefined }, signal);
        yield page;
        cursor = page.next ?? null;
      } while (cursor !== null);
    },
    query: (sql, options = {}) =>
      request('/v1.0/query', {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify({
          sql,
          ...(options.format === undefined ? {} : { format: options.format }),
          ...(options.params === undefined ? {} : { params: options.params }),
        }),
        signal: options.signal,
        isRepeatable: true,
      }),
    async *tail(filter = {}, signal) {
      const response = await request('/v1.0/traces/stream', {
        query: { ...filter },
        headers: { accept: 'text/event-stream' },
        signal,
        isRepeatable: true,
      });
      yield { kind: 'open' };
      for await (const { event, data } of readEventStream(
        response.body as unknown as AsyncIterable<Uint8Array>,
      )) {
        if (event === 'missed')
          yield { kind: 'missed', count: (JSON.parse(data) as { missed: number }).missed };
        else if (event === 'span') yield { kind: 'span', span: JSON.parse(data) as Span };
      }
    },
    async listDeadLetters(signal) {
      const answer = await getJson<{ dead_letters: readonly DeadLetter[] }>('/v1.0/dead-letters', {}, signal);
      return answer.dead_letters;
    },
    async replayDeadLetters(ids, signal) {
      const response = await request('/v1.0/dead-letters/replay', {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(ids === 'all' ? { all: true } : { ids }),
        signal,
        isRepeatable: false,
      });
      return (await response.json()) as Record<string, unknown>;
    },
    async getReadiness(signal) {
      const once = createRequest({ ...connection, key: undefined, retry: { maxAttempts: 1 } });
      let text: string;
      try {
        text = await (await once('/ready', { signal, isRepeatable: false })).text();
      } catch (error) {
        if (!(error instanceof ClientError) || error.status !== 503) throw error;
        text = error.details.text ?? '';
      }
      return parseReadiness(text);
    },
  };
}

function parseReadiness(text: string): Readiness {
  try {
    const { status, parts } = JSON.parse(text) as { status?: unknown; parts?: Readiness['parts'] };
    if (parts !== undefined) return { ready: status === 'ready', parts };
  } catch {
    // Told below: it is not the engine's answer.
  }
  throw new ClientError('UNEXPECTED', 'What answers there is no MPLP engine.');
}
