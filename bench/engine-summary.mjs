import { p50p99 } from './ingest-rounds.mjs';
import { median, relativeMad, relativeSpread, significant } from './statistics.mjs';

/**
 * The figures of the engine's rounds, by the names that every result file has for them: medians over the rounds.
 *
 * @typedef {Awaited<ReturnType<typeof import('./ingest-rounds.mjs').runEngineRound>>} EngineRound
 *
 * @typedef {object} RunFacts
 * @property {number} askedSpans
 * @property {number} items
 * @property {number} perBody
 * @property {number} wireBytes A span.
 * @property {number} jsonBytes A span.
 * @property {number} connections
 */

/** Microseconds of serve and store a span. @param {{ cpuMicrosPerSpan: { serve: number, store: number } }} side */
export const costOf = (side) => side.cpuMicrosPerSpan.serve + side.cpuMicrosPerSpan.store;

/** Every round's value, and how far they lie apart. @param {Readonly<Record<string, number[]>>} values */
export const describeNoise = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, list]) => [
      name,
      {
        values: list.map((value) => significant(value)),
        relative_mad: significant(relativeMad(list), 3),
        relative_spread: significant(relativeSpread(list), 3),
      },
    ]),
  );

/**
 * @param {import('./bodies.mjs').Form} form
 * @param {readonly EngineRound[]} rounds
 * @param {RunFacts} run
 */
export function summariseEngine(form, rounds, run) {
  const over = (/** @type {(round: EngineRound) => number} */ read) => rounds.map(read);
  const middle = (/** @type {(round: EngineRound) => number} */ read, digits = 4) =>
    significant(median(over(read)), digits);
  const values = {
    spans_per_s: over((round) => round.spansPerSecond),
    cpu_us_per_span: over(costOf),
  };
  const rounded = (/** @type {{ p50: number, p99: number }} */ pair) => ({
    p50: significant(pair.p50),
    p99: significant(pair.p99),
  });
  const halfLoads = rounds.flatMap(({ halfLoad }) => (halfLoad === undefined ? [] : [halfLoad]));
  const seconds = (/** @type {number} */ rate) => (run.items * run.perBody) / rate;
  const idlePercent = rounds[0].idlePercent;
  return {
    spans_per_s: significant(median(values.spans_per_s), 5),
    cpu_us_per_span: {
      serve: middle((round) => round.cpuMicrosPerSpan.serve),
      store: middle((round) => round.cpuMicrosPerSpan.store),
      client: middle((round) => round.cpuMicrosPerSpan.client),
    },
    ack_ms: rounded(p50p99(rounds.map(({ ackMs }) => ackMs))),
    queryable_ms: halfLoads.length === 0 ? null : rounded(p50p99(halfLoads.map((half) => half.queryableMs))),
    bytes_per_span_on_disk: middle((round) => round.bytesPerSpanOnDisk),
    verified: rounds.every((round) => round.differences.length === 0),
    differences: [...new Set(rounds.flatMap((round) => round.differences))],
    form,
    asked_spans: run.askedSpans,
    spans: run.items * run.perBody,
    spans_per_body: run.perBody,
    wire_bytes_per_span: significant(run.wireBytes, 5),
    json_bytes_per_span: significant(run.jsonBytes, 5),
    connections: run.connections,
    acked_spans_per_s: middle((round) => round.ackedSpansPerSecond, 5),
    mb_per_s: significant(
      (run.wireBytes * run.items * run.perBody) / 1e6 / seconds(median(values.spans_per_s)),
    ),
    ...(run.perBody === 1 && { requests_per_s: middle((round) => round.ackedSpansPerSecond, 5) }),
    half_load:
      halfLoads.length === 0
        ? null
        : {
            spans_per_s: significant(median(halfLoads.map((half) => half.spansPerSecond))),
            ack_ms: rounded(p50p99(halfLoads.map((half) => half.ackMs))),
            marks: halfLoads.reduce((sum, half) => sum + half.queryableMs.length, 0),
          },
    rows_per_insert: middle((round) => round.rowsPerInsert),
    rss_mb: {
      serve: Math.round(Math.max(...over((round) => round.peakRssBytes.serve)) / 2 ** 20),
      store: Math.round(Math.max(...over((round) => round.peakRssBytes.store)) / 2 ** 20),
    },
    start_to_ready_ms: Math.round(median(over((round) => round.startToReadyMs))),
    idle_cpu_percent: idlePercent === undefined ? null : significant(idlePercent, 3),
    retries: rounds.reduce((sum, round) => sum + round.retries, 0),
    merges_settled: rounds.every((round) => round.settled),
    rounds: rounds.length,
    noise: describeNoise(values),
  };
}

/** @typedef {ReturnType<typeof summariseEngine>} EngineSummary */
