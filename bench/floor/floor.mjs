import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { forms } from '../bodies.mjs';
import { cpuMicros } from '../cpu.mjs';
import { repositoryRoot, startProcess, withEngine } from '../engine.mjs';
import { measureStoreFloor } from './store.mjs';

/**
 * @typedef {object} Floor CPU of the least work that any engine of this build must do, microseconds a span.
 * @property {number} receive uWebSockets.js taking the bodies.
 * @property {number} parse simdjson parsing them.
 * @property {number} store ClickHouse inserting their rows.
 * @property {number} total
 * @property {boolean} settled Whether ClickHouse's merges ended in time.
 * @property {number} bytesPerSpanOnDisk
 */

/** Throws when the floor's addon was not built. */
export function checkFloorIsBuilt() {
  if (!existsSync(path.join(repositoryRoot, 'build/Release/mplp_floor.node'))) {
    throw new Error('build/Release/mplp_floor.node is missing: `npm run build` makes it');
  }
}

/**
 * @param {object} options
 * @param {import('../load.mjs').Load} options.load Prepared with `pool`.
 * @param {import('../bodies.mjs').PoolOptions} options.pool
 * @param {number} options.items
 * @param {number} options.connections
 * @param {number} options.rowsPerInsert
 * @returns {Promise<Floor>}
 */
export async function measureFloor({ load, pool, items, connections, rowsPerInsert }) {
  const receive = await measureReceiveFloor(load, pool, items, connections);
  const parse = await measureParseFloor(pool, items);
  const { loadNative } = await import('../../dist/native/index.js');
  const stored = await withEngine((engine) =>
    measureStoreFloor({ store: engine.store, native: loadNative(), pool, items, rowsPerInsert }),
  );
  const store = stored.cpuMicros / stored.rows;
  return {
    receive,
    parse,
    store,
    total: receive + parse + store,
    settled: stored.settled,
    bytesPerSpanOnDisk: stored.bytesOnDisk / stored.rows,
  };
}

/** @param {import('../load.mjs').Load} load @param {import('../bodies.mjs').PoolOptions} pool @param {number} items @param {number} connections */
async function measureReceiveFloor(load, pool, items, connections) {
  const server = await startProcess('bench/floor/server.mjs', {
    FLOOR_SPANS_PER_BODY: String(pool.spansPerBody ?? forms[pool.form].spansPerBody),
  });
  try {
    const before = cpuMicros(server.pid);
    const { spans } = await load.run({
      url: server.ready.url,
      token: 'none',
      from: 0,
      to: items,
      connections,
    });
    return (cpuMicros(server.pid) - before) / spans;
  } finally {
    await server.stop();
  }
}

/** @param {import('../bodies.mjs').PoolOptions} pool @param {number} items @returns {Promise<number>} */
function measureParseFloor(pool, items) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('parse.mjs', import.meta.url)));
    child.once('message', (/** @type {{ spans: number, cpuMicros: number }} */ result) =>
      resolve(result.cpuMicros / result.spans),
    );
    child.once('exit', (code) => reject(new Error(`the floor's parser ended with ${code}`)));
    child.send({ pool, items });
  });
}
