import type { EffectiveConstraint } from './model.js';

/** How much is used, or would be: `{ concurrent_tasks: 3, session_duration: '2h' }`; durations as numbers are seconds. */
export type Usage = Readonly<Record<string, unknown>>;

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 0.001],
  ['s', 1],
  ['m', 60],
  ['min', 60],
  ['h', 3_600],
  ['d', 86_400],
  ['w', 604_800],
]);
const ISO_DURATION =
  /^P(?=\d|T\d)(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12}(?:\.\d{1,9})?)S)?)?$/;

/**
 * Whether a usage stays within a constraint; `undefined` when it says nothing about it. The name says what is compared:
 * `max_X` and `min_X` with numbers or durations, `allowed_X` and `forbidden_X` with lists. A limit that cannot be read is
 * not kept.
 */
export function keepsConstraint({ name, limit }: EffectiveConstraint, usage: Usage): boolean | undefined {
  const [, kind = '', subject = ''] = /^(max|min|allowed|forbidden)_(.+)$/s.exec(name) ?? [];
  if (kind === '' || !Object.hasOwn(usage, subject) || usage[subject] === undefined) return undefined;
  const used = usage[subject];
  if (kind === 'allowed') return Array.isArray(limit) && limit.includes(used);
  if (kind === 'forbidden') return Array.isArray(limit) && !limit.includes(used);
  const [bound, amount] = [readQuantity(limit), readQuantity(used)];
  if (bound === undefined || amount === undefined) return false;
  return kind === 'max' ? amount <= bound : amount >= bound;
}

/** Whether a limit of this name can be read; names that are not judged can hold anything. */
export function isReadableLimit(name: string, limit: unknown): boolean {
  if (/^(max|min)_./s.test(name)) return readQuantity(limit) !== undefined;
  return !/^(allowed|forbidden)_./s.test(name) || Array.isArray(limit);
}

/** A number, or a duration in seconds: `8h`, `1.5d`, `PT8H`. */
function readQuantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.length > 40) return undefined;
  const [, count, unit = ''] = /^(\d{1,12}(?:\.\d{1,9})?)([a-z]{1,3})$/.exec(value) ?? [];
  const seconds = DURATION_UNITS.get(unit);
  if (count !== undefined && seconds !== undefined) return Number(count) * seconds;
  const parts = ISO_DURATION.exec(value);
  if (parts === null || value.endsWith('T')) return undefined;
  const [weeks, days, hours, minutes, rest] = parts.slice(1).map((part) => Number(part ?? 0));
  return (
    (weeks ?? 0) * 604_800 + (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (rest ?? 0)
  );
}
