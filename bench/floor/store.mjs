import { createBodyPool, forms } from '../bodies.mjs';
import { columnDefinitions } from '../columns.mjs';
import { cpuMicros, waitForMerges } from '../cpu.mjs';

/**
 * Third part of the floor: ClickHouse inserts the same rows, as ready Native blocks, into one plain MergeTree
 * table without views. Blocks are made by the engine's own decoder between the inserts; only ClickHouse's CPU
 * is counted, background merges included.
 *
 * @param {object} options
 * @param {import('../clickhouse.mjs').ClickHouse} options.store A fresh one.
 * @param {import('../../dist/native/contract.js').NativeAddon} options.native
 * @param {import('../bodies.mjs').PoolOptions} options.pool
 * @param {number} options.items Bodies in all.
 * @param {number} options.rowsPerInsert What the engine's loader sends in one insert.
 */
export async function measureStoreFloor({ store, native, pool, items, rowsPerInsert }) {
  await store.query('CREATE DATABASE bench_floor');
  await store.query(
    `CREATE TABLE bench_floor.spans (${columnDefinitions()}) ENGINE = MergeTree ORDER BY (project_id, trace_id, span_id)`,
  );
  const cpuBefore = cpuMicros(store.pid);
  let rows = 0;
  let inserts = 0;
  for (const block of makeBlocks(native, pool, items, rowsPerInsert)) {
    await store.insert('INSERT INTO bench_floor.spans FORMAT Native', [block.bytes], { async_insert: 0 });
    rows += block.rows;
    inserts++;
  }
  const { settled } = await waitForMerges(store);
  const cpu = cpuMicros(store.pid) - cpuBefore;
  const stored = await store.query('SELECT count() FROM bench_floor.spans');
  if (stored !== String(rows)) throw new Error(`the floor's table holds ${stored} rows of ${rows}`);
  const bytesOnDisk = Number(
    await store.query(
      `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench_floor'`,
    ),
  );
  return { rows, inserts, cpuMicros: cpu, settled, bytesOnDisk };
}

/**
 * @param {import('../../dist/native/contract.js').NativeAddon} native
 * @param {import('../bodies.mjs').PoolOptions} options
 * @param {number} items
 * @param {number} rowsPerInsert
 */
function* makeBlocks(native, options, items, rowsPerInsert) {
  const { encoding } = forms[options.form];
  const pool = createBodyPool(options);
  const decoder = native.createSpanDecoder();
  const receivedAtSeconds = Math.floor(options.baseTimeMs / 1000);
  let seqBase = BigInt(receivedAtSeconds) << 18n;
  const take = () => {
    const into = Buffer.allocUnsafe(decoder.maxBlockBytes);
    const { rows, bytes } = decoder.take(into);
    return { rows, bytes: into.subarray(0, bytes) };
  };
  for (let item = 0; item < items; item++) {
    const body = pool.take(item);
    const length = body.bytes.length - body.start;
    const { accepted } = decoder.decode(body.padded.subarray(body.start), length, encoding, {
      projectId: 'default',
      seqBase,
      receivedAtSeconds,
      minTimeUnixNano: 0n,
      maxTimeUnixNano: 4_000_000_000_000_000_000n,
      maxSpanBytes: 1 << 30,
    });
    if (accepted !== body.spans) throw new Error(`the decoder took ${accepted} of ${body.spans} spans`);
    seqBase += BigInt(Math.ceil(length / 64 / 256)) << 18n;
    if (decoder.rows >= rowsPerInsert) yield take();
  }
  if (decoder.rows > 0) yield take();
}
