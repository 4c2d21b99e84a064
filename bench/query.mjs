import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import { parseArgs } from 'node:util';
import { forms, poolSize } from './bodies.mjs';
import { waitForMerges } from './cpu.mjs';
import { makeDataDir, startEngine } from './engine.mjs';
import { createLoad } from './load.mjs';
import { describeCommit, describeMachine } from './machine.mjs';
import { commonOptions, readCommonOptions, readInteger, runBenchmark } from './options.mjs';
import { quantile, significant } from './statistics.mjs';
import { findSpanTables } from './verify.mjs';

const usage = `Usage: npm run bench:query -- [options]

Fills an engine and asks for a trace by its id, the trace list, an agent's traces in an hour, and a text, over
HTTP. The last line on standard output is one JSON object.

  --spans N       spans to store first (default 10,000,000); also MPLP_BENCH_SPANS
  --warm N        warm questions of each kind (default 100)
  --cold N        cold questions of each kind, each after a restart with empty caches (default 10; 0 leaves them out)
  --data-dir DIR  use this data folder, and fill it only when it holds no spans; it is kept
  --seed N        seed of the spans and of the questions (default 1)
  --out FILE      write the JSON object there too, indented
`;

const say = (/** @type {string} */ text) => process.stderr.write(`${text}\n`);
const spreadMs = 24 * 3_600_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      ...commonOptions('10000000'),
      warm: { type: 'string', default: '100' },
      cold: { type: 'string', default: '10' },
      'data-dir': { type: 'string' },
    },
  });
  const common = readCommonOptions(values, usage);
  return {
    ...common,
    warm: readInteger('warm', values.warm),
    cold: readInteger('cold', values.cold, 0),
    dataDir: values['data-dir'],
  };
}

/** @param {import('./engine.mjs').Engine} engine @param {{ spans: number, seed: number }} options */
async function fill(engine, { spans, seed }) {
  const form = /** @type {const} */ ('msgpack');
  const items = Math.ceil(spans / forms[form].spansPerBody);
  const load = createLoad();
  try {
    await load.prepare({
      form,
      seed,
      baseTimeMs: Date.now(),
      spreadMs,
      bodies: poolSize(form, spans, 384 * 2 ** 20),
    });
    say(`storing ${items * forms[form].spansPerBody} spans, spread over ${spreadMs / 3_600_000} hours`);
    const run = await load.run({ url: engine.url, token: engine.token, from: 0, to: items, connections: 8 });
    if (run.accepted !== run.spans) throw new Error(`${run.accepted} of ${run.spans} spans were accepted`);
    say(`  acknowledged at ${Math.round((run.spans * 1000) / (run.endMs - run.startMs))} spans/s`);
  } finally {
    load.close();
  }
}

/**
 * @typedef {object} Question
 * @property {string} path
 * @property {(answer: any) => boolean} isRight
 */

/**
 * The four kinds, each as a row of different questions whose answers are known in part.
 * @param {import('./clickhouse.mjs').ClickHouse} store
 * @param {number} count
 * @param {number} seed
 * @returns {Promise<Record<string, Question[]>>}
 */
async function makeQuestions(store, count, seed) {
  const { main, companions } = await findSpanTables(store);
  const traces = await store.rows(
    `SELECT toString(trace_id) AS id, toUInt32(count()) AS spans FROM ${main.name} GROUP BY trace_id ORDER BY sipHash64(trace_id, ${seed}) LIMIT ${count}`,
  );
  const starts = await store.rows(
    `SELECT toString(agent_id) AS agent, toUInt32(toUnixTimestamp(start_time)) AS second FROM ${main.name} ORDER BY sipHash64(span_id, ${seed}) LIMIT ${count}`,
  );
  const payloads = [main, ...companions].find(({ columns }) => columns.includes('parameters'));
  const tasks = await store.rows(
    `SELECT extract(parameters, 'task-[0-9]+') AS task FROM ${payloads?.name} ORDER BY sipHash64(seq, ${seed}) LIMIT ${count}`,
  );
  const time = (/** @type {number} */ second) => new Date(second * 1000).toISOString();
  const path = (/** @type {Record<string, string>} */ query) => `/v1.0/traces?${new URLSearchParams(query)}`;
  const isFull = (/** @type {any} */ answer) => answer.traces.length > 0;
  return {
    trace_by_id: traces.map(({ id, spans }) => ({
      path: `/v1.0/traces/${id}/spans`,
      isRight: (answer) => answer.total_spans === spans && answer.spans.length === spans,
    })),
    trace_list: starts.map(() => ({ path: path({ limit: '50' }), isRight: isFull })),
    agent_and_time: starts.map(({ agent, second }) => ({
      path: path({ agent_id: agent, from: time(second - 1800), to: time(second + 1800), limit: '50' }),
      isRight: isFull,
    })),
    text: tasks.map(({ task }) => ({ path: path({ q: task, limit: '50' }), isRight: isFull })),
  };
}

/** @param {import('./engine.mjs').Engine} engine */
function createAsker(engine) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(engine.url);
  return {
    /** Milliseconds until the last byte of the answer. @param {Question} question @returns {Promise<number>} */
    ask: (question) =>
      new Promise((resolve, reject) => {
        const startMs = performance.now();
        http
          .get(
            {
              hostname,
              port,
              path: question.path,
              agent,
              headers: { Authorization: `Bearer ${engine.token}` },
            },
            (response) => {
              /** @type {Buffer[]} */
              const chunks = [];
              response.on('data', (chunk) => chunks.push(chunk));
              response.on('error', reject);
              response.on('end', () => {
                const tookMs = performance.now() - startMs;
                const text = Buffer.concat(chunks).toString();
                if (response.statusCode !== 200)
                  reject(
                    new Error(`${question.path} was answered ${response.statusCode}: ${text.slice(0, 300)}`),
                  );
                else if (!question.isRight(JSON.parse(text)))
                  reject(new Error(`${question.path} was answered wrongly: ${text.slice(0, 300)}`));
                else resolve(tookMs);
              });
            },
          )
          .on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}

/** Empties the system's page cache; false when that is not permitted. */
function dropPageCache() {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

/** @param {import('./clickhouse.mjs').ClickHouse} store */
async function dropStoreCaches(store) {
  for (const cache of [
    'MARK',
    'UNCOMPRESSED',
    'INDEX MARK',
    'INDEX UNCOMPRESSED',
    'PRIMARY INDEX',
    'QUERY CONDITION',
    'QUERY',
  ]) {
    // Which caches there are depends on ClickHouse's version.
    await store.query(`SYSTEM DROP ${cache} CACHE`).catch(() => undefined);
  }
}

const describe = (/** @type {number[]} */ values) =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms`;

const figures = (/** @type {number[]} */ values) => ({
  p50: significant(quantile(values, 0.5)),
  p99: significant(quantile(values, 0.99)),
  count: values.length,
});

async function main() {
  const options = readOptions();
  const machine = describeMachine();
  const dataDir = options.dataDir ?? (await makeDataDir());
  let engine = await startEngine({ dataDir });
  try {
    const table = (await findSpanTables(engine.store)).main.name;
    const countSpans = async () => Number(await engine.store.query(`SELECT count() FROM ${table}`));
    if ((await countSpans()) === 0) await fill(engine, options);
    while ((await countSpans()) < options.spans && options.dataDir === undefined)
      await new Promise((resolve) => setTimeout(resolve, 200));
    const { settled } = await waitForMerges(engine.store, { timeoutMs: 300_000 });
    const spans = await countSpans();
    const bytes = Number(
      await engine.store.query(
        `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database NOT IN ('system', 'information_schema')`,
      ),
    );
    say(`${spans} spans stored, ${(bytes / spans).toFixed(1)} bytes each on disk`);
    const questions = await makeQuestions(
      engine.store,
      Math.max(options.warm, options.cold) + 5,
      options.seed,
    );

    /** @type {Record<string, { warm: number[], cold: number[] }>} */
    const times = {};
    const asker = createAsker(engine);
    for (const [kind, list] of Object.entries(questions)) {
      for (const question of list.slice(0, 5)) await asker.ask(question);
      const warm = [];
      for (const question of list.slice(5, 5 + options.warm)) warm.push(await asker.ask(question));
      times[kind] = { warm, cold: [] };
      say(`  ${kind}: ${describe(warm)} warm`);
    }
    asker.close();

    let isPageCacheDropped = options.cold > 0;
    const kinds = Object.keys(questions);
    for (let i = 0; i < options.cold; i++) {
      await engine.stop();
      engine = await startEngine({ dataDir });
      const cold = createAsker(engine);
      for (const kind of kinds) {
        await dropStoreCaches(engine.store);
        isPageCacheDropped = dropPageCache() && isPageCacheDropped;
        times[kind].cold.push(await cold.ask(questions[kind][i]));
      }
      cold.close();
    }
    if (options.cold > 0) for (const kind of kinds) say(`  ${kind}: ${describe(times[kind].cold)} cold`);

    const result = {
      spans,
      bytes_per_span_on_disk: significant(bytes / spans),
      queries: Object.fromEntries(
        kinds.map((kind) => [
          kind,
          {
            warm_ms: figures(times[kind].warm),
            cold_ms: options.cold === 0 ? null : figures(times[kind].cold),
          },
        ]),
      ),
      cold_means:
        options.cold === 0
          ? 'not measured'
          : `engine restarted, ClickHouse's caches emptied before each question, page cache ${isPageCacheDropped ? 'emptied too' : 'kept (emptying it is not permitted here)'}`,
      merges_settled: settled,
      machine,
      commit: describeCommit(),
      created: new Date().toISOString(),
    };
    for (const [kind, { warm_ms: warm, cold_ms: cold }] of Object.entries(result.queries)) {
      say(
        `  ${kind.padEnd(16)} warm p50 ${warm.p50} ms, p99 ${warm.p99} ms${cold === null ? '' : `   cold p50 ${cold.p50} ms, p99 ${cold.p99} ms`}`,
      );
    }
    if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    await engine.stop().catch(say);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

await runBenchmark('bench:query', usage, main);
