import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { forms, poolSize, traceForms } from './bodies.mjs';
import { checkFloorIsBuilt, measureFloor } from './floor/floor.mjs';
import { costOf, describeNoise, summariseEngine } from './engine-summary.mjs';
import { createExpectations, runBaselineRound, runEngineRound, warmUp } from './ingest-rounds.mjs';
import { createLoad } from './load.mjs';
import { describeCommit, describeMachine } from './machine.mjs';
import {
  commonOptions,
  loadOptions,
  readCommonOptions,
  readInteger,
  readLoadOptions,
  readWatchOptions,
  runBenchmark,
  watchOptions,
} from './options.mjs';
import { median, significant } from './statistics.mjs';
import { printIngest } from './ingest-table.mjs';

const usage = `Usage: npm run bench:ingest -- [options]

Measures the engine against its floor and a baseline. The last line on standard output is one JSON object.

  --form FORM         ndjson (default), json, msgpack, ws-msgpack, single, llm; several with commas; or all
  --spans N           spans a round (default 2,000,000; llm a tenth and single a twentieth of it); also MPLP_BENCH_SPANS
  --baseline-spans N  spans a round of the baseline (default a tenth, 10,000 or more)
  --rounds N          rounds of engine, floor and baseline in turn (default 3)
  --connections N     connections of the load client (default 8; single 64)
  --half-load-s N     seconds at half load for the queryable time; 0 leaves it out (default 6)
  --idle-s N          seconds of watching the idle engine; 0 leaves it out (default 5)
  --pool-mb N         memory for prebuilt bodies (default 192)
  --seed N            seed of the spans (default 1)
  --out FILE          write the JSON object there too, indented
`;

/** @typedef {import('./bodies.mjs').Form} Form */

function readOptions() {
  const { values } = parseArgs({
    options: {
      ...commonOptions('2000000'),
      ...loadOptions,
      ...watchOptions,
      form: { type: 'string', default: 'ndjson' },
      'baseline-spans': { type: 'string' },
      connections: { type: 'string' },
    },
  });
  const common = readCommonOptions(values, usage);
  const names = /** @type {Form[]} */ (values.form === 'all' ? [...traceForms] : values.form.split(','));
  for (const name of names)
    if (!traceForms.includes(name))
      throw new RangeError(`--form knows ${traceForms.join(', ')} and all, not ${name}`);
  return {
    ...common,
    ...readLoadOptions(values),
    ...readWatchOptions(values),
    forms: names,
    baselineSpans:
      values['baseline-spans'] === undefined
        ? undefined
        : readInteger('baseline-spans', values['baseline-spans']),
    connections:
      values.connections === undefined ? undefined : readInteger('connections', values.connections),
  };
}

/** Runs of these forms are smaller: their spans, or their requests, cost so much more. @type {Partial<Record<Form, number>>} */
const spansDivisor = { llm: 10, single: 20 };

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

/** @param {Form} form @param {ReturnType<typeof readOptions>} options @param {boolean} isFirst */
async function measureForm(form, options, isFirst) {
  const perBody = forms[form].spansPerBody;
  const toItems = (/** @type {number} */ spans) => Math.max(1, Math.ceil(spans / perBody));
  const wanted = Math.ceil(options.spans / (spansDivisor[form] ?? 1));
  const items = toItems(wanted);
  const baselineItems = Math.min(items, toItems(options.baselineSpans ?? Math.max(wanted / 10, 10_000)));
  const connections = options.connections ?? (form === 'single' ? 64 : 8);
  const pool = {
    form,
    seed: options.seed,
    baseTimeMs: Date.now(),
    bodies: poolSize(form, wanted, options.poolBytes),
  };

  const load = createLoad();
  try {
    const prepared = await load.prepare(pool);
    const wireBytes = prepared.bytes / prepared.spans;
    const jsonBytes = prepared.jsonBytes / prepared.spans;
    say(
      `${form}: ${items * perBody} spans a round, ${wireBytes.toFixed(1)} bytes each on the wire (${jsonBytes.toFixed(1)} as NDJSON)`,
    );
    const expectations = createExpectations(pool, [items, baselineItems]);
    const common = { load, pool, connections, expectations };

    if (isFirst) await warmUp({ ...common, items });
    const rounds = [];
    for (let round = 1; round <= options.rounds; round++) {
      const engine = await runEngineRound({
        ...common,
        items,
        idleMs: round === 1 ? options.idleMs : 0,
        halfLoadMs: options.halfLoadMs,
      });
      const floor = await measureFloor({
        load,
        pool,
        items,
        connections,
        rowsPerInsert: engine.rowsPerInsert,
      });
      const baseline = await runBaselineRound({ ...common, items: baselineItems });
      rounds.push({ engine, floor, baseline });
      say(
        `  round ${round}: ${Math.round(engine.spansPerSecond)} spans/s, ${costOf(engine).toFixed(2)} µs of CPU a span, ` +
          `floor ${floor.total.toFixed(2)}, baseline ${costOf(baseline).toFixed(2)}`,
      );
      for (const difference of [
        ...engine.differences,
        ...baseline.differences.map((text) => `baseline: ${text}`),
      ])
        say(`  NOT EQUAL: ${difference}`);
    }
    return summarise(form, rounds, {
      askedSpans: options.spans,
      items,
      perBody,
      wireBytes,
      jsonBytes,
      connections,
    });
  } finally {
    load.close();
  }
}

/**
 * Ratios are formed inside a round, where the machine is in one mood.
 * @param {Form} form
 * @param {{ engine: Awaited<ReturnType<typeof runEngineRound>>, floor: import('./floor/floor.mjs').Floor, baseline: Awaited<ReturnType<typeof runBaselineRound>> }[]} rounds
 * @param {import('./engine-summary.mjs').RunFacts} run
 */
function summarise(form, rounds, run) {
  const over = (/** @type {(round: (typeof rounds)[number]) => number} */ read) => rounds.map(read);
  const middle = (/** @type {(round: (typeof rounds)[number]) => number} */ read) =>
    significant(median(over(read)));
  const ratios = {
    ratio_to_floor: over((round) => costOf(round.engine) / round.floor.total),
    speedup_vs_baseline: over((round) => costOf(round.baseline) / costOf(round.engine)),
    floor_cpu_us_per_span: over((round) => round.floor.total),
    baseline_cpu_us_per_span: over((round) => costOf(round.baseline)),
  };
  const engine = summariseEngine(
    form,
    rounds.map((round) => round.engine),
    run,
  );
  return {
    ...engine,
    floor_cpu_us_per_span: significant(median(ratios.floor_cpu_us_per_span)),
    ratio_to_floor: significant(median(ratios.ratio_to_floor)),
    baseline: {
      spans_per_s: middle((round) => round.baseline.spansPerSecond),
      cpu_us_per_span: {
        serve: middle((round) => round.baseline.cpuMicrosPerSpan.serve),
        store: middle((round) => round.baseline.cpuMicrosPerSpan.store),
      },
      spans: rounds[0].baseline.spans,
      verified: rounds.every((round) => round.baseline.differences.length === 0),
    },
    speedup_vs_baseline: significant(median(ratios.speedup_vs_baseline)),
    verified: engine.verified && rounds.every((round) => round.baseline.differences.length === 0),
    differences: [
      ...new Set([
        ...engine.differences,
        ...rounds.flatMap((round) => round.baseline.differences.map((text) => `baseline: ${text}`)),
      ]),
    ],
    floor: {
      receive: middle((round) => round.floor.receive),
      parse: middle((round) => round.floor.parse),
      store: middle((round) => round.floor.store),
      bytes_per_span_on_disk: middle((round) => round.floor.bytesPerSpanOnDisk),
      rows_per_insert: engine.rows_per_insert,
    },
    merges_settled:
      engine.merges_settled && rounds.every((round) => round.floor.settled && round.baseline.settled),
    noise: { ...engine.noise, ...describeNoise(ratios) },
  };
}

/** @typedef {ReturnType<typeof summarise>} IngestResult */

async function main() {
  const options = readOptions();
  checkFloorIsBuilt();
  const machine = describeMachine();
  /** @type {Record<string, IngestResult>} */
  const runs = {};
  for (const form of options.forms) {
    runs[form] = await measureForm(form, options, form === options.forms[0]);
    printIngest(runs[form]);
  }
  const [first, ...others] = Object.values(runs);
  const result = {
    ...first,
    ...(others.length > 0 && { forms: Object.fromEntries(others.map((run) => [run.form, run])) }),
    machine,
    commit: describeCommit(),
    created: new Date().toISOString(),
  };
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (Object.values(runs).some((run) => !run.verified)) process.exitCode = 1;
}

await runBenchmark('bench:ingest', usage, main);
