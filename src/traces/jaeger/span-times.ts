import { dateTimeToUnixNano } from '../../protocol/index.js';

const NANOS_PER_MICRO = 1000n;

/** Nanoseconds since the epoch of a time as ClickHouse writes `DateTime64(9)`. */
export function nanoOfColumn(text: string): bigint {
  const milliseconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`);
  return BigInt(milliseconds) * 1_000_000n + BigInt(text.slice(20, 29).padEnd(9, '0'));
}

/** Whole microseconds; 0 for what is negative, as in Jaeger. */
export function microOfNano(nano: bigint): number {
  return nano < 0n ? 0 : Number(nano / NANOS_PER_MICRO);
}

/** The same of OTLP's nanoseconds, a string or number. */
export function microOfUnixNano(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value);
  return /^\d{1,20}$/.test(text) ? Number(BigInt(text) / NANOS_PER_MICRO) : undefined;
}

/** The same of what people write as the time of an annotation: RFC 3339, or milliseconds since the epoch. */
export function microOfTime(value: unknown): number | undefined {
  if (typeof value === 'number' && value >= 0 && value < 1e14) return Math.trunc(value * 1000);
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value.toUpperCase()))) return undefined;
  const nano = dateTimeToUnixNano(value);
  return nano === undefined || nano < 0n ? undefined : Number(nano / NANOS_PER_MICRO);
}
