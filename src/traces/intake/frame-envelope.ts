import type { BodyForm } from '../../native/index.js';

/** The spans of a WebSocket frame, and the number that its sender wants back. */
export interface FrameContent {
  /** The `seq` as it was written, in the encoding of the frame, so that it goes back exactly. */
  readonly seq: Uint8Array | undefined;
  readonly form: BodyForm;
  /** Where the spans are in the frame. */
  readonly start: number;
  readonly end: number;
  /** Why the frame cannot be taken although its spans were found. */
  readonly fault: string | undefined;
}

const MAX_SEQ_BYTES = 256;

/**
 * Finds the spans in a frame: either the whole of it, or the `spans` member of `{seq, spans}`. Looks at the
 * outermost members only; whether the spans are well-formed is the decoder's business.
 */
export function readFrame(frame: Uint8Array, isBinary: boolean): FrameContent {
  return isBinary ? readMsgpack(frame) : readText(frame);
}

/** Collects the members of an envelope, in either encoding. */
class Envelope {
  private seq: Uint8Array | undefined;
  private spans: { start: number; end: number } | undefined;
  private fault: string | undefined;

  constructor(private readonly frame: Uint8Array) {}

  member(key: string | undefined, start: number, end: number): void {
    if (key !== 'seq' && key !== 'spans') return;
    if (this[key] !== undefined) this.fault ??= `the frame has more than one ${key}`;
    if (key === 'spans') this.spans = { start, end };
    else if (end - start > MAX_SEQ_BYTES) this.fault ??= `seq has more than ${MAX_SEQ_BYTES} bytes`;
    else this.seq = this.frame.subarray(start, end);
  }

  /** `isWhole`: nothing is missing of the envelope, and nothing comes behind it. `bareForm`: what it is without spans. */
  close(form: BodyForm, isWhole: boolean, bareForm: BodyForm): FrameContent {
    const { seq, spans } = this;
    if (spans === undefined)
      return { seq, form: bareForm, start: 0, end: this.frame.length, fault: undefined };
    const fault = this.fault ?? (isWhole ? undefined : 'the frame is not one {seq, spans} and nothing else');
    return { seq, form, ...spans, fault };
  }
}

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function readText(frame: Uint8Array): FrameContent {
  const envelope = new Envelope(frame);
  const open = skipSpace(frame, 0);
  if (frame[open] !== 0x7b) return envelope.close('json', false, 'json');
  let at = skipSpace(frame, open + 1);
  while (frame[at] === QUOTE) {
    const keyEnd = skipValue(frame, at);
    const key = parseKey(frame, at, keyEnd);
    at = skipSpace(frame, keyEnd);
    if (frame[at] !== 0x3a) break;
    const start = skipSpace(frame, at + 1);
    const end = skipValue(frame, start);
    // A seq that is no JSON could not be given back as JSON.
    if (key !== 'seq' || isJson(frame, start, end)) envelope.member(key, start, end);
    at = skipSpace(frame, end);
    if (frame[at] !== 0x2c) break;
    const next = skipSpace(frame, at + 1);
    if (frame[next] !== QUOTE) break;
    at = next;
  }
  const isWhole = frame[at] === 0x7d && skipSpace(frame, at + 1) === frame.length;
  // One document, however it is broken into lines, or one a line.
  const isOne = skipSpace(frame, skipValue(frame, open)) === frame.length;
  return envelope.close('json', isWhole, isOne ? 'json' : 'ndjson');
}

function parseKey(frame: Uint8Array, start: number, end: number): string | undefined {
  return end - start <= MAX_SEQ_BYTES && isJson(frame, start, end)
    ? (JSON.parse(text(frame, start, end)) as string)
    : undefined;
}

function isJson(frame: Uint8Array, start: number, end: number): boolean {
  try {
    JSON.parse(text(frame, start, end));
    return true;
  } catch {
    return false;
  }
}

function text(frame: Uint8Array, start: number, end: number): string {
  return Buffer.from(frame.buffer, frame.byteOffset + start, Math.max(0, end - start)).toString('utf8');
}

function skipSpace(frame: Uint8Array, at: number): number {
  while (at < frame.length && SPACE.has(frame[at] as number)) at++;
  return at;
}

/** The place behind the value that starts at `at`; the end of the frame when it is not closed. */
function skipValue(frame: Uint8Array, at: number): number {
  let depth = 0;
  for (; at < frame.length; at++) {
    const byte = frame[at] as number;
    if (byte === QUOTE) {
      for (at++; at < frame.length && frame[at] !== QUOTE; at++) if (frame[at] === BACKSLASH) at++;
      if (depth === 0) return Math.min(at + 1, frame.length);
    } else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === 0x2c || SPACE.has(byte))) return at;
  }
  return frame.length;
}

function readMsgpack(frame: Uint8Array): FrameContent {
  const envelope = new Envelope(frame);
  const first = frame[0] as number;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let members = 0;
  let at = 0;
  if (first >= 0x80 && first <= 0x8f) [members, at] = [first & 0x0f, 1];
  else if (first === 0xde && frame.length >= 3) [members, at] = [view.getUint16(1), 3];
  for (let i = 0; i < members; i++) {
    const keyEnd = skipMsgpack(view, at);
    if (keyEnd === undefined) break;
    const end = skipMsgpack(view, keyEnd);
    const key = msgpackText(view, at, keyEnd);
    // A truncated array of spans is still the spans, so that the answer has their seq.
    if (end !== undefined || key === 'spans') envelope.member(key, keyEnd, end ?? frame.length);
    at = end ?? Infinity;
  }
  return envelope.close('msgpack', at === frame.length, 'msgpack');
}

function msgpackText(view: DataView, start: number, end: number): string | undefined {
  const type = view.getUint8(start);
  const head =
    type >= 0xa0 && type <= 0xbf ? 1 : type === 0xd9 ? 2 : type === 0xda ? 3 : type === 0xdb ? 5 : 0;
  if (head === 0 || end - start > 256) return undefined;
  return Buffer.from(view.buffer, view.byteOffset + start + head, end - start - head).toString('utf8');
}

/** The place behind the value at `at`; `undefined` when it is cut off. Nesting costs no stack. */
function skipMsgpack(view: DataView, at: number): number | undefined {
  for (let left = 1; left > 0; left--) {
    if (at >= view.byteLength) return undefined;
    const type = view.getUint8(at);
    const size = (bytes: 1 | 2 | 4): number => {
      if (at + 1 + bytes > view.byteLength) return NaN;
      return bytes === 1
        ? view.getUint8(at + 1)
        : bytes === 2
          ? view.getUint16(at + 1)
          : view.getUint32(at + 1);
    };
    let step: number;
    if (type <= 0x7f || type >= 0xe0 || (type >= 0xc0 && type <= 0xc3)) step = 1;
    else if (type <= 0x8f) [step, left] = [1, left + 2 * (type & 0x0f)];
    else if (type <= 0x9f) [step, left] = [1, left + (type & 0x0f)];
    else if (type <= 0xbf) step = 1 + (type & 0x1f);
    else if (type === 0xc4 || type === 0xd9) step = 2 + size(1);
    else if (type === 0xc5 || type === 0xda) step = 3 + size(2);
    else if (type === 0xc6 || type === 0xdb) step = 5 + size(4);
    else if (type === 0xc7) step = 3 + size(1);
    else if (type === 0xc8) step = 4 + size(2);
    else if (type === 0xc9) step = 6 + size(4);
    else if (type === 0xca || type === 0xce || type === 0xd2) step = 5;
    else if (type === 0xcb || type === 0xcf || type === 0xd3) step = 9;
    else if (type === 0xcc || type === 0xd0) step = 2;
    else if (type === 0xcd || type === 0xd1) step = 3;
    else if (type >= 0xd4 && type <= 0xd8) step = 2 + 2 ** (type - 0xd4);
    else if (type === 0xdc) [step, left] = [3, left + size(2)];
    else if (type === 0xdd) [step, left] = [5, left + size(4)];
    else if (type === 0xde) [step, left] = [3, left + 2 * size(2)];
    else [step, left] = [5, left + 2 * size(4)];
    if (!(step > 0) || Number.isNaN(left)) return undefined;
    at += step;
    if (at > view.byteLength) return undefined;
  }
  return at;
}
