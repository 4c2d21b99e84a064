import { inspect } from 'node:util';

/**
 * A whole number from the command line; `2,000,000` and `2_000_000` are fine.
 * @param {string} name Of the option.
 * @param {string} text
 * @param {number} [least]
 */
export function readInteger(name, text, least = 1) {
  const value = Number(text.replaceAll(',', '').replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`--${name} must be a whole number of at least ${least}, not ${text}`);
  return value;
}

/** Was the command line wrong, rather than the run? @param {unknown} error @returns {error is Error} */
export function isUsageError(error) {
  return (
    error instanceof RangeError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
  );
}

/**
 * Runs a benchmark: exit code 2 on a wrong command line, 1 when it failed.
 * @param {string} name
 * @param {string} usage
 * @param {() => Promise<void>} main
 */
export async function runBenchmark(name, usage, main) {
  try {
    await main();
  } catch (error) {
    const isUsage = isUsageError(error);
    const text = isUsage ? `${error.message}\n\n${usage}` : inspect(error);
    process.stderr.write(`${name}: ${text}\n`);
    process.exit(isUsage ? 2 : 1);
  }
}
