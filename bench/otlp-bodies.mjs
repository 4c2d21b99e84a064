/**
 * OTLP bodies of web services' spans: 11 attributes and about 640 bytes a span, traces of 10 spans. Deterministic, like
 * `spans.mjs`.
 */
import { createRandom } from './spans.mjs';

const methods = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const routes = [
  '/api/v1/customers/{customer}/orders',
  '/api/v1/products/{product}/availability',
  '/api/v1/carts/{cart}/checkout',
  '/api/v1/recommendations/{customer}',
  '/api/v1/payments/{payment}/confirm',
];
const statusCodes = [200, 200, 200, 200, 201, 204, 404, 500];
const services = ['frontend', 'checkout', 'payment', 'shipping', 'catalogue'];
const servicesPerTrace = 2;
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
];
const spansPerTrace = 10;

/**
 * The spans of one body in OTLP/JSON spelling.
 * @param {number} seed
 * @param {number} spanCount
 * @param {number} baseTimeMs
 */
export function makeOtlpRequest(seed, spanCount, baseTimeMs) {
  const random = createRandom(seed);
  const hex = (/** @type {number} */ words) =>
    Array.from({ length: words }, () => random.uint32().toString(16).padStart(8, '0')).join('');
  /** @type {Map<string, object[]>} */
  const byService = new Map(services.map((service) => [service, []]));
  let traceId = '';
  /** @type {string[]} */
  let ids = [];
  let traceStart = 0n;
  for (let i = 0; i < spanCount; i++) {
    if (i % spansPerTrace === 0) {
      traceId = hex(4);
      ids = [];
      traceStart = BigInt(baseTimeMs - random.below(60_000)) * 1_000_000n;
    }
    const spanId = hex(2);
    const method = methods[random.below(methods.length)];
    const route = routes[random.below(routes.length)] ?? '';
    const code = statusCodes[random.below(statusCodes.length)] ?? 200;
    const start = traceStart + BigInt(ids.length) * 1_000_000n + BigInt(random.below(1_000_000));
    const duration = BigInt(random.below(200_000_000)) + 20_000n;
    const text = (/** @type {string} */ key, /** @type {string} */ stringValue) => ({ key, value: { stringValue } });
    const whole = (/** @type {string} */ key, /** @type {number} */ value) => ({ key, value: { intValue: String(value) } });
    const service = services[(Math.floor(i / spansPerTrace) + (i % servicesPerTrace)) % services.length];
    byService.get(service ?? '')?.push({
      traceId,
      spanId,
      ...(ids.length > 0 && { parentSpanId: ids[random.below(Math.min(ids.length, 4))] }),
      name: `${method} ${route}`,
      kind: ids.length % 2 === 0 ? 2 : 3,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + duration),
      attributes: [
        text('http.request.method', method ?? 'GET'),
        text('url.path', route.replace(/\{.*\}/, String(random.below(100_000)))),
        text('http.route', route),
        whole('http.response.status_code', code),
        text('server.address', 'shop.example.org'),
        whole('server.port', 443),
        text('network.protocol.version', '1.1'),
        text('network.peer.address', `10.12.${random.below(4)}.${random.below(256)}`),
        text('user_agent.original', agents[random.below(agents.length)] ?? ''),
        whole('http.response.body.size', random.below(20_000)),
        { key: 'http.request.resend', value: { boolValue: random.below(20) === 0 } },
      ],
      ...(code >= 500 && { status: { code: 2 } }),
      flags: 257,
    });
    ids.push(spanId);
  }
  return {
    resourceSpans: [...byService].map(([service, spans]) => ({
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: service } },
          { key: 'service.version', value: { stringValue: '1.42.0' } },
          { key: 'host.name', value: { stringValue: `${service}-7d9c5b6f4-x2x9k` } },
          { key: 'telemetry.sdk.language', value: { stringValue: 'go' } },
          { key: 'telemetry.sdk.name', value: { stringValue: 'opentelemetry' } },
          { key: 'telemetry.sdk.version', value: { stringValue: '1.38.0' } },
        ],
      },
      scopeSpans: [{ scope: { name: 'go.opentelemetry.io/contrib/net/http/otelhttp', version: '0.63.0' }, spans }],
    })),
  };
}

// ---- protobuf ----

/** @param {number | bigint} value */
function varint(value) {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}
/** @param {number} field @param {Uint8Array | string} content */
function bytes(field, content) {
  const buffer = Buffer.from(content);
  return Buffer.concat([varint((field << 3) | 2), varint(buffer.length), buffer]);
}
/** @param {number} field @param {number | bigint} value */
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
/** @param {number} field @param {string} value */
function fixed64(field, value) {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return Buffer.concat([varint((field << 3) | 1), buffer]);
}
/** @param {{ key: string, value: any }} pair */
function keyValue({ key, value }) {
  const any =
    value.stringValue !== undefined
      ? bytes(1, value.stringValue)
      : value.intValue !== undefined
        ? number(3, BigInt(value.intValue))
        : number(2, value.boolValue ? 1 : 0);
  return Buffer.concat([bytes(1, key), bytes(2, any)]);
}

/** @param {any} span */
function spanBytes(span) {
  const flags = Buffer.from([0x85, 0x01, 0, 0, 0, 0]);
  flags.writeUInt32LE(span.flags, 2);
  return Buffer.concat([
    bytes(1, Buffer.from(span.traceId, 'hex')),
    bytes(2, Buffer.from(span.spanId, 'hex')),
    ...(span.parentSpanId === undefined ? [] : [bytes(4, Buffer.from(span.parentSpanId, 'hex'))]),
    bytes(5, span.name),
    number(6, span.kind),
    fixed64(7, span.startTimeUnixNano),
    fixed64(8, span.endTimeUnixNano),
    ...span.attributes.map((/** @type {any} */ pair) => bytes(9, keyValue(pair))),
    ...(span.status === undefined ? [] : [bytes(15, number(3, span.status.code))]),
    flags,
  ]);
}

/** @param {ReturnType<typeof makeOtlpRequest>} request */
export function otlpProtobuf(request) {
  return Buffer.concat(
    request.resourceSpans.map(({ resource, scopeSpans }) =>
      bytes(
        1,
        Buffer.concat([
          bytes(1, Buffer.concat(resource.attributes.map((pair) => bytes(1, keyValue(pair))))),
          ...scopeSpans.map(({ scope, spans }) =>
            bytes(
              2,
              Buffer.concat([
                bytes(1, Buffer.concat([bytes(1, scope.name), bytes(2, scope.version)])),
                ...spans.map((span) => bytes(2, spanBytes(span))),
              ]),
            ),
          ),
        ]),
      ),
    ),
  );
}
