import { ClickHouseError } from '@clickhouse/client';

/**
 * What to do after a failed statement. `retry`: down, overloaded, timed out, reply lost: later, unchanged.
 * `operator`: later too, but somebody must act first. `poison`: this content will never be taken.
 */
export type ErrorClass = 'retry' | 'operator' | 'poison';

/** Codes that speak of the data itself. */
const poison = new Set([
  6, 25, 26, 27, 33, 38, 41, 44, 49, 53, 70, 72, 117, 128, 131, 321, 349, 407, 432, 441, 442, 457, 645, 646,
  74,
]);
/** Credentials, missing or different tables, read-only servers, wrong settings. */
const operator = new Set([
  10, 16, 46, 47, 50, 60, 62, 81, 115, 164, 192, 193, 194, 242, 291, 452, 497, 511, 516, 20,
]);

/** The code of ClickHouse's exception; `undefined` when no server spoke (socket errors, timeouts). */
export function clickHouseCode(error: unknown): number | undefined {
  if (!(error instanceof ClickHouseError)) return undefined;
  const code = Number(error.code);
  return Number.isInteger(code) ? code : undefined;
}

export function classifyClickHouseError(error: unknown): ErrorClass {
  const code = clickHouseCode(error);
  if (code === undefined) return 'retry';
  if (poison.has(code)) return 'poison';
  // 252 is two errors: too many parts (wait) and too many partitions in one block (this content, always).
  if (code === 252) return /partitions/i.test((error as Error).message) ? 'poison' : 'retry';
  return operator.has(code) ? 'operator' : 'retry';
}
