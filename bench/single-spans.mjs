// @ts-expect-error autocannon has no types
import autocannon from 'autocannon';
import { nowMs } from './cpu.mjs';

/**
 * One span a request, driven by autocannon: as many requests as the order has items, each body sent once.
 *
 * @param {import('./load.mjs').RunOrder} order
 * @param {ReturnType<typeof import('./bodies.mjs').createBodyPool>} pool
 * @param {string} contentType
 * @returns {Promise<import('./load.mjs').RunResult>}
 */
export async function sendSingleSpans(
  { url, token, from, to, connections, bodiesPerSecond, markEvery },
  pool,
  contentType,
) {
  const amount = to - from;
  const ackMs = new Float64Array(amount);
  const count = { spans: 0, accepted: 0, bytes: 0, jsonBytes: 0, retries: 0 };
  let next = from;
  let failed = 0;
  let endMs = 0;

  /** autocannon copies the body into its request at once, so the pool may rewrite it for a later round. */
  const setupRequest = (/** @type {object} */ request) => {
    const item = next++;
    const body = pool.take(item);
    count.bytes += body.bytes.length;
    count.jsonBytes += body.jsonBytes;
    if (markEvery !== undefined && (item - from) % markEvery === 0) {
      process.send?.({ mark: { traceId: traceIdOf(body.bytes), spans: 1, sentMs: nowMs() } });
    }
    return { ...request, body: body.bytes };
  };

  const cpuBefore = process.cpuUsage();
  const startMs = nowMs();
  await new Promise((resolve, reject) => {
    const run = autocannon(
      {
        url,
        amount,
        connections: Math.min(connections, amount),
        timeout: 60,
        ...(bodiesPerSecond !== undefined && { overallRate: Math.max(1, Math.round(bodiesPerSecond)) }),
        requests: [
          {
            method: 'POST',
            path: '/v1.0/traces',
            headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
            setupRequest,
          },
        ],
      },
      (/** @type {Error | null} */ error, /** @type {unknown} */ result) =>
        error ? reject(error) : resolve(result),
    );
    run.on(
      'response',
      (
        /** @type {unknown} */ _client,
        /** @type {number} */ status,
        /** @type {number} */ _bytes,
        /** @type {number} */ responseMs,
      ) => {
        if (status !== 202) failed++;
        else ackMs[count.accepted++] = responseMs;
        count.spans++;
        endMs = nowMs();
      },
    );
  });
  const cpu = process.cpuUsage(cpuBefore);
  if (failed > 0) throw new Error(`${failed} of ${amount} single-span requests were not answered 202`);
  return { ...count, startMs, endMs, cpuMicros: cpu.user + cpu.system, ackMs };
}

/** The trace id as the bytes say it in their present round: the second id of a JSON span. @param {Buffer} bytes */
const traceIdOf = (bytes) => bytes.toString('latin1', 57, 93);
