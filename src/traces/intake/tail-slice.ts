import type { BodyForm, DecodeResult } from '../../native/index.js';
import { otlpToSpan } from '../../protocol/index.js';
import type { TailSlice } from './decode-task.js';
import type { DecodeContext } from './span-decoding.js';

/** The form of the spans in a slice: those from OpenTelemetry are told as the spans they became. */
export function tailForm(form: BodyForm): BodyForm {
  return form === 'otlp-protobuf' || form === 'otlp-json' ? 'json' : form;
}

/** Copies the watched spans of a body into one piece, so that the body itself can be used again at once. */
export function sliceForTail(
  context: DecodeContext,
  body: Uint8Array,
  length: number,
  form: BodyForm,
  result: DecodeResult,
  version: number,
): TailSlice | undefined {
  const { matches, matchesDropped } = result;
  if (matches.length === 0 && !matchesDropped.some((count) => count > 0)) return undefined;
  const read = openBody(context, body, length, form);
  const spans: Uint8Array[] = [];
  const moved = new Uint32Array(matches.length);
  let offset = 0;
  for (let i = 0; i < matches.length; i += 3) {
    const span = read(matches[i + 1] as number, matches[i + 2] as number);
    spans.push(span);
    moved[i] = matches[i] as number;
    moved[i + 1] = offset;
    moved[i + 2] = offset += span.length;
  }
  const copy = new Uint8Array(offset);
  spans.forEach((span, i) => copy.set(span, moved[i * 3 + 1]));
  return { version, body: copy, matches: moved, matchesDropped };
}

/** Reads single spans of a body by their byte ranges. */
function openBody(
  context: DecodeContext,
  body: Uint8Array,
  length: number,
  form: BodyForm,
): (start: number, end: number) => Uint8Array {
  if (form !== 'otlp-protobuf' && form !== 'otlp-json') return (start, end) => body.subarray(start, end);
  const otlp = context.judge.openOtlp(body, length, form);
  return (start, end) => Buffer.from(JSON.stringify(otlpToSpan(otlp.read(start, end))));
}
