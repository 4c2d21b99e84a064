import { significant } from './statistics.mjs';

/**
 * Has a run lost against the committed one? Only ratios are compared: floor and baseline were measured beside
 * the engine in the same rounds, so the machine cancels.
 *
 * A ratio may be worse by three times the noise of both runs (relative median absolute deviation over their
 * rounds, added), and by 8 % in any case: with few rounds the measured noise is sometimes zero by chance.
 */

export const noiseFactor = 3;
export const leastAllowedLoss = 0.08;

/** Thrown for runs that cannot be compared: a wrong file, not a slow engine. */
export class GateInputError extends Error {}

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {number} reference
 * @property {number} value
 * @property {number} loss Relative; positive is worse.
 * @property {number} allowedLoss
 * @property {boolean} passed
 *
 * @typedef {object} GateResult
 * @property {boolean} passed
 * @property {Check[]} checks
 * @property {string[]} failures Sentences for the log.
 */

/** Ratios that are compared for every form, and which way is good. */
const ratios = /** @type {const} */ ([
  ['ratio_to_floor', 'lower'],
  ['speedup_vs_baseline', 'higher'],
]);

/**
 * Runs by form of a result of `bench:ingest` (which nests further forms) or of a report.
 * @param {any} document
 * @param {string} origin Named in errors.
 * @returns {Record<string, any>}
 */
export function runsOf(document, origin) {
  if (typeof document !== 'object' || document === null)
    throw new GateInputError(`${origin} holds no JSON object`);
  const runs = document.ingest ?? { [document.form]: document, ...document.forms };
  for (const [form, run] of Object.entries(runs)) {
    for (const [name] of ratios) {
      if (!(typeof run?.[name] === 'number' && run[name] > 0))
        throw new GateInputError(`${origin}: run "${form}" has no number ${name}`);
    }
    if (typeof run.verified !== 'boolean')
      throw new GateInputError(`${origin}: run "${form}" does not say whether it was verified`);
  }
  if (Object.keys(runs).length === 0) throw new GateInputError(`${origin} holds no runs`);
  return runs;
}

/**
 * @param {Record<string, any>} runs By form.
 * @param {Record<string, any>} reference By form.
 * @returns {GateResult}
 */
export function compareRuns(runs, reference) {
  const shared = Object.keys(runs).filter((form) => form in reference);
  if (shared.length === 0) {
    throw new GateInputError(
      `no form in common: the run has ${Object.keys(runs).join(', ')}, the report ${Object.keys(reference).join(', ')}`,
    );
  }
  /** @type {Check[]} */
  const checks = [];
  const failures = [];
  for (const form of shared) {
    if (runs[form].spans !== reference[form].spans) {
      throw new GateInputError(
        `${form}: ${runs[form].spans} spans a round against ${reference[form].spans}; what a span costs depends on their number`,
      );
    }
    if (!runs[form].verified) failures.push(`${form}: the stored spans are not the sent ones`);
    for (const [name, better] of ratios) {
      checks.push(
        check(`${form} ${name}`, better, runs[form][name], reference[form][name], [
          noiseOf(runs[form], name),
          noiseOf(reference[form], name),
        ]),
      );
    }
  }
  if (shared.includes('ndjson')) {
    for (const form of shared) {
      if (form === 'ndjson') continue;
      const cpuRatio = (/** @type {Record<string, any>} */ side) =>
        costOf(side[form]) / costOf(side['ndjson']);
      const noises = [runs, reference].flatMap((side) => [
        noiseOf(side[form], 'cpu_us_per_span'),
        noiseOf(side['ndjson'], 'cpu_us_per_span'),
      ]);
      checks.push(
        check(`${form} CPU as a part of ndjson's`, 'lower', cpuRatio(runs), cpuRatio(reference), noises),
      );
    }
  }
  for (const { name, passed, value, reference: before, loss, allowedLoss } of checks) {
    if (!passed) {
      failures.push(
        `${name}: ${significant(value)} against ${significant(before)}, ${percent(loss)} worse; ${percent(allowedLoss)} may be noise`,
      );
    }
  }
  return { passed: failures.length === 0, checks, failures };
}

export const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(1)} %`;

/**
 * @param {string} name
 * @param {'lower' | 'higher'} better
 * @param {number} value
 * @param {number} reference
 * @param {readonly number[]} noises
 * @returns {Check}
 */
function check(name, better, value, reference, noises) {
  const loss = better === 'lower' ? value / reference - 1 : reference / value - 1;
  const allowedLoss = Math.max(leastAllowedLoss, noiseFactor * noises.reduce((sum, noise) => sum + noise, 0));
  return { name, value, reference, loss, allowedLoss, passed: loss <= allowedLoss };
}

/** @param {any} run @param {string} name */
function noiseOf(run, name) {
  const noise = run.noise?.[name]?.relative_mad ?? 0;
  if (typeof noise !== 'number' || noise < 0) throw new GateInputError(`the noise of ${name} is no number`);
  return noise;
}

/** @param {any} run */
function costOf(run) {
  const { serve, store } = run.cpu_us_per_span ?? {};
  if (!(serve > 0 && store > 0)) throw new GateInputError('a run has no cpu_us_per_span of serve and store');
  return serve + store;
}
