/** Nanoseconds of each unit that Go's durations know. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const MAX_NANO = 2n ** 63n - 1n;

/** What is wrong with a value, in the words that Jaeger uses. */
export class ValueFault extends Error {}

/**
 * Nanoseconds of a duration as Go writes it: `1.2ms`, `1h15m`, `-5s`, `0`. Throws `ValueFault`.
 *
 * @param units nanoseconds of each unit
 */
export function parseGoDuration(text: string, units: Readonly<Record<string, number>> = UNITS): bigint {
  const invalid = () => new ValueFault(`time: invalid duration ${JSON.stringify(text)}`);
  const isNegative = text.startsWith('-');
  let rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0n;
  if (rest === '') throw invalid();
  let nano = 0n;
  while (rest !== '') {
    const [part, whole = '', fraction = '', unit = ''] =
      /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest) ?? ([''] as string[]);
    if (whole === '' && fraction === '') throw invalid();
    if (unit === '') throw new ValueFault(`time: missing unit in duration ${JSON.stringify(text)}`);
    const size = Object.hasOwn(units, unit) ? units[unit] : undefined;
    if (size === undefined)
      throw new ValueFault(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    nano += BigInt(whole === '' ? 0 : whole) * BigInt(size);
    if (fraction !== '') nano += BigInt(Math.trunc(Number(`0.${fraction}`) * size));
    if (nano > MAX_NANO) throw invalid();
    rest = rest.slice(part?.length ?? 0);
  }
  return isNegative ? -nano : nano;
}

/** A lookback: Go's units and the days and weeks of the search form. */
export function parseLookback(text: string): bigint {
  return parseGoDuration(text, { ...UNITS, d: 24 * 3600e9, w: 7 * 24 * 3600e9 });
}
