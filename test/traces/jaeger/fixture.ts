import { createJaegerQueries, parseTraceRequest, type JaegerQueries } from '#dist/traces/jaeger/index.js';
import { config, noSignal, startStored, textOf, type Stored } from '../query/fixture.js';

export interface JaegerTrace {
  traceID: string;
  spans: {
    traceID: string;
    spanID: string;
    operationName: string;
    references: { refType: string; traceID: string; spanID: string }[];
    startTime: number;
    duration: number;
    tags: { key: string; type: string; value: unknown }[];
    logs: { timestamp: number; fields: { key: string; type: string; value: unknown }[] }[];
    processID: string;
    warnings: string[] | null;
    flags?: number;
  }[];
  processes: Record<string, { serviceName: string; tags: { key: string; type: string; value: unknown }[] }>;
  warnings: string[] | null;
}

export interface Envelope {
  data: JaegerTrace[];
  total: number;
  limit: number;
  offset: number;
  errors: { code?: number; msg: string; traceID?: string }[] | null;
}

export interface JaegerStored extends Stored {
  readonly jaeger: JaegerQueries;
  /** `GET /api/traces?…`, the text of its answer. */
  search(query: string, projectId?: string): Promise<Envelope>;
  /** `GET /api/traces/{id}`, the text of its answer. */
  trace(traceId: string, projectId?: string): Promise<string>;
}

/** A store with the questions of Jaeger. */
export async function startJaegerStored(): Promise<JaegerStored> {
  const stored = await startStored();
  const jaeger = createJaegerQueries({ store: stored.store, config });
  return {
    ...stored,
    jaeger,
    async search(query, projectId = 'default') {
      const request = parseTraceRequest(new URLSearchParams(query), Date.now());
      return JSON.parse(await textOf(await jaeger.traces(projectId, request, noSignal))) as Envelope;
    },
    async trace(traceId, projectId = 'default') {
      return textOf(await jaeger.trace(projectId, traceId, noSignal));
    },
  };
}
