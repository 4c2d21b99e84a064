import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { forms, poolSize } from './bodies.mjs';
import { createLoad } from './load.mjs';
import { describeCommit, describeMachine } from './machine.mjs';
import {
  commonOptions,
  loadOptions,
  readCommonOptions,
  readInteger,
  readLoadOptions,
  runBenchmark,
} from './options.mjs';
import { buildCollector, buildVictoriaTraces, findGo } from './peers/build.mjs';
import { runCollector, runEngine, runVictoriaTraces } from './peers/rounds.mjs';
import { median, relativeMad, relativeSpread, significant } from './statistics.mjs';

const usage = `Usage: npm run bench:peers -- [options]

Sends the same OTLP/HTTP protobuf to this engine, to the OpenTelemetry Collector (otlp receiver, nop exporter: it drops
what it gets) and to VictoriaTraces, in turn, each time in fresh processes. Both are built with Go into a folder
outside the repository. The last line on standard output is one JSON object; ratios above 1 are in favour of the engine.

  --spans N                   spans a round and side (default 1,000,000); also MPLP_BENCH_SPANS
  --rounds N                  rounds; in each the engine runs twice, first and last (default 3)
  --connections N             connections of the load client (default 8)
  --pool-mb N                 memory for prebuilt bodies (default 192)
  --seed N                    seed of the spans (default 1)
  --victoriatraces VERSION    version from the Go module proxy (default latest)
  --victoriatraces-source DIR a checkout to build instead, where the proxy does not have the module
  --out FILE                  write the JSON object there too, indented
`;

const form = 'otlp';

function readOptions() {
  const { values } = parseArgs({
    options: {
      ...commonOptions('1000000'),
      ...loadOptions,
      connections: { type: 'string', default: '8' },
      victoriatraces: { type: 'string', default: 'latest' },
      'victoriatraces-source': { type: 'string' },
    },
  });
  const common = readCommonOptions(values, usage);
  return {
    ...common,
    ...readLoadOptions(values),
    connections: readInteger('connections', values.connections),
    victoriaTraces: { version: values.victoriatraces, source: values['victoriatraces-source'] },
  };
}

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

/**
 * @typedef {import('./peers/rounds.mjs').PeerRound} PeerRound
 * @typedef {import('./peers/rounds.mjs').PeerOrder} PeerOrder
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} version
 * @property {(order: PeerOrder) => Promise<PeerRound>} run
 */

/**
 * Those that can be built here; for the others the reason why not.
 * @param {ReturnType<typeof readOptions>} options
 */
async function preparePeers(options) {
  /** @type {Peer[]} */
  const peers = [];
  /** @type {Record<string, string>} */
  const missing = {};
  /** @type {[string, () => Promise<import('./peers/build.mjs').Program>, (order: PeerOrder, file: string) => Promise<PeerRound>][]} */
  const known = [
    ['otelcol', buildCollector, runCollector],
    ['victoriatraces', () => buildVictoriaTraces(options.victoriaTraces), runVictoriaTraces],
  ];
  for (const [name, build, run] of known) {
    say(`${name}: building, which can take minutes the first time`);
    try {
      const { file, version } = await build();
      peers.push({ name, version, run: (order) => run(order, file) });
    } catch (error) {
      missing[name] = reasonOf(error);
      say(`${name}: cannot be built, so it is left out: ${missing[name]}`);
    }
  }
  return { peers, missing };
}

/** What Go said last, or its `Error` where it answered in JSON. @param {any} error */
function reasonOf(error) {
  const said = `${error?.stdout ?? ''}`.includes('"Error"')
    ? JSON.parse(error.stdout).Error
    : error?.stderr || error?.message || String(error);
  return String(said).trim().split('\n').slice(-3).join(' ').slice(0, 500);
}

/** @param {ReturnType<typeof readOptions>} options @param {readonly Peer[]} peers */
async function measure(options, peers) {
  const pool = {
    form: /** @type {const} */ (form),
    seed: options.seed,
    baseTimeMs: Date.now(),
    bodies: poolSize(form, options.spans, options.poolBytes),
  };
  const load = createLoad();
  try {
    const prepared = await load.prepare(pool);
    const items = Math.max(1, Math.ceil(options.spans / forms[form].spansPerBody));
    const order = { load, items, connections: options.connections };
    say(
      `${items * forms[form].spansPerBody} spans a round and side, ${(prepared.bytes / prepared.spans).toFixed(1)} bytes each`,
    );
    /** @type {{ engine: [PeerRound, PeerRound], others: Record<string, PeerRound> }[]} */
    const rounds = [];
    for (let round = 1; round <= options.rounds; round++) {
      const first = await runEngine(order);
      /** @type {Record<string, PeerRound>} */
      const others = {};
      for (const peer of peers) others[peer.name] = await peer.run(order);
      const last = await runEngine(order);
      rounds.push({ engine: [first, last], others });
      const tell = (/** @type {string} */ name, /** @type {PeerRound} */ side) =>
        `${name} ${side.cpuMicrosPerSpan.toFixed(2)} µs, ${Math.round(side.spansPerSecond)} spans/s`;
      say(
        `  round ${round}: ${[tell('engine', first), ...Object.entries(others).map(([name, side]) => tell(name, side)), tell('engine again', last)].join('; ')}`,
      );
    }
    return { rounds, bytes: prepared.bytes / prepared.spans, spans: items * forms[form].spansPerBody };
  } finally {
    load.close();
  }
}

const mean = (/** @type {[PeerRound, PeerRound]} */ pair, /** @type {(side: PeerRound) => number} */ read) =>
  (read(pair[0]) + read(pair[1])) / 2;
const cpuOf = (/** @type {PeerRound} */ side) => side.cpuMicrosPerSpan;
const serveOf = (/** @type {PeerRound} */ side) => side.serveMicrosPerSpan ?? NaN;
const rateOf = (/** @type {PeerRound} */ side) => side.spansPerSecond;

/** How far the two runs of the engine in a round lie apart, as a part of their mean. @param {Awaited<ReturnType<typeof measure>>['rounds']} rounds @param {(side: PeerRound) => number} read */
const distance = (rounds, read) =>
  significant(
    median(rounds.map(({ engine }) => Math.abs(read(engine[0]) - read(engine[1])) / mean(engine, read))),
    3,
  );

/** @param {Awaited<ReturnType<typeof measure>>} measured @param {readonly Peer[]} peers @param {Record<string, string>} missing */
function summarise({ rounds, bytes, spans }, peers, missing) {
  const middle = (/** @type {(round: (typeof rounds)[number]) => number} */ read) =>
    significant(median(rounds.map(read)));
  const ratiosOf = (/** @type {string} */ name) => {
    const cpu = rounds.map(({ engine, others }) => cpuOf(others[name]) / mean(engine, cpuOf));
    const serve = rounds.map(({ engine, others }) => cpuOf(others[name]) / mean(engine, serveOf));
    const rate = rounds.map(({ engine, others }) => mean(engine, rateOf) / rateOf(others[name]));
    return {
      cpu_per_span: significant(median(cpu)),
      spans_per_s: significant(median(rate)),
      /** Against the engine's own process alone, which is what a collector that stores nothing compares with. */
      cpu_per_span_of_serve: significant(median(serve)),
      noise: Object.fromEntries(
        Object.entries({ cpu_per_span: cpu, spans_per_s: rate }).map(([key, values]) => [
          key,
          {
            values: values.map((value) => significant(value)),
            relative_mad: significant(relativeMad(values), 3),
            relative_spread: significant(relativeSpread(values), 3),
          },
        ]),
      ),
    };
  };
  const figures = Object.fromEntries(
    peers.map(({ name, version }) => [
      name,
      {
        version,
        cpu_us_per_span: middle(({ others }) => cpuOf(others[name])),
        spans_per_s: middle(({ others }) => rateOf(others[name])),
      },
    ]),
  );
  return {
    ratios: {
      ...Object.fromEntries(peers.map(({ name }) => [name, ratiosOf(name)])),
      ...Object.fromEntries(Object.keys(missing).map((name) => [name, null])),
    },
    missing,
    a_a_distance: { cpu_per_span: distance(rounds, cpuOf), spans_per_s: distance(rounds, rateOf) },
    engine: {
      cpu_us_per_span: middle(({ engine }) => mean(engine, cpuOf)),
      cpu_us_per_span_of_serve: middle(({ engine }) => mean(engine, serveOf)),
      spans_per_s: middle(({ engine }) => mean(engine, rateOf)),
    },
    ...figures,
    form,
    spans,
    wire_bytes_per_span: significant(bytes, 5),
    rounds: rounds.length,
  };
}

/** @typedef {ReturnType<typeof summarise>} PeersResult */

/** @param {PeersResult} result @param {readonly Peer[]} peers */
function print(result, peers) {
  const percent = (/** @type {number | null} */ part) => `${((part ?? 0) * 100).toFixed(1)} %`;
  say(
    `\nA/A distance of the engine to itself: CPU ${percent(result.a_a_distance.cpu_per_span)}, spans/s ${percent(result.a_a_distance.spans_per_s)}`,
  );
  for (const { name, version } of peers) {
    const ratio = result.ratios[name];
    say(
      `${name} ${version}: ${ratio?.cpu_per_span} × our CPU a span (${ratio?.cpu_per_span_of_serve} × that of serve alone); we take ${ratio?.spans_per_s} × as many spans a second`,
    );
  }
  say('');
}

async function main() {
  const options = readOptions();
  const go = findGo();
  if (go === undefined) {
    say('go is not installed, so there is nothing to compare with. Install Go and run this again.');
    process.stdout.write(`${JSON.stringify({ skipped: 'go is not installed', ratios: {} })}\n`);
    return;
  }
  const machine = describeMachine();
  const { peers, missing } = await preparePeers(options);
  if (peers.length === 0) throw new Error('none of the programs to compare with could be built');
  const result = summarise(await measure(options, peers), peers, missing);
  print(result, peers);
  const document = { ...result, go, machine, commit: describeCommit(), created: new Date().toISOString() };
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(document, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

await runBenchmark('bench:peers', usage, main);
