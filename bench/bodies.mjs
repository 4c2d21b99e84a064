import { Encoder } from '@msgpack/msgpack';
import { createOtlpSource, encodeOtlpBody, meanOtlpSpanBytes } from './otlp-spans.mjs';
import { createSpanSource, meanSpanBytes } from './spans.mjs';

/**
 * Request bodies made before the clock starts, in every form that the benchmarks send.
 *
 * A pool of distinct bodies is sent round after round. Before each further round the ids of a body are
 * rewritten in place (8 hex digits of every span, parent and trace id, by exclusive or with the mask of the
 * round), so no span id and no body ever repeats and the relations inside a trace stay. The digits sit at the
 * front and in the middle of an id, so that copies of a trace do not lie side by side in any sort order and
 * compress no better than different traces would.
 */

/**
 * @typedef {'ndjson' | 'json' | 'msgpack' | 'ws-msgpack' | 'single' | 'llm' | 'otlp'} Form
 *
 * @typedef {object} FormInfo
 * @property {'agent' | 'llm' | 'otlp'} kind
 * @property {'ndjson' | 'json' | 'msgpack' | 'otlp-protobuf'} encoding Name of the encoding in the native contract.
 * @property {string} contentType
 * @property {string} path Where the engine takes it.
 * @property {number} spansPerBody
 * @property {'http' | 'websocket'} transport
 */

/** @type {Readonly<Record<Form, FormInfo>>} */
export const forms = Object.freeze({
  ndjson: {
    kind: 'agent',
    encoding: 'ndjson',
    contentType: 'application/x-ndjson',
    path: '/v1.0/traces',
    spansPerBody: 1000,
    transport: 'http',
  },
  json: {
    kind: 'agent',
    encoding: 'json',
    contentType: 'application/json',
    path: '/v1.0/traces',
    spansPerBody: 1000,
    transport: 'http',
  },
  msgpack: {
    kind: 'agent',
    encoding: 'msgpack',
    contentType: 'application/msgpack',
    path: '/v1.0/traces',
    spansPerBody: 1000,
    transport: 'http',
  },
  'ws-msgpack': {
    kind: 'agent',
    encoding: 'msgpack',
    contentType: 'application/msgpack',
    path: '/v1.0/traces',
    spansPerBody: 1000,
    transport: 'websocket',
  },
  single: {
    kind: 'agent',
    encoding: 'json',
    contentType: 'application/json',
    path: '/v1.0/traces',
    spansPerBody: 1,
    transport: 'http',
  },
  llm: {
    kind: 'llm',
    encoding: 'ndjson',
    contentType: 'application/x-ndjson',
    path: '/v1.0/traces',
    spansPerBody: 64,
    transport: 'http',
  },
  otlp: {
    kind: 'otlp',
    encoding: 'otlp-protobuf',
    contentType: 'application/x-protobuf',
    path: '/v1/traces',
    spansPerBody: 1000,
    transport: 'http',
  },
});

/** Forms of the engine's own trace wire: those that `bench:ingest` measures. */
export const traceForms = /** @type {readonly Form[]} */ (
  Object.freeze(Object.keys(forms).filter((form) => form !== 'otlp'))
);

/** Where the rewritten digits sit in the 36 characters of an id. */
const maskedDigits = [0, 1, 2, 3, 4, 20, 21, 22];
/** The same digits as (byte, shift) in the 16 bytes of an id. */
const maskedNibbles = [
  [0, 4],
  [0, 0],
  [1, 4],
  [1, 0],
  [2, 4],
  [8, 0],
  [9, 4],
  [9, 0],
];
/** Starts of `id`, `trace_id`, `span_id` and `parent_span_id` in an encoded span: they are its first members. */
const textIdOffsets = [7, 57, 106, 162];
const binaryIdOffsets = [6, 33, 59, 92];

/** Bytes behind every body that a vectorised parser may read. */
const slackBytes = 64;

/**
 * Mask of a round; 0 for the first. Distinct rounds have distinct masks (a bijective 32-bit mix).
 * @param {number} round
 */
export function maskOfRound(round) {
  let x = round >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * The mask as an id: `id of round r = id of round 0 xor maskUuid(r)`.
 * @param {number} round
 */
export function maskUuid(round) {
  const mask = maskOfRound(round);
  const digits = [...'00000000-0000-0000-0000-000000000000'];
  maskedDigits.forEach((position, i) => (digits[position] = nibble(mask, i).toString(16)));
  return digits.join('');
}

/**
 * The mask of ids of 8 bytes, which OTLP's spans have, as the UUID they are stored as: the digits of the mask stand in
 * front of the lower half.
 * @param {number} round
 */
export function shortMaskUuid(round) {
  const mask = maskOfRound(round).toString(16).padStart(8, '0');
  return `00000000-0000-0000-${mask.slice(0, 4)}-${mask.slice(4)}00000000`;
}

const nibble = (/** @type {number} */ mask, /** @type {number} */ i) => (mask >>> (28 - 4 * i)) & 15;

/** `xorDigit[(delta << 7) | character]` is the hex character with its value changed by `delta`. */
const xorDigit = new Uint8Array(16 * 128);
for (let delta = 0; delta < 16; delta++) {
  for (let value = 0; value < 16; value++) {
    xorDigit[(delta << 7) | value.toString(16).charCodeAt(0)] = (value ^ delta).toString(16).charCodeAt(0);
  }
}

/**
 * @typedef {object} Body
 * @property {Buffer} bytes Exactly the body.
 * @property {Buffer} padded The same memory with 64 bytes more behind it, as the native parsers want it.
 * @property {number} start Where the spans begin: behind the head of a WebSocket frame, else 0.
 * @property {number} spans
 * @property {number} jsonBytes What the spans take as NDJSON.
 * @property {boolean} binary Ids are 16 bytes instead of 36 characters.
 * @property {Int32Array} idOffsets Start of every id to rewrite.
 * @property {Int32Array} shortIdOffsets Start of every id of 8 bytes; only OTLP has them.
 * @property {number} round Whose ids the bytes hold now.
 * @property {string} markTraceId Trace id, in round 0, of the last span.
 * @property {number} markSpans Spans of that trace in this body.
 * @property {readonly string[]} [references] What is stored, as JSON texts; only when asked for.
 */

/**
 * @typedef {object} PoolOptions
 * @property {Form} form
 * @property {number} seed
 * @property {number} baseTimeMs See `createSpanSource`.
 * @property {number} [spreadMs]
 * @property {number} bodies How many bodies.
 * @property {number} [spansPerBody] Instead of the form's own.
 * @property {boolean} [references] Keep the JSON text of every span as it is stored in round 0.
 */

/**
 * @param {PoolOptions} options
 * @returns {Generator<Body>}
 */
export function* makeBodies({
  form,
  seed,
  baseTimeMs,
  spreadMs = 60_000,
  bodies,
  spansPerBody,
  references = false,
}) {
  const info = forms[form];
  const perBody = spansPerBody ?? info.spansPerBody;
  const source =
    info.kind === 'otlp'
      ? createOtlpSource({ seed, baseTimeMs, spreadMs })
      : createSpanSource({ seed, baseTimeMs, spreadMs, kind: info.kind });
  const encode = encodingOf(form);
  /** Spans of a single-span form still to hand out; a trace is not cut there. */
  let rest = /** @type {{ span: any, json: string }[]} */ ([]);
  for (let i = 0; i < bodies; i++) {
    const spans = [];
    while (spans.length < perBody) {
      if (rest.length === 0) rest = source.nextTrace(perBody === 1 ? Infinity : perBody - spans.length);
      spans.push(...rest.splice(0, perBody - spans.length));
    }
    const markTraceId = spans[spans.length - 1].span.trace_id;
    let markSpans = 0;
    let jsonBytes = 0;
    for (const { span, json } of spans) {
      if (span.trace_id === markTraceId) markSpans++;
      jsonBytes += Buffer.byteLength(json) + 1;
    }
    const { padded, start, idOffsets, shortIdOffsets } = encode(spans);
    yield {
      bytes: padded.subarray(0, padded.length - slackBytes),
      padded,
      start,
      spans: spans.length,
      jsonBytes,
      binary: info.encoding === 'msgpack' || info.encoding === 'otlp-protobuf',
      idOffsets,
      shortIdOffsets,
      round: 0,
      markTraceId,
      markSpans,
      ...(references && {
        references: spans.map(info.encoding === 'msgpack' ? msgpackReference : (entry) => entry.json),
      }),
    };
  }
}

const none = new Int32Array(0);

/**
 * @param {Form} form
 * @returns {(spans: { span: any, json: string }[]) => { padded: Buffer, start: number, idOffsets: Int32Array, shortIdOffsets: Int32Array }}
 */
function encodingOf(form) {
  const { encoding } = forms[form];
  if (encoding === 'otlp-protobuf') return (spans) => encodeOtlpBody(spans, slackBytes);
  return encoding === 'msgpack' ? createMsgpackEncoding(form === 'ws-msgpack') : createTextEncoding(form);
}

/** @param {Form} form */
function createTextEncoding(form) {
  const [open, separator, close] =
    form === 'json' ? ['[', ',', ']'] : form === 'single' ? ['', '', ''] : ['', '\n', '\n'];
  return (/** @type {{ span: any, json: string }[]} */ spans) => {
    const text = open + spans.map((entry) => entry.json).join(separator) + close;
    const offsets = [];
    let at = open.length;
    for (const { span, json } of spans) {
      const ids = span.parent_span_id === undefined ? 3 : 4;
      for (let k = 0; k < ids; k++) offsets.push(at + /** @type {number} */ (textIdOffsets[k]));
      at += Buffer.byteLength(json) + separator.length;
    }
    const padded = Buffer.alloc(Buffer.byteLength(text) + slackBytes);
    padded.write(text);
    return { padded, start: 0, idOffsets: Int32Array.from(offsets), shortIdOffsets: none };
  };
}

/** Ids as 16-byte bin, times as timestamp extension. @param {boolean} framed As a WebSocket frame `{seq, spans}`. */
function createMsgpackEncoding(framed) {
  const encoder = new Encoder();
  return (/** @type {{ span: any }[]} */ spans) => {
    const head = framed
      ? Buffer.from([0x82, 0xa3, ...Buffer.from('seq'), 0xce, 0, 0, 0, 0, 0xa5, ...Buffer.from('spans')])
      : Buffer.alloc(0);
    const array = Buffer.from([0xdd, 0, 0, 0, 0]);
    array.writeUInt32BE(spans.length, 1);
    const parts = [head, array];
    const offsets = [];
    let at = head.length + array.length;
    for (const { span } of spans) {
      const part = Buffer.from(encoder.encode(toMsgpackShape(span)));
      const ids = span.parent_span_id === undefined ? 3 : 4;
      for (let k = 0; k < ids; k++) offsets.push(at + /** @type {number} */ (binaryIdOffsets[k]));
      parts.push(part);
      at += part.length;
    }
    return {
      padded: Buffer.concat(parts, at + slackBytes),
      start: head.length,
      idOffsets: Int32Array.from(offsets),
      shortIdOffsets: none,
    };
  };
}

/** Where `seq` (uint32, big endian) stands in a WebSocket frame. */
export const frameSeqOffset = 6;

const idBytes = (/** @type {string} */ text) => Buffer.from(text.replaceAll('-', ''), 'hex');

/** @param {any} span */
function toMsgpackShape(span) {
  return {
    ...span,
    id: idBytes(span.id),
    trace_id: idBytes(span.trace_id),
    span_id: idBytes(span.span_id),
    ...(span.parent_span_id !== undefined && { parent_span_id: idBytes(span.parent_span_id) }),
    context_id: idBytes(span.context_id),
    agent_id: idBytes(span.agent_id),
    timestamp: { start: new Date(span.timestamp.start), end: new Date(span.timestamp.end) },
  };
}

/** A time from a timestamp extension comes back with the fewest fraction digits: `.000` goes. @param {{ span: any, json: string }} entry */
function msgpackReference({ span, json }) {
  const { start, end } = span.timestamp;
  if (!start.endsWith('.000Z') && !end.endsWith('.000Z')) return json;
  const short = (/** @type {string} */ time) => time.replace('.000Z', 'Z');
  return JSON.stringify({ ...span, timestamp: { start: short(start), end: short(end) } });
}

/**
 * Rewrites the ids of a body, in place, to those of `round`.
 * @param {Body} body
 * @param {number} round
 */
export function setRound(body, round) {
  if (body.round === round) return;
  const delta = (maskOfRound(body.round) ^ maskOfRound(round)) >>> 0;
  const { bytes, idOffsets, shortIdOffsets } = body;
  for (let k = 0; k < shortIdOffsets.length; k++) {
    const at = shortIdOffsets[k];
    bytes[at] ^= delta >>> 24;
    bytes[at + 1] ^= delta >>> 16;
    bytes[at + 2] ^= delta >>> 8;
    bytes[at + 3] ^= delta;
  }
  if (body.binary) {
    const byByte = new Uint8Array(16);
    maskedNibbles.forEach(([byte, shift], i) => (byByte[byte] |= nibble(delta, i) << shift));
    const [b0, b1, b2, b8, b9] = [byByte[0], byByte[1], byByte[2], byByte[8], byByte[9]];
    for (let k = 0; k < idOffsets.length; k++) {
      const at = idOffsets[k];
      bytes[at] ^= b0;
      bytes[at + 1] ^= b1;
      bytes[at + 2] ^= b2;
      bytes[at + 8] ^= b8;
      bytes[at + 9] ^= b9;
    }
  } else {
    const [d0, d1, d2, d3, d4, d5, d6, d7] = maskedDigits.map((_, i) => nibble(delta, i) << 7);
    for (let k = 0; k < idOffsets.length; k++) {
      const at = idOffsets[k];
      bytes[at] = xorDigit[d0 | bytes[at]];
      bytes[at + 1] = xorDigit[d1 | bytes[at + 1]];
      bytes[at + 2] = xorDigit[d2 | bytes[at + 2]];
      bytes[at + 3] = xorDigit[d3 | bytes[at + 3]];
      bytes[at + 4] = xorDigit[d4 | bytes[at + 4]];
      bytes[at + 20] = xorDigit[d5 | bytes[at + 20]];
      bytes[at + 21] = xorDigit[d6 | bytes[at + 21]];
      bytes[at + 22] = xorDigit[d7 | bytes[at + 22]];
    }
  }
  body.round = round;
}

/** @param {string} id Id of round 0. @param {number} round */
export function idInRound(id, round) {
  const mask = maskOfRound(round);
  const digits = [...id];
  maskedDigits.forEach(
    (position, i) => (digits[position] = (parseInt(digits[position], 16) ^ nibble(mask, i)).toString(16)),
  );
  return digits.join('');
}

/**
 * The pool as an endless row of bodies: item `i` is body `i mod n` in round `floor(i / n)`.
 * @param {PoolOptions} options
 */
export function createBodyPool(options) {
  const bodies = [...makeBodies(options)];
  return {
    bodies,
    /** @param {number} item @returns {Body} */
    take(item) {
      const body = /** @type {Body} */ (bodies[item % bodies.length]);
      setRound(body, Math.floor(item / bodies.length));
      return body;
    },
  };
}

/**
 * How many bodies a pool of about `poolBytes` holds, but no more than the run sends.
 * @param {Form} form
 * @param {number} spans Spans that the run sends in all.
 * @param {number} poolBytes
 */
export function poolSize(form, spans, poolBytes) {
  const { kind, spansPerBody } = forms[form];
  const meanBytes = kind === 'otlp' ? meanOtlpSpanBytes : meanSpanBytes[kind];
  const fitting = Math.floor(poolBytes / (meanBytes * spansPerBody));
  return Math.max(1, Math.min(fitting, Math.ceil(spans / spansPerBody)));
}
