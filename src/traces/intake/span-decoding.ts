import type { FieldError } from '../../errors/index.js';
import type { BodyForm, DecodeResult, SpanDecoder } from '../../native/index.js';
import type { SpanJudge, TimeWindow } from '../../protocol/index.js';
import { MAX_REPORTED_SPANS, type SpanFault } from './receipt.js';

const DAY_NS = 86_400_000_000_000n;

/** The part of the configuration that decides about single spans. Plain data: it goes to the worker threads. */
export interface SpanLimits {
  readonly maxSpanBytes: number;
  readonly maxSpanAgeDays: number;
  readonly maxSpanFutureDays: number;
}

/** One body through the decoder, with its refused spans judged. */
export interface DecodedBody {
  readonly total: number;
  readonly accepted: number;
  readonly faults: readonly SpanFault[];
  readonly malformed: FieldError | undefined;
  /** Spans that the native check refuses and the judge does not: a bug in one of the two. */
  readonly disagreements: number;
  readonly seqBase: bigint;
  readonly result: DecodeResult;
}

export interface DecodeContext {
  readonly decoder: SpanDecoder;
  readonly judge: SpanJudge;
  readonly limits: SpanLimits;
}

/** Judges single spans of a body by their byte ranges. */
function openJudge(
  context: DecodeContext,
  body: Uint8Array,
  length: number,
  form: BodyForm,
  window: TimeWindow,
): (start: number, end: number) => readonly FieldError[] {
  if (form === 'otlp-protobuf' || form === 'otlp-json') {
    const otlp = context.judge.openOtlp(body, length, form);
    return (start, end) => otlp.judge(start, end, window);
  }
  const spanForm = form === 'msgpack' ? 'msgpack' : 'json';
  // A copy: text decoders refuse bytes that other threads may change.
  return (start, end) => context.judge.judge(Buffer.from(body.subarray(start, end)), spanForm, window);
}

/** Appends the valid spans of a body to the decoder's open block and explains the others. */
export function decodeBody(
  context: DecodeContext,
  body: Uint8Array,
  length: number,
  form: BodyForm,
  projectId: string,
  seqBase: bigint,
): DecodedBody {
  const nowMs = Date.now();
  const now = BigInt(nowMs) * 1_000_000n;
  const window: TimeWindow = {
    minTimeUnixNano: now - BigInt(context.limits.maxSpanAgeDays) * DAY_NS,
    maxTimeUnixNano: now + BigInt(context.limits.maxSpanFutureDays) * DAY_NS,
  };
  const result = context.decoder.decode(body, length, form, {
    projectId,
    seqBase,
    receivedAtSeconds: Math.floor(nowMs / 1000),
    minTimeUnixNano: window.minTimeUnixNano,
    maxTimeUnixNano: window.maxTimeUnixNano,
    maxSpanBytes: context.limits.maxSpanBytes,
  });
  const { refused } = result;
  const judge = openJudge(context, body, length, form, window);
  const faults: SpanFault[] = [];
  let disagreements = 0;
  for (let i = 0; i + 2 < refused.length && faults.length < MAX_REPORTED_SPANS; i += 3) {
    let errors = judge(refused[i + 1] as number, refused[i + 2] as number);
    if (errors.length === 0) {
      disagreements++;
      errors = [
        {
          pointer: '',
          keyword: 'internal',
          message: 'the engine could not store this span; please report it',
        },
      ];
    }
    faults.push({ index: refused[i] as number, errors });
  }
  const malformed = result.malformed && {
    pointer: '',
    keyword: 'syntax',
    message: `${result.malformed.reason} at byte ${result.malformed.offset}`,
  };
  return {
    total: result.total,
    accepted: result.accepted,
    faults,
    malformed,
    disagreements,
    seqBase,
    result,
  };
}
