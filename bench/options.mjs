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

/**
 * Options that every benchmark with spans has, for `parseArgs`.
 * @param {string} spans The default; `MPLP_BENCH_SPANS` goes before it.
 */
export const commonOptions = (spans) =>
  /** @type {const} */ ({
    spans: { type: 'string', default: process.env['MPLP_BENCH_SPANS'] ?? spans },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  });

/**
 * Prints the usage and ends the process when `--help` was given.
 * @param {{ spans: string, seed: string, out?: string | undefined, help: boolean }} values
 * @param {string} usage
 */
export function readCommonOptions(values, usage) {
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  return {
    spans: readInteger('spans', values.spans),
    seed: readInteger('seed', values.seed, 0),
    out: values.out,
  };
}

/** Options of benchmarks that load something in rounds. */
export const loadOptions = /** @type {const} */ ({
  rounds: { type: 'string', default: '3' },
  'pool-mb': { type: 'string', default: '192' },
});

/** @param {{ rounds: string, 'pool-mb': string }} values */
export const readLoadOptions = (values) => ({
  rounds: readInteger('rounds', values.rounds),
  poolBytes: readInteger('pool-mb', values['pool-mb']) * 2 ** 20,
});

/** Options of benchmarks that watch the engine at rest and at half load. */
export const watchOptions = /** @type {const} */ ({
  'half-load-s': { type: 'string', default: '6' },
  'idle-s': { type: 'string', default: '5' },
});

/** @param {{ 'half-load-s': string, 'idle-s': string }} values */
export const readWatchOptions = (values) => ({
  halfLoadMs: readInteger('half-load-s', values['half-load-s'], 0) * 1000,
  idleMs: readInteger('idle-s', values['idle-s'], 0) * 1000,
});

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
