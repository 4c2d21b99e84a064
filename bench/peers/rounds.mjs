import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuMicros, cpuPercent, waitForMerges } from '../cpu.mjs';
import { makeDataDir, withEngine } from '../engine.mjs';
import { findFreePort, startProgram } from './process.mjs';

/**
 * One round of each side: a fresh process on a fresh folder gets the same bodies over the same connections.
 *
 * @typedef {object} PeerOrder
 * @property {import('../load.mjs').Load} load Prepared with OTLP bodies.
 * @property {number} items
 * @property {number} connections
 *
 * @typedef {object} PeerRound
 * @property {number} spansPerSecond From the first byte sent until the last answer.
 * @property {number} cpuMicrosPerSpan All processes of the side, until it has come to rest.
 * @property {number} [serveMicrosPerSpan] Of it the engine's own process, without ClickHouse.
 */

/** A server at rest uses less than this part of a core. */
const restPercent = 5;
const restTimeoutMs = 60_000;

/** @param {PeerOrder} order @returns {Promise<PeerRound>} */
export function runEngine(order) {
  return withEngine(async ({ url, token, serve, store }) => {
    const before = { serve: cpuMicros(serve.pid), store: cpuMicros(store.pid) };
    const { spans, rate } = await send(order, url, token);
    await waitUntilStored(store, spans);
    await waitForMerges(store);
    const serveMicros = (cpuMicros(serve.pid) - before.serve) / spans;
    const storeMicros = (cpuMicros(store.pid) - before.store) / spans;
    return {
      spansPerSecond: rate,
      cpuMicrosPerSpan: serveMicros + storeMicros,
      serveMicrosPerSpan: serveMicros,
    };
  });
}

/** @param {import('../clickhouse.mjs').ClickHouse} store @param {number} spans */
async function waitUntilStored(store, spans) {
  const deadline = performance.now() + restTimeoutMs;
  const table = await store.query(
    `SELECT database || '.' || name FROM system.tables WHERE name = 'spans' AND engine LIKE '%MergeTree' AND database NOT LIKE 'system'`,
  );
  for (;;) {
    const rows = Number(await store.query(`SELECT count() FROM ${table}`));
    if (rows === spans) return;
    if (performance.now() > deadline) throw new Error(`${rows} of ${spans} acknowledged spans are stored`);
    await sleep(100);
  }
}

/** @param {PeerOrder} order @param {string} file @returns {Promise<PeerRound>} */
export async function runCollector(order, file) {
  const folder = await makeDataDir();
  try {
    const port = await findFreePort();
    const template = await readFile(fileURLToPath(new URL('otelcol/config.yaml', import.meta.url)), 'utf8');
    const config = path.join(folder, 'config.yaml');
    await writeFile(config, template.replace(':PORT', `:${port}`));
    return await runProgram(order, file, ['--config', `file:${config}`], port, '/v1/traces');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {PeerOrder} order @param {string} file @returns {Promise<PeerRound>} */
export async function runVictoriaTraces(order, file) {
  const folder = await makeDataDir();
  try {
    const port = await findFreePort();
    const args = [`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${folder}`, '-loggerLevel=WARN'];
    return await runProgram(order, file, args, port, '/insert/opentelemetry/v1/traces');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {PeerOrder} order @param {string} file @param {string[]} args @param {number} port @param {string} urlPath @returns {Promise<PeerRound>} */
async function runProgram(order, file, args, port, urlPath) {
  const program = await startProgram(file, args, port);
  try {
    const before = cpuMicros(program.pid);
    const { spans, rate } = await send(order, program.url, 'none', urlPath);
    await waitForRest(program.pid);
    return { spansPerSecond: rate, cpuMicrosPerSpan: (cpuMicros(program.pid) - before) / spans };
  } finally {
    await program.stop();
  }
}

/** @param {PeerOrder} order @param {string} url @param {string} token @param {string} [urlPath] */
async function send({ load, items, connections }, url, token, urlPath) {
  const run = await load.run({
    url,
    token,
    from: 0,
    to: items,
    connections,
    ...(urlPath !== undefined && { path: urlPath }),
  });
  if (run.accepted !== run.spans) throw new Error(`${run.accepted} of ${run.spans} spans were accepted`);
  return { spans: run.spans, rate: run.spans / ((run.endMs - run.startMs) / 1000) };
}

/** Work in the background counts to the side that does it. @param {number} pid */
async function waitForRest(pid) {
  const deadline = performance.now() + restTimeoutMs;
  for (let quiet = 0; quiet < 4 && performance.now() < deadline;)
    quiet = (await cpuPercent([pid], 500)) < restPercent ? quiet + 1 : 0;
}
