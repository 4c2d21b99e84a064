import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { MplpError, type FieldError } from '../errors/index.js';
import { closest } from './closest.js';
import type { Config } from './config.js';
import { readConfigFile } from './config-file.js';
import { flagOf } from './flags.js';
import { optionTable, type OptionName, type OptionSpec } from './options.js';
import { parseOption } from './parse.js';

export interface LoadOptions {
  /** Flags as `--data-dir X` or `--data-dir=X`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and environment are taken from here. */
  readonly cwd: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Things that look like mistakes but do not prevent a start, such as an unknown `MPLP_…` variable. */
  readonly warnings: readonly string[];
}

const names = Object.keys(optionTable) as OptionName[];
const specOf = (name: OptionName): OptionSpec => optionTable[name];

/** Variables that start with `MPLP_` and belong to other parts than the configuration of `serve`. */
const foreignVariables = new Set([
  'MPLP_CONFIG',
  'MPLP_URL',
  'MPLP_FAILPOINT',
  'MPLP_PLANT',
  'MPLP_POWER_LOSS',
]);

/**
 * Reads the configuration once: flag before environment before file before default. Every fault is reported
 * at once, with the field, what was expected and what came; secrets are never repeated.
 *
 * @throws MplpError MPLP_ERR_CONFIG_INVALID
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const faults: FieldError[] = [];
  const fault = (pointer: string, keyword: string, message: string): void => {
    faults.push({ pointer, keyword, message });
  };
  const flags = readFlags(options.argv, fault);
  const file = readFile(flags.get('--config') ?? options.env['MPLP_CONFIG'], options.cwd, fault);

  const values: Record<string, unknown> = {};
  for (const name of names) {
    const spec = specOf(name);
    const flag = flags.get(flagOf(spec));
    const variable = options.env[spec.env];
    const [source, raw] =
      flag !== undefined
        ? [flagOf(spec), flag]
        : variable !== undefined && variable !== ''
          ? [spec.env, variable]
          : [`file: ${name}`, file[name]];
    if (raw === undefined || raw === null) {
      values[name] = spec.default;
      continue;
    }
    const parsed = parseOption(spec, raw);
    if ('fault' in parsed) {
      const came = mayHoldSecret(spec)
        ? 'the value is not shown'
        : `got ${JSON.stringify(raw)?.slice(0, 80)}`;
      fault(source, spec.type, `expected ${parsed.fault}; ${came}`);
    } else values[name] = parsed.value;
  }
  if (values['clickhouseCluster'] !== undefined && values['clickhouseUrl'] === undefined) {
    fault(
      'CLICKHOUSE_CLUSTER',
      'dependentRequired',
      'expected CLICKHOUSE_URL beside it; the embedded ClickHouse is no cluster',
    );
  }
  if (faults.length > 0) {
    throw new MplpError('MPLP_ERR_CONFIG_INVALID', 'The configuration is not valid:', { errors: faults });
  }
  values['dataDir'] = resolve(options.cwd, values['dataDir'] as string);
  if (values['workers'] === 0) values['workers'] = Math.max(1, availableParallelism() - 1);
  const config = Object.freeze(values) as Config;
  return { config, warnings: [...unknownVariables(options.env), ...doubts(config)] };
}

/** A URL can carry a password, also when it is not a valid one. */
function mayHoldSecret(spec: OptionSpec): boolean {
  return spec.type === 'secret' || spec.type === 'url';
}

/** What is legal, but hardly meant. */
function doubts(config: Config): string[] {
  const warnings: string[] = [];
  if (config.maxBodyBytes > config.maxInflightBytes) {
    warnings.push(
      'MPLP_MAX_BODY_BYTES is larger than MPLP_MAX_INFLIGHT_BYTES: the largest bodies will never be taken in',
    );
  }
  if (config.durability === 'memory') {
    warnings.push(
      'MPLP_DURABILITY=memory is for labs: acknowledged spans are lost when the process or the machine dies',
    );
  }
  return warnings;
}

type Report = (pointer: string, keyword: string, message: string) => void;

function readFlags(argv: readonly string[], fault: Report): Map<string, string> {
  const known = ['--config', ...names.map((name) => flagOf(specOf(name)))];
  const flags = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    if (!known.includes(flag)) {
      const guess = closest(flag, known);
      fault(flag, 'unknown', `there is no such flag${guess === undefined ? '' : `; did you mean ${guess}?`}`);
      // What follows is most likely its value, perhaps a secret: it is no fault of its own to be named.
      if (equals < 0 && flag.startsWith('--') && argv[i + 1]?.startsWith('-') === false) i++;
      continue;
    }
    const value = equals < 0 ? argv[++i] : argument.slice(equals + 1);
    if (value === undefined) fault(flag, 'missing', 'expected a value behind the flag');
    else if (value === '') fault(flag, 'missing', 'expected a value that is not empty');
    else flags.set(flag, value);
  }
  return flags;
}

function readFile(path: string | undefined, cwd: string, fault: Report): Record<string, unknown> {
  if (path === undefined || path === '') return {};
  let document: Record<string, unknown>;
  try {
    document = readConfigFile(resolve(cwd, path));
  } catch (error) {
    fault(path, 'file', (error as Error).message);
    return {};
  }
  for (const key of Object.keys(document)) {
    if (names.includes(key as OptionName)) continue;
    const guess = closest(key, names);
    fault(
      `file: ${key}`,
      'unknown',
      `there is no such option${guess === undefined ? '' : `; did you mean ${guess}?`}`,
    );
  }
  return document;
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = names.map((name) => specOf(name).env);
  const warnings: string[] = [];
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('MPLP_') || known.includes(variable) || foreignVariables.has(variable)) continue;
    if (variable.startsWith('MPLP_TEST_') || variable.startsWith('MPLP_BENCH_')) continue;
    const guess = closest(variable, known);
    warnings.push(`${variable} is not an option${guess === undefined ? '' : `; did you mean ${guess}?`}`);
  }
  return warnings;
}
