import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { forms, poolSize } from './bodies.mjs';
import { checkFloorIsBuilt, measureFloor } from './floor/floor.mjs';
import { createExpectations, p50p99, runBaselineRound, runEngineRound } from './ingest-rounds.mjs';
import { createLoad } from './load.mjs';
import { describeCommit, describeMachine } from './machine.mjs';
import { readInteger, runBenchmark } from './options.mjs';
import { median, relativeMad, relativeSpread, significant } from './statistics.mjs';
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
      form: { type: 'string', default: 'ndjson' },
      spans: { type: 'string', default: process.env['MPLP_BENCH_SPANS'] ?? '2000000' },
      'baseline-spans': { type: 'string' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string' },
      'half-load-s': { type: 'string', default: '6' },
      'idle-s': { type: 'string', default: '5' },
      'pool-mb': { type: 'string', default: '192' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const names = /** @type {Form[]} */ (values.form === 'all' ? Object.keys(forms) : values.form.split(','));
  for (const name of names)
    if (!(name in forms))
      throw new RangeError(`--form knows ${Object.keys(forms).join(', ')} and all, not ${name}`);
  return {
    forms: names,
    spans: readInteger('spans', values.spans),
    baselineSpans:
      values['baseline-spans'] === undefined
        ? undefined
        : readInteger('baseline-spans', values['baseline-spans']),
    rounds: readInteger('rounds', values.rounds),
    connections:
      values.connections === undefined ? undefined : readInteger('connections', values.connections),
    halfLoadMs: readInteger('half-load-s', values['half-load-s'], 0) * 1000,
    idleMs: readInteger('idle-s', values['idle-s'], 0) * 1000,
    poolBytes: readInteger('pool-mb', values['pool-mb']) * 2 ** 20,
    seed: readInteger('seed', values.seed, 0),
    out: values.out,
  };
}

/** Runs of these forms are smaller: their spans, or their requests, cost so much more. @type {Partial<Record<Form, number>>} */
const spansDivisor = { llm: 10, single: 20 };

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

/** @param {Form} form @param {ReturnType<typeof readOptions>} options */
async function measureForm(form, options) {
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
      const cost = engine.cpuMicrosPerSpan.serve + engine.cpuMicrosPerSpan.store;
      say(
        `  round ${round}: ${Math.round(engine.spansPerSecond)} spans/s, ${cost.toFixed(2)} µs of CPU a span, ` +
          `floor ${floor.total.toFixed(2)}, baseline ${(baseline.cpuMicrosPerSpan.serve + baseline.cpuMicrosPerSpan.store).toFixed(2)}`,
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
 * Medians over the rounds; ratios are formed inside a round, where the machine is in one mood.
 * @param {Form} form
 * @param {{ engine: Awaited<ReturnType<typeof runEngineRound>>, floor: import('./floor/floor.mjs').Floor, baseline: Awaited<ReturnType<typeof runBaselineRound>> }[]} rounds
 * @param {{ askedSpans: number, items: number, perBody: number, wireBytes: number, jsonBytes: number, connections: number }} run
 */
function summarise(form, rounds, run) {
  const over = (/** @type {(round: (typeof rounds)[number]) => number} */ read) => rounds.map(read);
  const middle = (/** @type {(round: (typeof rounds)[number]) => number} */ read, digits = 4) =>
    significant(median(over(read)), digits);
  const cost = (/** @type {{ cpuMicrosPerSpan: { serve: number, store: number } }} */ side) =>
    side.cpuMicrosPerSpan.serve + side.cpuMicrosPerSpan.store;
  const ratios = {
    ratio_to_floor: over((round) => cost(round.engine) / round.floor.total),
    speedup_vs_baseline: over((round) => cost(round.baseline) / cost(round.engine)),
    spans_per_s: over((round) => round.engine.spansPerSecond),
    cpu_us_per_span: over((round) => cost(round.engine)),
    floor_cpu_us_per_span: over((round) => round.floor.total),
    baseline_cpu_us_per_span: over((round) => cost(round.baseline)),
  };
  const rounded = (/** @type {{ p50: number, p99: number }} */ pair) => ({
    p50: significant(pair.p50),
    p99: significant(pair.p99),
  });
  const halfLoads = rounds.flatMap(({ engine }) => (engine.halfLoad === undefined ? [] : [engine.halfLoad]));
  const seconds = (/** @type {number} */ rate) => (run.items * run.perBody) / rate;
  const first = rounds[0].engine;
  return {
    spans_per_s: significant(median(ratios.spans_per_s), 5),
    cpu_us_per_span: {
      serve: middle((round) => round.engine.cpuMicrosPerSpan.serve),
      store: middle((round) => round.engine.cpuMicrosPerSpan.store),
      client: middle((round) => round.engine.cpuMicrosPerSpan.client),
    },
    ack_ms: rounded(p50p99(rounds.map(({ engine }) => engine.ackMs))),
    queryable_ms: halfLoads.length === 0 ? null : rounded(p50p99(halfLoads.map((half) => half.queryableMs))),
    bytes_per_span_on_disk: middle((round) => round.engine.bytesPerSpanOnDisk),
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
    verified: rounds.every(
      (round) => round.engine.differences.length === 0 && round.baseline.differences.length === 0,
    ),
    differences: [
      ...new Set(
        rounds.flatMap((round) => [
          ...round.engine.differences,
          ...round.baseline.differences.map((text) => `baseline: ${text}`),
        ]),
      ),
    ],
    form,
    asked_spans: run.askedSpans,
    spans: run.items * run.perBody,
    spans_per_body: run.perBody,
    wire_bytes_per_span: significant(run.wireBytes, 5),
    json_bytes_per_span: significant(run.jsonBytes, 5),
    connections: run.connections,
    acked_spans_per_s: middle((round) => round.engine.ackedSpansPerSecond, 5),
    mb_per_s: significant(
      (run.wireBytes * run.items * run.perBody) / 1e6 / seconds(median(ratios.spans_per_s)),
    ),
    ...(run.perBody === 1 && { requests_per_s: middle((round) => round.engine.ackedSpansPerSecond, 5) }),
    half_load:
      halfLoads.length === 0
        ? null
        : {
            spans_per_s: significant(median(halfLoads.map((half) => half.spansPerSecond))),
            ack_ms: rounded(p50p99(halfLoads.map((half) => half.ackMs))),
            marks: halfLoads.reduce((sum, half) => sum + half.queryableMs.length, 0),
          },
    floor: {
      receive: middle((round) => round.floor.receive),
      parse: middle((round) => round.floor.parse),
      store: middle((round) => round.floor.store),
      bytes_per_span_on_disk: middle((round) => round.floor.bytesPerSpanOnDisk),
      rows_per_insert: middle((round) => round.engine.rowsPerInsert),
    },
    rss_mb: {
      serve: Math.round(Math.max(...over((round) => round.engine.peakRssBytes.serve)) / 2 ** 20),
      store: Math.round(Math.max(...over((round) => round.engine.peakRssBytes.store)) / 2 ** 20),
    },
    start_to_ready_ms: Math.round(median(over((round) => round.engine.startToReadyMs))),
    idle_cpu_percent: first.idlePercent === undefined ? null : significant(first.idlePercent, 3),
    retries: rounds.reduce((sum, round) => sum + round.engine.retries, 0),
    merges_settled: rounds.every(
      (round) => round.engine.settled && round.floor.settled && round.baseline.settled,
    ),
    rounds: rounds.length,
    noise: Object.fromEntries(
      Object.entries(ratios).map(([name, values]) => [
        name,
        {
          values: values.map((value) => significant(value)),
          relative_mad: significant(relativeMad(values), 3),
          relative_spread: significant(relativeSpread(values), 3),
        },
      ]),
    ),
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
    runs[form] = await measureForm(form, options);
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
