import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { loadNative } from '#dist/native/index.js';
import { createClickHouseStore, type ClickHouseStore } from '#dist/store/clickhouse/index.js';
import {
  createClickHouseDeadLetters,
  createClickHouseSink,
  createLoader,
  type Loader,
  type LoaderTiming,
  type SegmentSink,
} from '#dist/traces/loader/index.js';
import { createSpool, type DurableSpool, type SpoolRecord } from '#dist/traces/spool/index.js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeBatch } from '../../support/crash/batches.js';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
import { makeReceipt, spoolDefaults, temporaryFolder } from '../../support/spool-fixtures.js';

const SPANS = 10;
let clickhouse: Awaited<ReturnType<typeof startEmbeddedClickHouse>>;
let folder: string;
let databases = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mplp-loader-'));
  clickhouse = await startEmbeddedClickHouse({ dataDir: folder, port: 0, log: spoolDefaults.log });
});

afterAll(async () => {
  await clickhouse.close();
  await rm(folder, { recursive: true, force: true });
});

interface Line {
  readonly spool: DurableSpool;
  readonly store: ClickHouseStore;
  readonly sink: SegmentSink;
  readonly loader: Loader;
  readonly proxy: FaultProxy;
  /** Appends these batches as one segment. */
  append(...batches: readonly number[]): Promise<void>;
  counts(): Promise<Record<string, number>>;
}

/** Spool, loader and a ClickHouse database of its own behind a proxy that can misbehave. */
async function startLine(timing: Partial<LoaderTiming> = {}): Promise<Line> {
  const dataDir = await temporaryFolder();
  const proxy = await startFaultProxy(clickhouse.url);
  const { username, password } = clickhouse;
  const database = `loader_${++databases}`;
  const connect = (url: string): ClickHouseStore =>
    createClickHouseStore({ url, username, password, database, cluster: undefined, log: spoolDefaults.log });
  const store = connect(clickhouse.url);
  const proxied = connect(proxy.url);
  await store.migrate();
  await store.verifySettings();
  const native = loadNative();
  const spool = await createSpool({
    ...spoolDefaults,
    dataDir,
    crc32c: (bytes, seed) => native.crc32c(bytes, seed),
  });
  const sink = createClickHouseSink(proxied);
  const loader = createLoader({
    source: spool,
    sink,
    deadLetters: createClickHouseDeadLetters(store),
    dataDir,
    log: spoolDefaults.log,
    timing: { initialBackoffMs: 20, maxBackoffMs: 200, closeGraceMs: 500, ...timing },
  });
  loader.start();
  onTestFinished(async () => {
    await proxy.close();
    await loader.close();
    await spool.close();
    await Promise.all([store.close(), proxied.close()]);
  });
  return {
    spool,
    store,
    sink,
    loader,
    proxy,
    async append(...batches) {
      await Promise.all(batches.map((batch) => spool.append(spanRecord(batch))));
      await spool.seal();
    },
    async counts() {
      const result = await store.client.query({
        query: `SELECT (SELECT count() FROM spans) AS spans, (SELECT count() FROM span_payloads) AS payloads,
          (SELECT sum(span_count) FROM trace_summaries) AS summaries, (SELECT sum(span_count) FROM action_minutes) AS minutes`,
        format: 'JSONEachRow',
      });
      const [row] = await result.json<Record<string, string>>();
      return Object.fromEntries(Object.entries(row!).map(([name, count]) => [name, Number(count)]));
    },
  };
}

let tick = 1n << 30n;

function spanRecord(batch: number): SpoolRecord {
  const body = Buffer.from(
    makeBatch({ seed: 1, spansPerBatch: SPANS, baseMs: Date.now() - 3_600_000 }, batch).body,
  );
  const decoder = loadNative().createSpanDecoder();
  const seqBase = tick++ << 18n;
  const { accepted } = decoder.decode(body, body.length, 'ndjson', {
    projectId: 'default',
    seqBase,
    receivedAtSeconds: Math.floor(Date.now() / 1000),
    minTimeUnixNano: 0n,
    maxTimeUnixNano: 1n << 62n,
    maxSpanBytes: 1 << 20,
  });
  const into = new Uint8Array(decoder.maxBlockBytes);
  const { rows, bytes, crc32c } = decoder.take(into);
  expect(accepted).toBe(SPANS);
  return {
    block: into.subarray(0, bytes),
    rows,
    crc32c,
    seqFirst: seqBase,
    seqLast: seqBase + BigInt(SPANS - 1),
    receipts: [makeReceipt(SPANS)],
  };
}

const each = (count: number): Record<string, number> => ({
  spans: count,
  payloads: count,
  summaries: count,
  minutes: count,
});

describe('a segment in ClickHouse', () => {
  it('is there once in every table', async () => {
    const line = await startLine();
    await line.append(1, 2, 3);
    await line.append(4);
    expect(await line.loader.drain(20_000)).toBe(true);
    expect(await line.counts()).toEqual(each(4 * SPANS));
  });

  it('is there once when the reply was lost, again and again (K7)', async () => {
    const line = await startLine();
    line.proxy.fault = { kind: 'lose-reply' };
    line.proxy.onBroken = () => {
      if (line.proxy.broken >= 3) line.proxy.fault = { kind: 'none' };
    };
    await line.append(1, 2);
    expect(await line.loader.drain(20_000)).toBe(true);
    expect(line.proxy.broken).toBe(3);
    expect(await line.counts()).toEqual(each(2 * SPANS));
  });

  it('is there once, or not at all yet, when the connection is cut at any point of the body (K6)', async () => {
    const line = await startLine({ maxInFlight: 1 });
    for (const afterBytes of [1, 500, 2000, 4000, 6000, 9000]) {
      const before = line.proxy.broken;
      line.proxy.fault = { kind: 'cut', afterBytes };
      line.proxy.onBroken = () => {
        if (line.proxy.broken >= before + 2) line.proxy.fault = { kind: 'none' };
      };
      await line.append(...Array.from({ length: 8 }, (_, index) => afterBytes * 100 + index));
      expect(await line.loader.drain(20_000)).toBe(true);
    }
    expect(line.proxy.broken).toBeGreaterThanOrEqual(10);
    expect(await line.counts()).toEqual(each(6 * 8 * SPANS));
  });

  it('is not taken twice when its token has left the deduplication window meanwhile (N1, I4)', async () => {
    // Every wait is longer than this horizon, so each repeat asks first.
    const line = await startLine({ dedupHorizonMs: 0 });
    for (const table of ['spans', 'span_payloads', 'trace_summaries', 'trace_index', 'action_minutes']) {
      await line.store.client.command({
        query: `ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 2`,
      });
    }
    line.proxy.fault = { kind: 'lose-reply' };
    line.proxy.onBroken = () => (line.proxy.fault = { kind: 'down' });
    await line.append(1, 2, 3);
    await expect.poll(() => line.counts(), { timeout: 20_000 }).toEqual(each(3 * SPANS));
    // Another writer pushes the token out of the window while we cannot reach ClickHouse.
    const other = createClickHouseSink(line.store);
    for (let batch = 100; batch < 106; batch++) {
      const { block, rows } = spanRecord(batch);
      async function* open() {
        yield block;
      }
      await other.insert(
        { token: `other ${batch}`, bytes: block.byteLength, rows, open },
        AbortSignal.timeout(20_000),
      );
    }
    line.proxy.onBroken = () => undefined;
    line.proxy.fault = { kind: 'none' };
    expect(await line.loader.drain(20_000)).toBe(true);
    expect(await line.counts()).toEqual(each(9 * SPANS));
  });

  it('arrives through a slow network, one that stands still, and one that is half open (N2)', async () => {
    const line = await startLine({ insertTimeoutMs: 400, maxInsertTimeoutMs: 5000 });
    for (const fault of [
      { kind: 'slow', bytesPerSecond: 30_000 },
      { kind: 'late', delayMs: 200 },
      { kind: 'hang' },
    ] as const) {
      line.proxy.fault = fault;
      await line.append(...Array.from({ length: 4 }, (_, index) => fault.kind.charCodeAt(0) * 10 + index));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(line.spool.pressure().accepts).toBe(true);
      line.proxy.fault = { kind: 'none' };
      expect(await line.loader.drain(20_000)).toBe(true);
    }
    expect(await line.counts()).toEqual(each(3 * 4 * SPANS));
  });
});

describe('a record that ClickHouse cannot read', () => {
  it('is a dead letter in the table; its neighbours are stored once; replay and removal work', async () => {
    const line = await startLine();
    const unparsable = await line.store.client.exec({ query: `SELECT 'abc' AS seq FORMAT Native` });
    const block = Buffer.concat(await unparsable.stream.toArray());
    const broken = { ...spanRecord(7), block, crc32c: loadNative().crc32c(block) };
    await Promise.all(
      [...[1, 2, 3].map(spanRecord), broken, ...[4, 5].map(spanRecord)].map((record) =>
        line.spool.append(record),
      ),
    );
    await line.spool.seal();
    expect(await line.loader.drain(20_000)).toBe(true);
    expect(await line.counts()).toEqual(each(5 * SPANS));
    const letters = await line.loader.listDeadLetters();
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ rows: SPANS, bytes: broken.block.length });
    expect(letters[0]!.error.length).toBeGreaterThan(10);
    const store = createClickHouseDeadLetters(line.store);
    expect(await store.read(letters[0]!.id)).toEqual(broken.block);
    const { replayed, failed } = await line.loader.replayDeadLetters('all');
    expect(replayed).toEqual([]);
    expect(failed).toHaveLength(1);
    // Mended: the letter holds what ClickHouse can read.
    await store.put(letters[0]!, spanRecord(7).block);
    expect((await line.loader.replayDeadLetters('all')).replayed).toEqual([letters[0]!.id]);
    expect(await line.loader.listDeadLetters()).toEqual([]);
    expect(await line.counts()).toEqual(each(6 * SPANS));
  });
});
