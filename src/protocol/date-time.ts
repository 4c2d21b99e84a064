/**
 * RFC 3339 times as nanoseconds since the epoch. What a valid text looks like is decided by the schema's
 * `date-time` format; this file only computes, with the same arithmetic as the native decoder: a leap second
 * is the second after it, fraction digits beyond the ninth are cut, years 0000 to 9999 are proleptic Gregorian.
 */

const NANOS_PER_SECOND = 1_000_000_000n;
const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[tT\s](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[zZ]|([+-])(\d\d)(?::?(\d\d))?)$/;

/** Seconds since the epoch of 0000-01-01T00:00:00Z and of 10000-01-01T00:00:00Z: what four year digits can say. */
const MIN_SECONDS = -62_167_219_200n;
const END_SECONDS = 253_402_300_800n;

/**
 * Nanoseconds since the epoch of a text that the `date-time` format accepted, or `undefined` for a text that
 * is not of that form. Hours and minutes may pass 23 and 59 where the format lets them (`24:59:60+01:00`).
 */
export function dateTimeToUnixNano(text: string): bigint | undefined {
  const parts = DATE_TIME.exec(text);
  if (parts === null) return undefined;
  const part = (index: number): number => Number(parts[index] ?? '0');
  const date = new Date(0);
  // Date.UTC would read the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(part(1), part(2) - 1, part(3));
  const offsetSeconds = (parts[8] === '-' ? -60 : 60) * (part(9) * 60 + part(10));
  const seconds = date.getTime() / 1000 + part(4) * 3600 + part(5) * 60 + part(6) - offsetSeconds;
  const fraction = (parts[7] ?? '').slice(0, 9).padEnd(9, '0');
  return BigInt(seconds) * NANOS_PER_SECOND + BigInt(fraction);
}

/**
 * UTC text of a time, with 0, 3, 6 or 9 fraction digits: the fewest that lose nothing. `undefined` outside the
 * years 0000 to 9999, which RFC 3339 cannot write.
 */
export function unixNanoToDateTime(unixNano: bigint): string | undefined {
  const nanos = ((unixNano % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const seconds = (unixNano - nanos) / NANOS_PER_SECOND;
  if (seconds < MIN_SECONDS || seconds >= END_SECONDS) return undefined;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionOf(nanos)}Z`;
}

function fractionOf(nanos: bigint): string {
  if (nanos === 0n) return '';
  const digits = nanos.toString().padStart(9, '0');
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`;
  if (digits.endsWith('000')) return `.${digits.slice(0, 6)}`;
  return `.${digits}`;
}
