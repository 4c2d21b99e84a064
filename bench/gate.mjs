import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  compareRuns,
  GateInputError,
  leastAllowedLoss,
  noiseFactor,
  percent,
  runsOf,
} from './gate-rules.mjs';
import { isUsageError } from './options.mjs';

const usage = `Usage: npm run bench:gate -- [options]

Compares a run of bench:ingest with the newest committed report in perf-reports/ by its ratios and fails on a
loss beyond the measured noise. Exit codes: 0 no loss, 1 a loss, 2 something to compare is missing or unreadable.

  --run FILE       a result of bench:ingest (--out FILE); without it bench:ingest runs now, with the report's forms
  --report FILE    compare with this report instead of the newest
  --form FORM      run only these of the report's forms, with commas
  --rounds N       rounds to run (default: as the report, but at least 3)
`;

const reportsDir = fileURLToPath(new URL('../perf-reports/', import.meta.url));

/** @param {string} file */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new GateInputError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** Newest report by its own `created`, since clones don't keep file times. @param {string} dir */
function findNewestReport(dir) {
  const reports = readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ file: path.join(dir, name), document: readJson(path.join(dir, name)) }))
    .filter(({ document }) => document?.ingest !== undefined)
    .sort((a, b) => String(a.document.created).localeCompare(String(b.document.created)));
  const newest = reports.at(-1);
  if (newest === undefined)
    throw new GateInputError(`${dir} holds no report yet: see perf-reports/README.md`);
  return newest;
}

/** @param {readonly string[]} args */
function runIngest(args) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'mplp-gate-'));
  try {
    const out = path.join(dir, 'run.json');
    const ingest = fileURLToPath(new URL('ingest.mjs', import.meta.url));
    const { status } = spawnSync(process.execPath, [ingest, '--half-load-s', '0', '--out', out, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // 1 may also be a failed verification: then the result was written, and says so.
    if (status !== 0 && status !== 1) throw new GateInputError(`bench:ingest ended with ${status}`);
    return readJson(out);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * A run like the report's: as many spans and rounds.
 * @param {Record<string, any>} reference
 * @param {{ form?: string | undefined, rounds?: string | undefined }} values
 */
function ingestArguments(reference, { form = Object.keys(reference).join(','), rounds }) {
  const [first] = Object.values(reference);
  return [
    ...['--form', form],
    ...['--rounds', rounds ?? String(Math.max(3, first.rounds ?? 3))],
    ...(first.asked_spans === undefined ? [] : ['--spans', String(first.asked_spans)]),
  ];
}

function main() {
  const { values } = parseArgs({
    options: {
      run: { type: 'string' },
      report: { type: 'string' },
      form: { type: 'string' },
      rounds: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const report =
    values.report === undefined
      ? findNewestReport(reportsDir)
      : { file: values.report, document: readJson(values.report) };
  const reference = runsOf(report.document, report.file);
  const document =
    values.run === undefined ? runIngest(ingestArguments(reference, values)) : readJson(values.run);
  const { passed, checks, failures } = compareRuns(runsOf(document, values.run ?? 'the run'), reference);

  const describe = (/** @type {any} */ machine) =>
    machine === undefined ? 'unknown machine' : `${machine.cores} × ${machine.cpu}, Node ${machine.node}`;
  const lines = [
    `reference  ${report.file} (${report.document.created ?? 'undated'}, ${describe(report.document.machine)})`,
    `this run   ${document.created ?? 'undated'}, ${describe(document.machine)}`,
    `rule       worse by more than ${noiseFactor} × the noise of both, and by more than ${percent(leastAllowedLoss)}, is a loss`,
    '',
    ...checks.map(
      (check) =>
        `${check.passed ? 'ok  ' : 'LOSS'}  ${check.name.padEnd(36)} ${check.value.toFixed(3).padStart(9)} was ${check.reference.toFixed(3).padStart(9)}` +
        `   ${check.loss > 0 ? 'worse' : 'better'} by ${percent(Math.abs(check.loss))}, allowed ${percent(check.allowedLoss)}`,
    ),
    '',
    ...failures.map((failure) => `FAILED  ${failure}`),
    passed ? 'no loss beyond the noise' : `${failures.length} of ${checks.length} comparisons failed`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return passed ? 0 : 1;
}

try {
  process.exitCode = main();
} catch (error) {
  const isUsage = isUsageError(error);
  if (!(error instanceof GateInputError) && !isUsage) throw error;
  process.stderr.write(`bench:gate: ${error.message}\n${isUsage ? `\n${usage}` : ''}`);
  process.exitCode = 2;
}
