import { expect, test } from 'vitest';
import { createBodyPool, idInRound, makeBodies, shortMaskUuid } from '../../bench/bodies.mjs';
import { decodeExportRequest, type ReadSpan } from '../support/otlp-proto.js';
import { uuidOf } from '../support/otlp-span.js';

const baseTimeMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const options = { form: 'otlp', seed: 7, baseTimeMs, bodies: 2, spansPerBody: 300 } as const;

interface Reference {
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly context_id: string;
  readonly action: { readonly name: string };
  readonly timestamp: { readonly start: string; readonly end: string };
  readonly result: { readonly status?: string; readonly error?: { readonly message: string } };
  readonly metadata: { readonly tags: Readonly<Record<string, string>> };
}

const xor = (id: string, mask: string): string => {
  const bytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
  const other = bytes(mask);
  return uuidOf(bytes(id).map((byte, i) => byte ^ (other[i] ?? 0)));
};
const timeOf = (nano: string): string =>
  `${new Date(Number(BigInt(nano) / 1_000_000n)).toISOString().slice(0, -4)}${(BigInt(nano) % 1_000_000_000n).toString().padStart(9, '0')}Z`;

/** The span as the reference describes it. */
const describeRead = (span: ReadSpan, service: string): object => ({
  trace_id: uuidOf(span.traceId),
  span_id: uuidOf(span.spanId),
  ...(span.parentSpanId !== undefined && { parent_span_id: uuidOf(span.parentSpanId) }),
  action: { name: span.name },
  timestamp: { start: timeOf(span.startTimeUnixNano), end: timeOf(span.endTimeUnixNano) },
  result: span.status === undefined ? {} : { status: 'failure', error: { message: span.status.message } },
  metadata: {
    tags: Object.fromEntries([
      ...span.attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue)]),
      ['service.name', service],
    ]),
  },
});

test('bodies of OTLP hold the referenced spans, in every round under other ids, and never an id twice', () => {
  const references = [...makeBodies({ ...options, references: true })].map((body) => body.references ?? []);
  const pool = createBodyPool(options);
  const seen = new Set<string>();
  for (let item = 0; item < options.bodies * 3; item++) {
    const round = Math.floor(item / options.bodies);
    const read = decodeExportRequest(pool.take(item).bytes);
    expect(read).toHaveLength(options.spansPerBody);
    read.forEach(({ span, service }, i) => {
      const reference = JSON.parse(references[item % options.bodies]?.[i] ?? '') as Reference;
      const { trace_id, span_id, parent_span_id, action, timestamp, result, metadata } = reference;
      expect(describeRead(span, service)).toEqual({
        trace_id: idInRound(trace_id, round),
        span_id: xor(span_id, shortMaskUuid(round)),
        ...(parent_span_id !== undefined && { parent_span_id: xor(parent_span_id, shortMaskUuid(round)) }),
        action: { name: action.name },
        timestamp,
        result: result.error === undefined ? {} : { status: 'failure', error: result.error },
        metadata,
      });
      expect(span.attributes).toHaveLength(11);
      expect(reference.context_id).toBe(metadata.tags['session.id']);
      expect(seen.has(uuidOf(span.spanId))).toBe(false);
      seen.add(uuidOf(span.spanId));
    });
  }
});

test('spans of OTLP are 640 bytes, within one percent, and the same for the same seed', () => {
  const make = () => [...makeBodies({ form: 'otlp', seed: 1, baseTimeMs, bodies: 10 })];
  const bodies = make();
  const bytes = bodies.reduce((sum, body) => sum + body.bytes.length, 0);
  expect(Math.abs(bytes / 10_000 / 640 - 1)).toBeLessThan(0.01);
  const isSame = make().map((body, index) => body.bytes.equals(bodies[index]?.bytes ?? Buffer.of()));
  expect(isSame).toEqual(bodies.map(() => true));
});
