import { createRandom, makeText } from './spans.mjs';

/**
 * Deterministic OpenTelemetry spans, as `spans.mjs` makes those of MPLP: 11 attributes and about 640 bytes of protobuf
 * a span, with values that repeat as they do in practice (models, routes, sessions, prompts from templates), which is
 * what Jaeger's benchmark sends. Two kinds of spans: calls of a model, with the GenAI conventions, and HTTP calls.
 */

const services = ['checkout', 'search', 'planner', 'retrieval', 'billing', 'support', 'catalog', 'shipping'];
const modelNames = ['large-2', 'large-2', 'medium-1', 'small-3'];
const routes = [
  'orders',
  'customers',
  'products',
  'invoices',
  'tickets',
  'documents',
  'embeddings',
  'sessions',
];
const agents = ['agent-fleet/3.1 (linux; x86_64) http/1.1', 'agent-fleet/3.2 (linux; arm64) http/2'];
const environments = ['production', 'production', 'production', 'staging'];
const regions = ['eu-west-1', 'eu-central-1', 'us-east-1', 'ap-south-1'];
const failures = ['the tool did not answer in time', 'the provider asked to wait'];

const kindInternal = 1;
const kindServer = 2;
const kindClient = 3;
const statusError = 2;

/** Lengths of the instruction texts that make a span's mean size what it is. */
const instructionLength = { least: 118, range: 60 };

/** Mean bytes of a span in a body of 1,000. */
export const meanOtlpSpanBytes = 640;

/** @typedef {string | number} AttributeValue */

/**
 * @typedef {object} OtlpSpan Ids as hex; `trace_id` as UUID too, by the name that all sources have it.
 * @property {string} trace_id
 * @property {string} traceId
 * @property {string} spanId
 * @property {string | undefined} parentSpanId
 * @property {string} name
 * @property {number} kind
 * @property {bigint} startNano
 * @property {bigint} endNano
 * @property {[string, AttributeValue][]} attributes
 * @property {string | undefined} error Message of the status; none when the span did not fail.
 * @property {string} service
 */

const hexToUuid = (/** @type {string} */ hex) => {
  const full = hex.padStart(32, '0');
  return [full.slice(0, 8), full.slice(8, 12), full.slice(12, 16), full.slice(16, 20), full.slice(20)].join(
    '-',
  );
};

/** @param {Omit<import('./spans.mjs').SpanSourceOptions, 'kind'>} options */
export function createOtlpSource({ seed, baseTimeMs, spreadMs = 60_000 }) {
  const random = createRandom(seed);
  const hex = (/** @type {number} */ digits) => random.uuid().replaceAll('-', '').slice(-digits);
  const instructions = Array.from({ length: 400 }, () =>
    makeText(random, instructionLength.least + random.below(instructionLength.range)),
  );
  const sessions = Array.from({ length: 1000 }, () => random.uuid());
  const pick = (/** @type {readonly any[]} */ list) => list[random.below(list.length)];

  /** @param {{ session: string, environment: string, region: string }} trace @returns {[string, AttributeValue][]} */
  const common = ({ session, environment, region }) => [
    ['session.id', session],
    ['deployment.environment.name', environment],
    ['cloud.region', region],
    ['thread.id', 1 + random.below(32)],
    ['agent.instruction', pick(instructions)],
  ];
  /** @returns {[string, AttributeValue][]} */
  const modelCall = () => [
    ['gen_ai.operation.name', 'chat'],
    ['gen_ai.provider.name', 'openai'],
    ['gen_ai.request.model', pick(modelNames)],
    ['gen_ai.usage.input_tokens', 200 + random.below(1800)],
    ['gen_ai.usage.output_tokens', 20 + random.below(480)],
    ['gen_ai.output.type', 'text'],
  ];
  /** @returns {[string, AttributeValue][]} */
  const httpCall = () => {
    const route = pick(routes);
    return [
      ['http.request.method', random.below(3) === 0 ? 'POST' : 'GET'],
      ['url.full', `https://api.internal.example/v2/${route}/${1000 + random.below(500)}`],
      ['http.response.status_code', 200],
      ['server.address', `${route}.internal.example`],
      ['server.port', 443],
      ['user_agent.original', pick(agents)],
    ];
  };

  /**
   * One whole trace, parents before children, cut after `most` spans.
   * @param {number} most
   * @returns {{ span: OtlpSpan, json: string }[]}
   */
  const nextTrace = (most) => {
    const size = Math.min(most, 8 + random.below(13));
    const traceId = hex(32);
    const facts = { session: pick(sessions), environment: pick(environments), region: pick(regions) };
    const service = pick(services);
    const traceStartMs = baseTimeMs - 2_000 - random.below(spreadMs - 2_000);
    /** @type {string[]} */
    const ids = [];
    const trace = [];
    for (let i = 0; i < size; i++) {
      const isModelCall = i > 0 && random.below(5) < 2;
      const startNano =
        BigInt(traceStartMs + i * 17 + random.below(17)) * 1_000_000n + BigInt(random.below(1_000_000));
      const durationNano = BigInt(Math.floor(1e6 * Math.exp(random.unit() * 7.3)));
      /** @type {OtlpSpan} */
      const span = {
        trace_id: hexToUuid(traceId),
        traceId,
        spanId: hex(16),
        parentSpanId: i === 0 ? undefined : ids[random.below(Math.min(i, 4))],
        name: isModelCall ? 'chat' : i === 0 ? 'handle_request' : `call_${pick(routes)}`,
        kind: i === 0 ? kindServer : isModelCall || random.below(2) === 0 ? kindClient : kindInternal,
        startNano,
        endNano: startNano + durationNano,
        attributes: [...common(facts), ...(isModelCall ? modelCall() : httpCall())],
        error: random.below(50) === 0 ? pick(failures) : undefined,
        service,
      };
      ids.push(span.spanId);
      trace.push({ span, json: describeStored(span) });
    }
    return trace;
  };

  return { nextTrace };
}

/**
 * What the engine stores of the span, as far as the benchmark compares it, worked out here a second time on purpose:
 * the verification must not depend on the engine's own mapping.
 * @param {OtlpSpan} span
 */
function describeStored(span) {
  const find = (/** @type {string} */ name) => span.attributes.find(([key]) => key === name)?.[1];
  const tokens = {
    input_tokens: find('gen_ai.usage.input_tokens'),
    output_tokens: find('gen_ai.usage.output_tokens'),
  };
  const isModelCall = tokens.input_tokens !== undefined;
  return JSON.stringify({
    trace_id: span.trace_id,
    span_id: hexToUuid(span.spanId),
    ...(span.parentSpanId !== undefined && { parent_span_id: hexToUuid(span.parentSpanId) }),
    context_id: span.attributes[0][1],
    action: { name: span.name, type: isModelCall || span.kind === kindClient ? 'invoke' : 'execute' },
    timestamp: { start: timeText(span.startNano), end: timeText(span.endNano) },
    result: {
      ...(span.error !== undefined && { status: 'failure', error: { message: span.error } }),
      ...(isModelCall && { metrics: tokens }),
    },
    metadata: {
      tags: {
        ...Object.fromEntries(span.attributes.map(([key, value]) => [key, String(value)])),
        'service.name': span.service,
      },
    },
    columns: {
      service_name: span.service,
      gen_ai_model: find('gen_ai.request.model'),
      gen_ai_provider: find('gen_ai.provider.name'),
      ...tokens,
    },
  });
}

const timeText = (/** @type {bigint} */ nano) =>
  new Date(Number(nano / 1_000_000n)).toISOString().slice(0, -4) +
  `${nano % 1_000_000_000n}`.padStart(9, '0') +
  'Z';

/**
 * Encodes the spans of a body as one ExportTraceServiceRequest, with one ResourceSpans for each trace in it, and tells
 * where the ids stand.
 * @param {{ span: OtlpSpan }[]} spans
 * @param {number} slackBytes
 */
export function encodeOtlpBody(spans, slackBytes) {
  const wire = createWire();
  /** @type {number[]} */
  const longIds = [];
  /** @type {number[]} */
  const shortIds = [];
  for (let first = 0; first < spans.length;) {
    const { traceId, service } = spans[first].span;
    let next = first;
    while (next < spans.length && spans[next].span.traceId === traceId) next++;
    const group = spans.slice(first, next);
    first = next;
    wire.message(1, () => {
      wire.message(1, () => {
        wire.attribute(1, 'service.name', service);
        wire.attribute(1, 'service.version', '4.2.0');
        wire.attribute(1, 'telemetry.sdk.language', 'nodejs');
      });
      wire.message(2, () => {
        wire.message(1, () => {
          wire.text(1, 'agent-runtime');
          wire.text(2, '1.9.1');
        });
        for (const { span } of group) {
          wire.message(2, () => {
            longIds.push(wire.bytes(1, Buffer.from(span.traceId, 'hex')));
            shortIds.push(wire.bytes(2, Buffer.from(span.spanId, 'hex')));
            if (span.parentSpanId !== undefined)
              shortIds.push(wire.bytes(4, Buffer.from(span.parentSpanId, 'hex')));
            wire.text(5, span.name);
            wire.integer(6, span.kind);
            wire.fixed64(7, span.startNano);
            wire.fixed64(8, span.endNano);
            for (const [key, value] of span.attributes) wire.attribute(9, key, value);
            if (span.error !== undefined) {
              const message = span.error;
              wire.message(15, () => {
                wire.text(2, message);
                wire.integer(3, statusError);
              });
            }
          });
        }
      });
    });
  }
  const { bytes, moved } = wire.finish(slackBytes);
  return {
    padded: bytes,
    start: 0,
    idOffsets: Int32Array.from(longIds, moved),
    shortIdOffsets: Int32Array.from(shortIds, moved),
  };
}

/**
 * A protobuf writer that remembers where it put things: nested messages are written behind a gap of five bytes for
 * their length, and the unused part of each gap is taken out at the end.
 */
function createWire() {
  let buffer = Buffer.allocUnsafe(1 << 20);
  let at = 0;
  /** Gaps: place and unused bytes, in order of place once sorted. @type {[number, number][]} */
  const gaps = [];
  const reserve = (/** @type {number} */ more) => {
    if (at + more <= buffer.length) return;
    const larger = Buffer.allocUnsafe((at + more) * 2);
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  const varint = (/** @type {number} */ value) => {
    for (; value > 127; value = Math.floor(value / 128)) buffer[at++] = (value % 128) | 128;
    buffer[at++] = value;
  };
  const tag = (/** @type {number} */ field, /** @type {number} */ type) => {
    reserve(32);
    varint(field * 8 + type);
  };
  const gapBytes = 5;
  const wire = {
    /** @param {number} field @param {() => void} fill */
    message(field, fill) {
      tag(field, 2);
      const gap = at;
      at += gapBytes;
      const removedBefore = gaps.length;
      fill();
      let removed = 0;
      for (let i = removedBefore; i < gaps.length; i++) removed += gaps[i][1];
      const length = at - gap - gapBytes - removed;
      const end = at;
      at = gap;
      varint(length);
      gaps.push([at, gap + gapBytes - at]);
      at = end;
    },
    /** Returns where the bytes stand. @param {number} field @param {Uint8Array} value */
    bytes(field, value) {
      tag(field, 2);
      reserve(value.length + 16);
      varint(value.length);
      buffer.set(value, at);
      at += value.length;
      return at - value.length;
    },
    text: (/** @type {number} */ field, /** @type {string} */ value) => wire.bytes(field, Buffer.from(value)),
    /** @param {number} field @param {number} value */
    integer(field, value) {
      tag(field, 0);
      varint(value);
    },
    /** @param {number} field @param {bigint} value */
    fixed64(field, value) {
      tag(field, 1);
      at = buffer.writeBigUInt64LE(value, at);
    },
    /** @param {number} field @param {string} key @param {AttributeValue} value */
    attribute(field, key, value) {
      wire.message(field, () => {
        wire.text(1, key);
        wire.message(2, () => (typeof value === 'string' ? wire.text(1, value) : wire.integer(3, value)));
      });
    },
    /** @param {number} slackBytes */
    finish(slackBytes) {
      gaps.sort((a, b) => a[0] - b[0]);
      const places = gaps.map(([place]) => place);
      const removedUpTo = new Float64Array(gaps.length + 1);
      gaps.forEach(([, unused], i) => (removedUpTo[i + 1] = removedUpTo[i] + unused));
      const total = at - removedUpTo[gaps.length];
      const bytes = Buffer.alloc(total + slackBytes);
      let from = 0;
      let to = 0;
      for (const [place, unused] of gaps) {
        to += buffer.copy(bytes, to, from, place);
        from = place + unused;
      }
      buffer.copy(bytes, to, from, at);
      /** Where a byte went. @param {number} place */
      const moved = (place) => {
        let low = 0;
        let high = places.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if (places[middle] < place) low = middle + 1;
          else high = middle;
        }
        return place - removedUpTo[low];
      };
      return { bytes, moved };
    },
  };
  return wire;
}
