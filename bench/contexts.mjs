import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
// @ts-expect-error autocannon has no types
import autocannon from 'autocannon';
import postgres from 'postgres';
import { WebSocket } from 'ws';
import { cpuMicros } from './cpu.mjs';
import { startEngine } from './engine.mjs';
import { describeCommit, describeMachine } from './machine.mjs';
import { readInteger, runBenchmark } from './options.mjs';
import { quantile, significant } from './statistics.mjs';

const usage = `Usage: npm run bench:contexts -- [options]

Contexts over HTTP: reads from the cache, changes against the same statement without an engine, and sync to nodes.
Everything runs on one machine. The last line on standard output is one JSON object.

  --seconds N      of each part (default 8)
  --rounds N       reads, changes and bare statements in turn; medians count (default 3)
  --connections N  of autocannon (default 64)
  --sessions N     connections to Postgres of the bare statements (default 12)
  --contexts N     that are read and changed (default 1,000)
  --nodes N        that follow one context (default 100)
  --out FILE       write the JSON object there too, indented
`;

const session = '/v1.0/contexts';
const AFTER_BARE_MS = 4_000;
/** @param {string} text */
const say = (text) => process.stderr.write(`${text}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '64' },
      sessions: { type: 'string', default: '12' },
      contexts: { type: 'string', default: '1000' },
      nodes: { type: 'string', default: '100' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  return {
    seconds: readInteger('seconds', values.seconds),
    rounds: readInteger('rounds', values.rounds),
    connections: readInteger('connections', values.connections),
    sessions: readInteger('sessions', values.sessions),
    contexts: readInteger('contexts', values.contexts),
    nodes: readInteger('nodes', values.nodes),
    out: values.out,
  };
}

/** Largest less smallest, by the median. @param {number[]} values */
const spread = (values) => significant((Math.max(...values) - Math.min(...values)) / quantile(values, 0.5));

/** @param {Record<string, number>[]} results */
const medianOf = (results) =>
  Object.fromEntries(
    Object.keys(results[0] ?? {}).map((name) => [
      name,
      significant(
        quantile(
          results.map((result) => result[name] ?? NaN),
          0.5,
        ),
      ),
    ]),
  );

/** @returns {Promise<number>} */
const findFreePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/**
 * Requests are made before the load begins, so that making them is not measured. Each connection begins at another one.
 * @param {{ url: string, token: string, pid: number }} engine
 * @param {ReturnType<typeof readOptions>} options
 * @param {object[]} requests
 */
async function loadWith(engine, { seconds, connections }, requests) {
  let clients = 0;
  const before = cpuMicros(engine.pid);
  const result = await autocannon({
    url: engine.url,
    connections,
    duration: seconds,
    headers: { authorization: `Bearer ${engine.token}`, 'content-type': 'application/json' },
    setupClient(/** @type {{ setRequests(requests: object[]): void }} */ client) {
      const first = Math.floor((clients++ * requests.length) / connections);
      client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} replies were no success, ${result.errors} requests failed`);
  const { average, total } = result.requests;
  const { p50, p99 } = result.latency;
  return {
    per_s: significant(average),
    p50_ms: p50,
    p99_ms: p99,
    requests: total,
    serve_cpu_us: significant((cpuMicros(engine.pid) - before) / total),
  };
}

/** The statement of a change, its event and its mark, from as many connections, without an engine. @param {string} url @param {string[]} ids @param {ReturnType<typeof readOptions>} options */
async function bareChanges(url, ids, { seconds, sessions }) {
  const sql = postgres(url, { max: sessions, fetch_types: false });
  const text = JSON.stringify({
    status: 'active',
    lifecycle_stage: 'planning',
    shared_state: { variables: { n: 1 } },
  });
  const endMs = performance.now() + seconds * 1000;
  let changes = 0;
  const work = async (/** @type {number} */ worker) => {
    for (let n = worker; performance.now() < endMs; n += sessions) {
      const id = ids[n % ids.length] ?? '';
      await sql`
        WITH changed AS (
          UPDATE contexts SET document = ${text}::text::json, version = version + 1, updated_at = now()
          WHERE project_id = 'default' AND id = ${id} RETURNING version),
        event AS (
          INSERT INTO outbox (project_id, type, subject_id, version, payload, actor)
          SELECT 'default', 'context.updated', ${id}::uuid, version, '{}', 'bench' FROM changed),
        mark AS (INSERT INTO transaction_marks (id, outcome) SELECT ${randomUUID()}::uuid, 'committed' FROM changed)
        SELECT version FROM changed`;
      changes++;
    }
  };
  await Promise.all(Array.from({ length: sessions }, (_, worker) => work(worker)));
  await sql.end();
  return { per_s: significant(changes / seconds) };
}

/** Changes of one context, one after another, each until all nodes have it. @param {{ url: string, token: string }} engine @param {string} id @param {ReturnType<typeof readOptions>} options */
async function syncToNodes(engine, id, { seconds, nodes }) {
  const headers = { authorization: `Bearer ${engine.token}` };
  /** @type {number[]} */
  const latencies = [];
  /** @type {Map<number, { startMs: number, left: number, done: () => void }>} */
  const waiting = new Map();
  const sockets = await Promise.all(
    Array.from({ length: nodes }, async (_, n) => {
      const socket = new WebSocket(`${engine.url.replace('http', 'ws')}${session}/ws?node_id=node${n}`, {
        headers,
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      const ready = new Promise((resolve) => {
        socket.on('message', (/** @type {Buffer} */ data) => {
          const { type, version } = JSON.parse(data.toString());
          socket.send(JSON.stringify({ type: 'ack', context_id: id, version }));
          if (type === 'full') resolve(undefined);
          const change = waiting.get(version);
          if (change === undefined) return;
          latencies.push(performance.now() - change.startMs);
          if (--change.left === 0) change.done();
        });
      });
      socket.send(JSON.stringify({ type: 'subscribe', context_id: id }));
      await ready;
      return socket;
    }),
  );
  let version = Number(
    (await fetch(`${engine.url}${session}/${id}`, { headers })).headers.get('etag')?.slice(1, -1),
  );
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    const next = ++version;
    const all = new Promise((resolve) => {
      waiting.set(next, { startMs: performance.now(), left: nodes, done: () => resolve(undefined) });
    });
    const reply = await fetch(`${engine.url}${session}/${id}/variables`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'n', value: next }),
    });
    if (!reply.ok) throw new Error(`a change was answered ${reply.status}`);
    await all;
    waiting.delete(next);
  }
  const took = (performance.now() - startMs) / 1000;
  for (const socket of sockets) socket.terminate();
  return {
    nodes,
    deliveries_per_s: significant(latencies.length / took),
    // From before the change was sent until the node has it.
    p50_ms: significant(quantile(latencies, 0.5)),
    p99_ms: significant(quantile(latencies, 0.99)),
  };
}

async function main() {
  const options = readOptions();
  const machine = describeMachine();
  const port = await findFreePort();
  const engine = await startEngine({ env: { MPLP_POSTGRES_PORT: String(port), DATABASE_URL: '' } });
  try {
    const password = (await readFile(path.join(engine.dataDir, 'postgres-password'), 'utf8')).trim();
    const url = `postgres://mplp:${encodeURIComponent(password)}@127.0.0.1:${port}/mplp`;
    const post = (/** @type {object} */ body) =>
      fetch(`${engine.url}${session}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    for (let isReady = false; !isReady; await sleep(100)) {
      const { parts } = /** @type {{ parts: { postgres: { ok: boolean } } }} */ (
        await (await fetch(`${engine.url}/ready`)).json()
      );
      isReady = parts.postgres.ok;
    }
    /** @type {string[]} */
    const ids = [];
    const document = { shared_state: { variables: { budget: 1, owner: 'team-a' }, resources: { cpu: 2 } } };
    while (ids.length < options.contexts) {
      const replies = await Promise.all(Array.from({ length: 10 }, () => post(document)));
      for (const reply of replies) ids.push(/** @type {{ id: string }} */ (await reply.json()).id);
    }
    const target = { url: engine.url, token: engine.token, pid: engine.serve.pid };
    const reads = ids.map((id) => ({ method: 'GET', path: `${session}/${id}` }));
    const changes = ids.map((id, n) => ({
      method: 'POST',
      path: `${session}/${id}/variables`,
      body: JSON.stringify({ key: 'n', value: n }),
    }));
    // Before the bare statements: the engine hears of what they change only when it polls for events.
    const sync = await syncToNodes(engine, ids[0] ?? '', options);
    say(`sync: ${sync.deliveries_per_s} deliveries/s, p99 ${sync.p99_ms} ms`);
    const rounds = [];
    for (let round = 1; round <= options.rounds; round++) {
      const read = await loadWith(target, options, reads);
      const change = await loadWith(target, options, changes);
      const bare = await bareChanges(url, ids, options);
      say(
        `round ${round}: reads ${read.per_s}/s, changes ${change.per_s}/s, bare statements ${bare.per_s}/s`,
      );
      rounds.push({ read, change, bare });
      // The event log of the engine has to read what the bare statements leave behind.
      await sleep(AFTER_BARE_MS);
    }
    const overheads = rounds.map(({ change, bare }) => bare.per_s / change.per_s);
    const result = {
      rounds: options.rounds,
      read: medianOf(rounds.map(({ read }) => read)),
      change: medianOf(rounds.map(({ change }) => change)),
      bare_statement: medianOf(rounds.map(({ bare }) => bare)),
      overhead: significant(quantile(overheads, 0.5)),
      noise: {
        read: spread(rounds.map(({ read }) => read.per_s)),
        change: spread(rounds.map(({ change }) => change.per_s)),
        overhead: spread(overheads),
      },
      sync,
      start_to_ready_ms: significant(engine.serve.startToReadyMs),
      machine,
      commit: describeCommit(),
    };
    const text = JSON.stringify(result);
    if (options.out !== undefined) await writeFile(options.out, `${JSON.stringify(result, undefined, 2)}\n`);
    process.stdout.write(`${text}\n`);
  } finally {
    await engine.stop();
  }
}

await runBenchmark('bench:contexts', usage, main);
