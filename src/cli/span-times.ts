import type { Span } from '../client/index.js';

/** A point in time as whole milliseconds since the epoch and the nanoseconds beyond: one double cannot hold both. */
interface Instant {
  readonly ms: number;
  readonly ns: number;
}

/** Milliseconds from `from` to `to` (RFC 3339 texts), exact to the nanosecond for spans shorter than a day. */
export function elapsedMs(from: string, to: string): number {
  const [a, b] = [parseInstant(from), parseInstant(to)];
  return b.ms - a.ms + (b.ns - a.ns) / 1e6;
}

/** How long a span took, `undefined` while it has no end. */
export function findDurationMs(span: Span): number | undefined {
  const { start, end } = span.timestamp;
  return end === undefined ? undefined : elapsedMs(start, end);
}

function parseInstant(text: string): Instant {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const digits = fraction.padEnd(9, '0').slice(0, 9);
  return { ms: Date.parse(text.replace(/\.\d+/, `.${digits.slice(0, 3)}`)), ns: Number(digits.slice(3)) };
}
