import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { forms, poolSize } from './bodies.mjs';
import { costOf, summariseEngine } from './engine-summary.mjs';
import { createExpectations, runEngineRound, warmUp } from './ingest-rounds.mjs';
import { printIngest } from './ingest-table.mjs';
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

const usage = `Usage: npm run bench:otlp -- [options]

Measures the engine with OpenTelemetry spans: OTLP/HTTP protobuf, 11 attributes and about 640 bytes a span. The last
line on standard output is one JSON object.

  --spans N           spans a round (default 2,000,000); also MPLP_BENCH_SPANS
  --rounds N          rounds, each on a fresh engine (default 3)
  --connections N     connections of the load client (default 8)
  --half-load-s N     seconds at half load for the queryable time; 0 leaves it out (default 6)
  --idle-s N          seconds of watching the idle engine; 0 leaves it out (default 5)
  --pool-mb N         memory for prebuilt bodies (default 192)
  --seed N            seed of the spans (default 1)
  --out FILE          write the JSON object there too, indented
`;

const form = 'otlp';

function readOptions() {
  const { values } = parseArgs({
    options: {
      ...commonOptions('2000000'),
      ...loadOptions,
      ...watchOptions,
      connections: { type: 'string', default: '8' },
    },
  });
  const common = readCommonOptions(values, usage);
  return {
    ...common,
    ...readLoadOptions(values),
    ...readWatchOptions(values),
    connections: readInteger('connections', values.connections),
  };
}

/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

/** @param {ReturnType<typeof readOptions>} options */
async function measure(options) {
  const perBody = forms[form].spansPerBody;
  const items = Math.max(1, Math.ceil(options.spans / perBody));
  const pool = {
    form: /** @type {const} */ (form),
    seed: options.seed,
    baseTimeMs: Date.now(),
    bodies: poolSize(form, options.spans, options.poolBytes),
  };
  const load = createLoad();
  try {
    const prepared = await load.prepare(pool);
    const wireBytes = prepared.bytes / prepared.spans;
    say(`${items * perBody} spans a round, ${wireBytes.toFixed(1)} bytes each on the wire`);
    const expectations = createExpectations(pool, [items]);
    const common = { load, pool, items, connections: options.connections, expectations };
    await warmUp(common);
    const rounds = [];
    for (let round = 1; round <= options.rounds; round++) {
      const engine = await runEngineRound({
        ...common,
        idleMs: round === 1 ? options.idleMs : 0,
        halfLoadMs: options.halfLoadMs,
      });
      rounds.push(engine);
      say(
        `  round ${round}: ${Math.round(engine.spansPerSecond)} spans/s, ${costOf(engine).toFixed(2)} µs of CPU a span`,
      );
      for (const difference of engine.differences) say(`  NOT EQUAL: ${difference}`);
    }
    return summariseEngine(form, rounds, {
      askedSpans: options.spans,
      items,
      perBody,
      wireBytes,
      jsonBytes: prepared.jsonBytes / prepared.spans,
      connections: options.connections,
    });
  } finally {
    load.close();
  }
}

async function main() {
  const options = readOptions();
  const machine = describeMachine();
  const run = await measure(options);
  printIngest(run);
  const result = { ...run, machine, commit: describeCommit(), created: new Date().toISOString() };
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (!run.verified) process.exitCode = 1;
}

await runBenchmark('bench:otlp', usage, main);
