import type { FieldError } from '../errors/index.js';
import { unixNanoToDateTime } from './date-time.js';
import { createFaultList, Unreadable, type FaultList } from './faults.js';
import {
  MAX_CONTEXT_BYTES,
  type OtlpResource,
  type OtlpScope,
  type OtlpSpan,
} from './otlp-document.js';
import { findSpanFrame, type ByteRange, type SpanFrame } from './otlp-frames.js';
import { OtlpJsonReader } from './otlp-json.js';
import { OtlpProtobufReader } from './otlp-protobuf.js';
import { MAX_SPAN_ERRORS, type TimeWindow } from './span-limits.js';
import { decodeUtf8, readStrictJson } from './strict-json.js';

/** How an `ExportTraceServiceRequest` is encoded. */
export type OtlpForm = 'otlp-protobuf' | 'otlp-json';

/** A span with what stands around it. */
export interface FramedOtlpSpan {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  readonly span: OtlpSpan;
}

/** Reads spans of one body by the byte ranges that the native decoder gives. */
export interface OtlpBodyJudge {
  /** Every fault of the span, its resource and its scope, up to `MAX_SPAN_ERRORS`; empty when it is valid. */
  judge(start: number, end: number, window: TimeWindow): readonly FieldError[];
  /** A span that was accepted. */
  read(start: number, end: number): FramedOtlpSpan;
}

const INT64_MAX = 2n ** 63n - 1n;
const WHAT = { traceId: 16, spanId: 8 } as const;

/**
 * The reference verdict on OpenTelemetry spans, and its report. Pointers speak of the names in OTLP/JSON, from the span
 * on, or begin with `/resource` or `/scope`. The native decoder accepts exactly what this accepts.
 */
export function createOtlpBodyJudge(
  body: Uint8Array,
  length: number,
  form: OtlpForm,
  maxSpanBytes: number,
): OtlpBodyJudge {
  let frame: SpanFrame | undefined;

  function frameOf(span: ByteRange): SpanFrame | undefined {
    // Spans come in order, so most have the frame of the one before.
    if (frame === undefined || span.start <= frame.around.start || span.end > frame.around.end)
      frame = findSpanFrame(body, length, form, span);
    return frame;
  }

  // A copy: text decoders refuse bytes that other threads may change.
  const copy = (range: ByteRange) => Buffer.from(body.subarray(range.start, range.end));

  function readMessage<T>(
    bytes: Uint8Array,
    faults: FaultList,
    fromProtobuf: (reader: OtlpProtobufReader) => T,
    fromJson: (reader: OtlpJsonReader, value: unknown) => T,
  ): T | undefined {
    if (form === 'otlp-json') {
      const { value, faults: lexical } = readStrictJson(bytes, MAX_SPAN_ERRORS, true);
      for (const fault of lexical) faults.add(fault.pointer, fault.keyword, fault.message);
      return value === undefined ? undefined : fromJson(new OtlpJsonReader(faults), value);
    }
    try {
      return fromProtobuf(new OtlpProtobufReader(bytes, faults));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return undefined;
    }
  }

  const readSpan = (range: ByteRange, faults: FaultList) =>
    readMessage(
      copy(range),
      faults,
      (reader) => reader.readSpan(),
      (reader, value) => reader.readSpan(value),
    );

  function readHead<T extends object>(
    name: 'resource' | 'scope',
    range: ByteRange | undefined,
    faults: FaultList,
    fromProtobuf: (reader: OtlpProtobufReader) => T,
    fromJson: (reader: OtlpJsonReader, value: unknown) => T,
  ): T | undefined {
    if (range === undefined) return undefined;
    const size = range.end - range.start;
    if (size > MAX_CONTEXT_BYTES) {
      const limit = `at most ${MAX_CONTEXT_BYTES} are allowed`;
      faults.add([name], 'maxBytes', `the ${name} has ${size} bytes; ${limit}`);
      return undefined;
    }
    const own = createFaultList(MAX_SPAN_ERRORS);
    const head = readMessage(copy(range), own, fromProtobuf, fromJson);
    for (const fault of own.faults) faults.add(`/${name}${fault.pointer}`, fault.keyword, fault.message);
    return head;
  }

  function readHeads(span: ByteRange, faults: FaultList): Omit<FramedOtlpSpan, 'span'> {
    const found = frameOf(span);
    const resource = readHead(
      'resource',
      found?.resource,
      faults,
      (reader) => reader.readResource(),
      (reader, value) => reader.readResource(value),
    );
    const scope = readHead(
      'scope',
      found?.scope,
      faults,
      (reader) => reader.readScope(),
      (reader, value) => reader.readScope(value),
    );
    return {
      resource: withSchemaUrl(resource ?? {}, found?.resourceSchemaUrl),
      scope: withSchemaUrl(scope ?? {}, found?.scopeSchemaUrl),
    };
  }

  function withSchemaUrl<T extends { schemaUrl?: string }>(head: T, range: ByteRange | undefined): T {
    if (range === undefined) return head;
    const text = decodeUtf8(copy(range)) ?? '';
    const schemaUrl = form === 'otlp-json' ? ((JSON.parse(text) as string | null) ?? '') : text;
    return schemaUrl === '' ? head : { ...head, schemaUrl };
  }

  return {
    judge(start, end, window) {
      const range = { start, end };
      const faults = createFaultList(MAX_SPAN_ERRORS);
      if (end - start > maxSpanBytes) {
        const limit = `at most ${maxSpanBytes} are allowed`;
        faults.add('', 'maxBytes', `the span has ${end - start} bytes; ${limit}`);
        return faults.faults;
      }
      const span = readSpan(range, faults);
      if (span !== undefined) addSpanFaults(faults, span, window);
      readHeads(range, faults);
      return faults.faults;
    },
    read(start, end) {
      const range = { start, end };
      const faults = createFaultList(1);
      return { span: readSpan(range, faults) ?? {}, ...readHeads(range, faults) };
    },
  };
}

function addSpanFaults(faults: FaultList, span: OtlpSpan, window: TimeWindow): void {
  const isFaulty = (pointer: string) => faults.faults.some((fault) => fault.pointer.startsWith(pointer));
  for (const key of ['traceId', 'spanId'] as const) {
    if (isFaulty(`/${key}`)) continue;
    if (span[key] === undefined)
      faults.add([key], 'required', `is required: ${WHAT[key]} bytes, not all of them zero`);
    else if (/^0*$/.test(span[key])) faults.add([key], 'zeroId', 'must not be all zero');
  }
  if (isFaulty('/startTimeUnixNano') || isFaulty('/endTimeUnixNano')) return;
  const start = BigInt(span.startTimeUnixNano ?? 0);
  const end = BigInt(span.endTimeUnixNano ?? 0);
  addWindowFault(faults, 'startTimeUnixNano', start, window);
  if (end === 0n) return;
  addWindowFault(faults, 'endTimeUnixNano', end, window);
  if (end < start) faults.add(['endTimeUnixNano'], 'timeOrder', 'is before startTimeUnixNano');
}

function addWindowFault(faults: FaultList, name: string, unixNano: bigint, window: TimeWindow): void {
  if (unixNano >= window.minTimeUnixNano && unixNano <= window.maxTimeUnixNano && unixNano <= INT64_MAX)
    return;
  const [from, to] = [window.minTimeUnixNano, window.maxTimeUnixNano].map(unixNanoToDateTime);
  const got = unixNanoToDateTime(unixNano) ?? `${unixNano} ns`;
  faults.add([name], 'timeWindow', `must be between ${from} and ${to}, not ${got}`);
}
