import type { FieldError } from '../errors/index.js';
import { dateTimeToUnixNano, unixNanoToDateTime } from './date-time.js';
import { createFaultList, type FaultList } from './faults.js';
import { readMessagePackSpan } from './msgpack-span.js';
import { createOtlpBodyJudge, type OtlpBodyJudge, type OtlpForm } from './otlp-span-judge.js';
import { addSchemaFaults } from './schema-faults.js';
import { MAX_SPAN_ERRORS, type TimeWindow } from './span-limits.js';
import { readStrictJson } from './strict-json.js';
import { validateTrace } from './validators.js';

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** How a span is encoded; a line of an NDJSON body is `json`. */
export type SpanForm = 'json' | 'msgpack';

export interface SpanJudgeOptions {
  /** A span whose encoded form is larger is refused unread (`maxBytes`); white space around it does not count. */
  readonly maxSpanBytes: number;
}

export interface SpanJudge {
  /** Every fault of one span, up to `MAX_SPAN_ERRORS`; empty when the span is valid. Never throws on input. */
  judge(bytes: Uint8Array, form: SpanForm, window: TimeWindow): readonly FieldError[];
  /** The same for the spans of one OTLP body, which cannot be read without what stands around them. */
  openOtlp(body: Uint8Array, length: number, form: OtlpForm): OtlpBodyJudge;
}

/**
 * The reference verdict on a span, and its report. The native decoder must accept exactly what this accepts;
 * it hands over the bytes of each span that it refuses. The schema demands an `id`, which the engine fills when
 * the client left it out, so a missing one counts as filled.
 */
export function createSpanJudge(options: SpanJudgeOptions): SpanJudge {
  return {
    judge(bytes, form, window) {
      const span = form === 'json' ? trimSpace(bytes) : bytes;
      const faults = createFaultList(MAX_SPAN_ERRORS);
      if (span.length > options.maxSpanBytes) {
        faults.add(
          '',
          'maxBytes',
          `the span has ${span.length} bytes; at most ${options.maxSpanBytes} are allowed`,
        );
        return faults.faults;
      }
      const read = form === 'json' ? readStrictJson : readMessagePackSpan;
      const { value, faults: lexical } = read(span, MAX_SPAN_ERRORS);
      for (const fault of lexical) faults.add(fault.pointer, fault.keyword, fault.message);
      if (value === undefined) return faults.faults;
      const document = withId(value);
      if (!validateTrace(document)) addSchemaFaults(faults, validateTrace.errors ?? [], document);
      addTimeFaults(faults, document, window);
      return faults.faults;
    },
    openOtlp: (body, length, form) => createOtlpBodyJudge(body, length, form, options.maxSpanBytes),
  };
}

function withId(value: unknown): unknown {
  if (!isRecord(value) || 'id' in value) return value;
  // The readers make the objects, so this one is ours to fill.
  value['id'] = NIL_UUID;
  return value;
}

function addTimeFaults(faults: FaultList, document: unknown, window: TimeWindow): void {
  // Text that the schema refused is not computed with.
  if (faults.faults.some(({ pointer }) => pointer.startsWith('/timestamp'))) return;
  const timestamp = isRecord(document) ? document['timestamp'] : undefined;
  if (!isRecord(timestamp)) return;
  const start = addWindowFault(faults, timestamp, 'start', window);
  const end = addWindowFault(faults, timestamp, 'end', window);
  if (start !== undefined && end !== undefined && end < start) {
    faults.add('/timestamp/end', 'timeOrder', 'is before timestamp.start');
  }
}

function addWindowFault(
  faults: FaultList,
  timestamp: Record<string, unknown>,
  name: 'start' | 'end',
  window: TimeWindow,
): bigint | undefined {
  const text = timestamp[name];
  const time = typeof text === 'string' ? dateTimeToUnixNano(text) : undefined;
  if (time === undefined) return undefined;
  if (time < window.minTimeUnixNano || time > window.maxTimeUnixNano) {
    const [from, to] = [window.minTimeUnixNano, window.maxTimeUnixNano].map(unixNanoToDateTime);
    faults.add(`/timestamp/${name}`, 'timeWindow', `must be between ${from} and ${to}`);
  }
  return time;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function trimSpace(bytes: Uint8Array): Uint8Array {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start += 1;
  while (start < end && isSpace(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
