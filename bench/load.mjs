import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} RunOrder
 * @property {string} url
 * @property {string} token
 * @property {number} from First item of the pool's endless row; see `createBodyPool`.
 * @property {number} to Behind the last.
 * @property {number} connections One request under way on each.
 * @property {string} [path] Instead of the form's own.
 * @property {number} [bodiesPerSecond] Fixed rate; as fast as the server answers when absent.
 * @property {number} [markEvery] Report every n-th body when it is sent, to `onMark`.
 *
 * @typedef {object} Mark
 * @property {string} traceId
 * @property {number} spans Spans of that trace.
 * @property {number} sentMs Monotonic clock.
 *
 * @typedef {object} RunResult
 * @property {number} spans
 * @property {number} accepted What the receipts add up to.
 * @property {number} bytes
 * @property {number} jsonBytes
 * @property {number} retries Answers 429 or 503, after each of which the body was sent again.
 * @property {number} startMs Before the first byte; monotonic clock.
 * @property {number} endMs After the last receipt.
 * @property {number} cpuMicros Of the client process.
 * @property {Float64Array} ackMs From the send to the receipt, one a body.
 */

/** Starts the load client. */
export function createLoad() {
  const child = fork(fileURLToPath(new URL('load-client.mjs', import.meta.url)), {
    serialization: 'advanced',
  });
  /** @type {((mark: Mark) => void) | undefined} */
  let onMark;

  /** @param {object} order @returns {Promise<any>} */
  const ask = (order) =>
    new Promise((resolve, reject) => {
      const finish = () => {
        child.off('message', onMessage);
        child.off('exit', onExit);
      };
      const onMessage = (/** @type {any} */ message) => {
        if (message.mark !== undefined) {
          onMark?.(message.mark);
          return;
        }
        finish();
        if (message.error !== undefined) reject(new Error(message.error));
        else resolve(message.result);
      };
      const onExit = (/** @type {number | null} */ code) => {
        finish();
        reject(new Error(`the load client ended with ${code}`));
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send(order);
    });

  return {
    /** Makes the bodies. @param {import('./bodies.mjs').PoolOptions} options @returns {Promise<{ bodies: number, spans: number, bytes: number, jsonBytes: number }>} */
    prepare: (options) => ask({ prepare: options }),
    /** Sends. @param {RunOrder} order @param {(mark: Mark) => void} [markListener] @returns {Promise<RunResult>} */
    run(order, markListener) {
      onMark = markListener;
      return ask({ run: order });
    },
    close: () => child.disconnect(),
  };
}

/** @typedef {ReturnType<typeof createLoad>} Load */
