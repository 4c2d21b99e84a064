import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros, cpuPercent, nowMs, peakRssBytes, waitForMerges } from './cpu.mjs';
import { startProcess, withEngine } from './engine.mjs';
import { forms } from './bodies.mjs';
import { quantile } from './statistics.mjs';
import { expectContent, findDifferences, findIntakeTable, findSpanTables } from './verify.mjs';

/**
 * One round of the engine and one of the baseline, each on a fresh process and a fresh data directory.
 *
 * @typedef {object} RoundOptions
 * @property {import('./load.mjs').Load} load Prepared with `pool`.
 * @property {import('./bodies.mjs').PoolOptions} pool
 * @property {number} items Bodies to send.
 * @property {number} connections
 * @property {Expectations} expectations
 *
 * @typedef {object} RoundResult
 * @property {number} spans
 * @property {number} spansPerSecond From the first byte sent until all are queryable.
 * @property {number} ackedSpansPerSecond From the first byte sent until the last receipt.
 * @property {number} jsonBytesPerSecond
 * @property {{ serve: number, store: number, client: number }} cpuMicrosPerSpan
 * @property {Float64Array} ackMs
 * @property {number} bytesPerSpanOnDisk
 * @property {{ serve: number, store: number }} peakRssBytes
 * @property {number} retries
 * @property {boolean} settled
 * @property {string[]} differences Empty when content and counts are as sent.
 */

/** How often the store is asked whether spans are visible. */
const pollMs = 25;
/** Asking costs the store CPU that the load would use (3 ms a count), so it is asked less often. */
const markPollMs = 50;

/**
 * What the tables must hold, worked out once for each number of bodies: rounds send the same spans.
 * @param {import('./bodies.mjs').PoolOptions} pool
 * @param {readonly number[]} itemCounts
 */
export function createExpectations(pool, itemCounts) {
  /** @type {Map<number, import('./verify.mjs').Expectation> | undefined} */
  let known;
  return {
    /** @param {import('./clickhouse.mjs').ClickHouse} store @param {number} items @returns {Promise<string[]>} */
    async check(store, items) {
      const tables = await findSpanTables(store, pool.form);
      known ??= await expectContent(store, pool, tables, itemCounts);
      const expected = known.get(items);
      if (expected === undefined) throw new Error(`no expectation for ${items} bodies`);
      return findDifferences(store, tables, expected);
    },
  };
}

/** @typedef {ReturnType<typeof createExpectations>} Expectations */

/** Resolves when every table with one row a span has `spans` rows. @param {import('./clickhouse.mjs').ClickHouse} store @param {readonly string[]} tables @param {number} spans */
async function waitUntilQueryable(store, tables, spans, timeoutMs = 120_000) {
  const counts = tables.map((table) => `(SELECT count() FROM ${table})`).join(', ');
  const deadline = nowMs() + timeoutMs;
  for (;;) {
    const least = Number(await store.query(`SELECT arrayMin([${counts}])`));
    if (least >= spans) return nowMs();
    if (nowMs() > deadline)
      throw new Error(`after ${timeoutMs} ms ${least} of ${spans} acknowledged spans are queryable`);
    await sleep(pollMs);
  }
}

/** @param {import('./clickhouse.mjs').ClickHouse} store */
async function bytesOnDisk(store) {
  return Number(
    await store.query(
      `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database NOT IN ('system', 'information_schema') AND database NOT LIKE 'bench%'`,
    ),
  );
}

/**
 * Sends at full load, waits for the rows, then for the merges, and reads the cost.
 * @param {RoundOptions & { target: { url: string, token: string, pid: number }, store: import('./clickhouse.mjs').ClickHouse }} options
 * @returns {Promise<RoundResult>}
 */
async function measureFullLoad({ load, items, connections, expectations, target, store }) {
  const { names } = await findSpanTables(store);
  const serveBefore = cpuMicros(target.pid);
  const storeBefore = cpuMicros(store.pid);
  const run = await load.run({ url: target.url, token: target.token, from: 0, to: items, connections });
  if (run.accepted !== run.spans) throw new Error(`${run.accepted} of ${run.spans} spans were accepted`);
  const queryableMs = await waitUntilQueryable(store, names, run.spans);
  const { settled } = await waitForMerges(store);
  const cpuMicrosPerSpan = {
    serve: (cpuMicros(target.pid) - serveBefore) / run.spans,
    store: (cpuMicros(store.pid) - storeBefore) / run.spans,
    client: run.cpuMicros / run.spans,
  };
  const seconds = (queryableMs - run.startMs) / 1000;
  return {
    spans: run.spans,
    spansPerSecond: run.spans / seconds,
    ackedSpansPerSecond: run.spans / ((run.endMs - run.startMs) / 1000),
    jsonBytesPerSecond: run.jsonBytes / seconds,
    cpuMicrosPerSpan,
    ackMs: run.ackMs,
    bytesPerSpanOnDisk: (await bytesOnDisk(store)) / run.spans,
    peakRssBytes: { serve: peakRssBytes(target.pid), store: peakRssBytes(store.pid) },
    retries: run.retries,
    settled,
    differences: await expectations.check(store, items),
  };
}

/**
 * @typedef {object} HalfLoad
 * @property {number} spansPerSecond What was sent.
 * @property {number[]} queryableMs From when a body was due to be sent until its last trace answers a query.
 * @property {Float64Array} ackMs
 */

/**
 * A round whose figures are thrown away: a machine that has been idle gives its memory only when it is touched, and the first
 * round would pay for that.
 * @param {RoundOptions} options
 */
export async function warmUp(options) {
  const { spansPerSecond } = await runEngineRound({ ...options, idleMs: 0, halfLoadMs: 0 });
  process.stderr.write(`  warm-up, not counted: ${Math.round(spansPerSecond)} spans/s\n`);
}

/**
 * @param {RoundOptions & { idleMs: number, halfLoadMs: number }} options `idleMs` 0 skips the idle figure.
 * @returns {Promise<RoundResult & { startToReadyMs: number, idlePercent: number | undefined, rowsPerInsert: number, halfLoad: HalfLoad | undefined }>}
 */
export function runEngineRound(options) {
  return withEngine(async (engine) => {
    const { serve, store } = engine;
    // The first second after the start is not idle: code is still being compiled.
    if (options.idleMs > 0) await sleep(1000);
    const idlePercent =
      options.idleMs > 0 ? await cpuPercent([serve.pid, store.pid], options.idleMs) : undefined;
    const target = { url: engine.url, token: engine.token, pid: serve.pid };
    const full = await measureFullLoad({ ...options, target, store });
    const rowsPerInsert = await meanRowsPerInsert(engine);
    const halfLoad =
      options.halfLoadMs > 0 ? await measureHalfLoad({ ...options, target, store, full }) : undefined;
    return { ...full, startToReadyMs: serve.startToReadyMs, idlePercent, rowsPerInsert, halfLoad };
  });
}

/** What the loader sent in one insert, on average. @param {import('./engine.mjs').Engine} engine */
async function meanRowsPerInsert(engine) {
  const response = await fetch(`${engine.url}/metrics`, {
    headers: { Authorization: `Bearer ${engine.token}` },
  });
  const text = await response.text();
  const read = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);
  const rows = read('mplp_loader_rows_total') / read('mplp_loader_insert_seconds_count');
  if (!(rows >= 1))
    throw new Error(`/metrics (${response.status}) does not tell the loader's rows and inserts`);
  return Math.round(rows);
}

/**
 * Half of what the full load reached, at an even pace; traces are looked for in ClickHouse all along.
 * @param {RoundOptions & { halfLoadMs: number, target: { url: string, token: string }, store: import('./clickhouse.mjs').ClickHouse, full: RoundResult }} options
 * @returns {Promise<HalfLoad>}
 */
async function measureHalfLoad({ load, pool, items, connections, halfLoadMs, target, store, full }) {
  const { main, names } = await findSpanTables(store);
  const bodiesPerSecond = full.spansPerSecond / 2 / (pool.spansPerBody ?? forms[pool.form].spansPerBody);
  const more = Math.max(20, Math.ceil((bodiesPerSecond * halfLoadMs) / 1000));

  /** @type {Map<string, import('./load.mjs').Mark>} */
  const waiting = new Map();
  /** @type {number[]} */
  const queryableMs = [];
  let sending = true;
  let rowsSeen = -1;
  const watch = async () => {
    const giveUpMs = nowMs() + halfLoadMs + 60_000;
    while (sending || waiting.size > 0) {
      if (nowMs() > giveUpMs) throw new Error(`${waiting.size} traces did not become queryable`);
      const next = sleep(markPollMs);
      // The count costs half of a search, and traces are there only once rows have come.
      const rows = Number(await store.query(`SELECT count() FROM ${main.name}`));
      if (rows !== rowsSeen) await lookFor([...waiting.keys()]);
      rowsSeen = rows;
      await next;
    }
  };
  /** @param {readonly string[]} ids */
  const lookFor = async (ids) => {
    if (ids.length === 0) return;
    const since = Math.min(...ids.map((id) => waiting.get(id)?.sentMs ?? Infinity));
    // Older parts need not be opened: nothing in them was received since.
    const receivedFrom = Math.floor((Date.now() - (nowMs() - since)) / 1000) - 1;
    const rows = await store.rows(
      `SELECT toString(trace_id) AS trace_id, toUInt32(count()) AS spans FROM ${main.name} WHERE project_id = 'default' AND trace_id IN (${ids.map((id) => `'${id}'`).join(', ')}) AND received_at >= toDateTime(${receivedFrom}) GROUP BY trace_id`,
    );
    const seenMs = nowMs();
    for (const row of rows) {
      const mark = waiting.get(row.trace_id);
      if (mark === undefined || row.spans < mark.spans) continue;
      waiting.delete(row.trace_id);
      queryableMs.push(seenMs - mark.sentMs);
    }
  };
  const watching = watch();
  watching.catch(() => {});
  const run = await load
    .run(
      {
        url: target.url,
        token: target.token,
        from: items,
        to: items + more,
        connections,
        bodiesPerSecond,
        markEvery: Math.max(1, Math.floor(more / 100)),
      },
      (mark) => waiting.set(mark.traceId, mark),
    )
    .finally(() => (sending = false));
  await watching;
  await waitUntilQueryable(store, names, full.spans + run.spans);
  return { spansPerSecond: run.spans / ((run.endMs - run.startMs) / 1000), queryableMs, ackMs: run.ackMs };
}

/**
 * The baseline writes into the tables of a fresh engine whose own intake is left alone.
 * @param {RoundOptions} options
 * @returns {Promise<RoundResult>}
 */
export function runBaselineRound(options) {
  return withEngine(async ({ store }) => {
    const server = await startProcess('bench/baseline/server.mjs', {
      BASELINE_URL: store.url,
      BASELINE_USERNAME: store.username,
      BASELINE_PASSWORD: store.password,
      BASELINE_TABLE: await findIntakeTable(store),
    });
    try {
      return await measureFullLoad({
        ...options,
        target: { url: server.ready.url, token: 'none', pid: server.pid },
        store,
      });
    } finally {
      await server.stop();
    }
  });
}

/** @param {readonly (Float64Array | number[])[]} samples */
export function p50p99(samples) {
  const all = samples.flatMap((sample) => [...sample]);
  return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
}
