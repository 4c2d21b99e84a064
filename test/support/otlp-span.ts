import { randomBytes } from 'node:crypto';
import type { ProtoSpan } from './otlp-proto.js';

/** A valid span with fresh ids that ended a moment ago. */
export function sampleOtlpSpan(changes: Partial<ProtoSpan> = {}): ProtoSpan {
  const endNano = BigInt(Date.now()) * 1_000_000n + 123_456n;
  return {
    traceId: randomBytes(16),
    spanId: randomBytes(8),
    name: 'place order',
    kind: 2,
    startTimeUnixNano: String(endNano - 25_000_000n),
    endTimeUnixNano: String(endNano),
    attributes: [
      { key: 'http.request.method', value: { stringValue: 'POST' } },
      { key: 'order.items', value: { intValue: '3' } },
    ],
    ...changes,
  };
}

/** The same as OTLP/JSON: ids in hex, 64-bit integers as text. */
export function exportRequestJson(spans: readonly ProtoSpan[], serviceName = 'shop'): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: serviceName } }] },
        scopeSpans: [
          {
            scope: { name: 'tests' },
            spans: spans.map((span) => ({
              ...span,
              traceId: hex(span.traceId),
              spanId: hex(span.spanId),
              ...(span.parentSpanId && { parentSpanId: hex(span.parentSpanId) }),
            })),
          },
        ],
      },
    ],
  });
}

/** The UUID under which the engine keeps a trace id (16 bytes) or a span id (8 bytes). */
export function uuidOf(id: Uint8Array): string {
  const hex = Buffer.from(id).toString('hex').padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
