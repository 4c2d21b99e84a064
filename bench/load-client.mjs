import { setTimeout as sleep } from 'node:timers/promises';
import { createBodyPool, forms, frameSeqOffset, idInRound } from './bodies.mjs';
import { openHttpConnection, openWebSocketConnection } from './connections.mjs';
import { nowMs } from './cpu.mjs';
import { sendSingleSpans } from './single-spans.mjs';

/**
 * The load, in a process of its own so that its CPU is counted apart. Runs as a child of `load.mjs` and takes
 * its orders over the IPC channel: `prepare` makes the bodies, `run` sends a stretch of them.
 */

/** @type {ReturnType<typeof createBodyPool>} */
let pool;
/** @type {import('./bodies.mjs').FormInfo} */
let info;

/** @param {import('./bodies.mjs').PoolOptions} options */
function prepare(options) {
  info = forms[options.form];
  pool = createBodyPool(options);
  let bytes = 0;
  let jsonBytes = 0;
  let spans = 0;
  for (const body of pool.bodies) {
    bytes += body.bytes.length;
    jsonBytes += body.jsonBytes;
    spans += body.spans;
  }
  return { bodies: pool.bodies.length, spans, bytes, jsonBytes };
}

/** `ExportTraceServiceResponse` without anything refused: no `partial_success`, or an empty one. @param {string} text */
const isFullSuccess = (text) => text === '' || text === '\n\0';

/** @param {import('./load.mjs').RunOrder} order */
const run = (order) =>
  info.spansPerBody === 1 ? sendSingleSpans(order, pool, info.contentType) : sendBodies(order);

/** @param {import('./load.mjs').RunOrder} order */
async function sendBodies({
  url,
  token,
  from,
  to,
  connections,
  bodiesPerSecond,
  markEvery,
  path = info.path,
}) {
  const open = () =>
    info.transport === 'websocket'
      ? openWebSocketConnection({ url, token, contentType: info.contentType, path }, frameSeqOffset)
      : openHttpConnection({ url, token, contentType: info.contentType, path });
  const sockets = await Promise.all(Array.from({ length: Math.min(connections, pool.bodies.length) }, open));

  const ackMs = new Float64Array(to - from);
  /** Sends under way, by body: its bytes must stay until the reply. @type {Map<import('./bodies.mjs').Body, Promise<void>>} */
  const busy = new Map();
  const count = { spans: 0, accepted: 0, bytes: 0, jsonBytes: 0, retries: 0 };
  let next = from;

  const cpuBefore = process.cpuUsage();
  const startMs = nowMs();

  /** @param {import('./connections.mjs').Connection} connection */
  const work = async (connection) => {
    while (next < to) {
      const item = next++;
      let sentMs = nowMs();
      if (bodiesPerSecond !== undefined) {
        // Counted from when it was due, so that a server that stalls does not hide its stall.
        const dueMs = startMs + ((item - from) * 1000) / bodiesPerSecond;
        if (dueMs > sentMs) await sleep(dueMs - sentMs);
        sentMs = Math.min(dueMs, nowMs());
      }
      await busy.get(pool.bodies[item % pool.bodies.length]);
      const body = pool.take(item);
      let release = () => {};
      busy.set(body, new Promise((resolve) => (release = resolve)));
      if (markEvery !== undefined && (item - from) % markEvery === 0) {
        process.send?.({
          mark: { traceId: idInRound(body.markTraceId, body.round), spans: body.markSpans, sentMs },
        });
      }
      for (;;) {
        const reply = await connection.send(body.bytes);
        if (reply.status === 202) {
          count.accepted += reply.accepted;
          break;
        }
        if (reply.status === 200 && info.encoding === 'otlp-protobuf') {
          if (isFullSuccess(reply.text)) count.accepted += body.spans;
          break;
        }
        if (reply.status !== 429 && reply.status !== 503)
          throw new Error(`the server answered ${reply.status}: ${reply.text.slice(0, 500)}`);
        count.retries++;
        await sleep(Math.max(50, reply.retryAfterMs));
      }
      ackMs[item - from] = nowMs() - sentMs;
      busy.delete(body);
      release();
      count.spans += body.spans;
      count.bytes += body.bytes.length;
      count.jsonBytes += body.jsonBytes;
    }
  };
  try {
    await Promise.all(sockets.map(work));
  } finally {
    for (const socket of sockets) socket.close();
  }
  const endMs = nowMs();
  const cpu = process.cpuUsage(cpuBefore);
  return { ...count, startMs, endMs, cpuMicros: cpu.user + cpu.system, ackMs };
}

process.on('message', async (/** @type {any} */ message) => {
  try {
    const result = message.prepare !== undefined ? prepare(message.prepare) : await run(message.run);
    process.send?.({ result });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => process.exit(0));
