import {
  latestSpans,
  readSpans,
  readWholeTraces,
  traceWhere,
  type ClickHouseReader,
  type SpanRow,
} from '../query/index.js';
import { jaegerId } from './ids.js';
import { SERVICE_NAME } from './service-name.js';
import { toJaegerSpan, type Process, type TraceContext } from './span-json.js';

/** Small traces are read together, up to this many spans and bytes of payloads; a larger one is streamed by itself. */
const MAX_TOGETHER_SPANS = 2000;
const MAX_TOGETHER_BYTES = 8 * 1024 * 1024;

/** A trace that is to be written, with the size of what is stored of it. */
export interface TraceSize {
  readonly traceId: string;
  readonly spans: number;
  readonly payloadBytes: number;
}

/** Columns of a statement over rows `s` grouped by trace that give the numbers of a `TraceSize`. */
export const SIZE_COLUMNS = 'toString(count()), toString(sum(s.payload_bytes))';

/** The traces as members of a JSON array, in their order, piece by piece. */
export async function* traceTexts(
  reader: ClickHouseReader,
  projectId: string,
  traces: readonly TraceSize[],
): AsyncGenerator<string> {
  let separator = '';
  for (const group of groups(traces)) {
    yield separator;
    separator = ',';
    const [first] = group;
    if (group.length === 1 && first !== undefined) yield* largeTrace(reader, projectId, first.traceId);
    else
      yield await smallTraces(
        reader,
        projectId,
        group.map(({ traceId }) => traceId),
      );
  }
}

function groups(traces: readonly TraceSize[]): TraceSize[][] {
  const all: TraceSize[][] = [];
  let group: TraceSize[] = [];
  let spans = 0;
  let bytes = 0;
  for (const trace of traces) {
    spans += trace.spans;
    bytes += trace.payloadBytes;
    if (group.length > 0 && (spans > MAX_TOGETHER_SPANS || bytes > MAX_TOGETHER_BYTES)) {
      all.push(group);
      group = [];
      spans = trace.spans;
      bytes = trace.payloadBytes;
    }
    group.push(trace);
  }
  if (group.length > 0) all.push(group);
  return all;
}

async function smallTraces(
  reader: ClickHouseReader,
  projectId: string,
  traceIds: readonly string[],
): Promise<string> {
  const byTrace = new Map<string, { row: SpanRow; value: string }[]>(traceIds.map((id) => [id, []]));
  for (const span of await readWholeTraces(reader, projectId, traceIds, SERVICE_NAME))
    byTrace.get(span.row.trace_id)?.push(span);
  const texts: string[] = [];
  for (const [traceId, spans] of byTrace) {
    const ids = new Set(spans.map(({ row }) => row.span_id));
    const trace = createTrace(ids);
    const text = spans.map(({ row, value }) => JSON.stringify(toJaegerSpan(row, value, trace))).join(',');
    texts.push(traceHead(traceId) + text + trace.tail());
  }
  return texts.join(',');
}

/** Memory holds the ids of its spans and one chunk of them. */
async function* largeTrace(
  reader: ClickHouseReader,
  projectId: string,
  traceId: string,
): AsyncGenerator<string> {
  const services = new Map<string, string>();
  const pointers: { spanId: string; payloadBytes: number }[] = [];
  const rows = reader.stream<[string, number, string]>(
    `SELECT toString(s.span_id), s.payload_bytes, ${SERVICE_NAME}
    FROM ${latestSpans(reader.database, traceWhere(projectId, traceId))} ORDER BY s.start_time, toString(s.span_id)`,
  );
  for await (const group of rows)
    for (const [spanId, payloadBytes, service] of group) {
      pointers.push({ spanId, payloadBytes });
      services.set(spanId, service);
    }
  const trace = createTrace(services);
  yield traceHead(traceId);
  let separator = '';
  for await (const chunk of readSpans(reader, projectId, traceId, pointers, false)) {
    let text = '';
    for (const row of chunk) {
      text += separator + JSON.stringify(toJaegerSpan(row, services.get(row.span_id) ?? row.agent_id, trace));
      separator = ',';
    }
    yield text;
  }
  yield trace.tail();
}

function traceHead(traceId: string): string {
  return `{"traceID":"${jaegerId(traceId)}","spans":[`;
}

interface Trace extends TraceContext {
  /** The JSON text behind the spans. */
  tail(): string;
}

function createTrace(spanIds: { has(spanId: string): boolean }): Trace {
  const processes = new Map<string, { id: string; process: Process }>();
  return {
    hasSpan: (spanId) => spanIds.has(spanId),
    processId(process) {
      const key = JSON.stringify(process);
      const known = processes.get(key);
      if (known !== undefined) return known.id;
      const id = `p${processes.size + 1}`;
      processes.set(key, { id, process });
      return id;
    },
    tail() {
      const byId = Object.fromEntries([...processes.values()].map(({ id, process }) => [id, process]));
      return `],"processes":${JSON.stringify(byId)},"warnings":null}`;
    },
  };
}
