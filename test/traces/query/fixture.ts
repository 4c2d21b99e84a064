import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { startEmbeddedClickHouse } from '#dist/embedded/clickhouse/index.js';
import { loadNative, type BodyForm } from '#dist/native/index.js';
import { createClickHouseStore, type ClickHouseStore } from '#dist/store/clickhouse/index.js';
import {
  createSqlQueries,
  createTraceQueries,
  type SqlQueries,
  type TraceQueries,
} from '#dist/traces/query/index.js';

export const config = {
  queryTimeoutMs: 20_000,
  queryMaxConcurrent: 8,
  queryMaxRows: 100_000,
  queryMaxMemoryBytes: 1024 * 1024 * 1024,
  queryMaxResultBytes: 64 * 1024 * 1024,
};
export const noSignal = new AbortController().signal;

export interface Stored {
  readonly store: ClickHouseStore;
  readonly queries: TraceQueries;
  readonly sql: SqlQueries;
  /** Stores spans the way the engine does: native decoder, Native block, one insert. Later calls have higher seqs. */
  put(
    body: string | Uint8Array | readonly object[],
    options?: { projectId?: string; form?: BodyForm },
  ): Promise<void>;
  close(): Promise<void>;
}

const SEQS_PER_BODY = 1n << 32n;

/** A real embedded ClickHouse with the engine's tables, and what reads them. */
export async function startStored(limits: Partial<typeof config> = {}): Promise<Stored> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mplp-query-'));
  const log = pino({ level: 'silent' });
  const clickhouse = await startEmbeddedClickHouse({ dataDir, port: 0, log });
  const { url, username, password } = clickhouse;
  const store = createClickHouseStore({ url, username, password, database: 'mplp', cluster: undefined, log });
  await store.migrate();
  const sql = createSqlQueries({ store, config: { ...config, ...limits } });
  const decoder = loadNative().createSpanDecoder();
  let seqBase = BigInt(Date.now()) << 20n;
  return {
    store,
    sql,
    queries: createTraceQueries({ store, config: { ...config, ...limits } }),
    async put(spans, { projectId = 'default', form = 'json' } = {}) {
      const body =
        spans instanceof Uint8Array
          ? spans
          : Buffer.from(typeof spans === 'string' ? spans : JSON.stringify(spans));
      const result = decoder.decode(body, body.length, form, {
        projectId,
        seqBase,
        receivedAtSeconds: Math.floor(Date.now() / 1000),
        minTimeUnixNano: 0n,
        maxTimeUnixNano: 4_000_000_000_000_000_000n,
        maxSpanBytes: 16 * 1024 * 1024,
      });
      if (result.malformed !== undefined || result.refused.length > 0)
        throw new Error(`refused: ${JSON.stringify(result.malformed)}`);
      const token = String(seqBase);
      seqBase += SEQS_PER_BODY;
      const bytes = Buffer.alloc(decoder.maxBlockBytes);
      const block = decoder.take(bytes);
      await store.insertBlocks({
        chunks: Readable.from([bytes.subarray(0, block.bytes)]),
        bytes: block.bytes,
        token,
        signal: noSignal,
      });
    },
    async close() {
      await sql.close();
      await store.close();
      await clickhouse.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function textOf(pieces: AsyncIterable<string | Uint8Array>): Promise<string> {
  return (await bytesOf(pieces)).toString();
}

export async function bytesOf(pieces: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const piece of pieces) chunks.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(chunks);
}

/** `uuid('a', 7)` is `aaaaaaaa-0000-4000-8000-000000000007`: readable, and sorted by its number. */
export function uuid(letter: string, number: number): string {
  return `${letter.repeat(8)}-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

export interface SpanSketch {
  readonly trace?: number;
  readonly span: number;
  readonly parent?: number;
  readonly agent?: number;
  readonly context?: number;
  readonly action?: string;
  readonly type?: string;
  /** Milliseconds after `EPOCH`. */
  readonly startMs: number;
  readonly endMs?: number;
  readonly status?: string;
  readonly members?: object;
  readonly parameters?: object;
  readonly output?: object;
  readonly error?: object;
  readonly tags?: object;
}

export const EPOCH = Date.UTC(2026, 0, 27, 12);

export function timeOf(ms: number): string {
  return new Date(EPOCH + ms).toISOString();
}

/** A span document from a sketch. */
export function spanOf(sketch: SpanSketch): object {
  const result = {
    ...(sketch.status === undefined ? {} : { status: sketch.status }),
    ...(sketch.output === undefined ? {} : { output: sketch.output }),
    ...(sketch.error === undefined ? {} : { error: sketch.error }),
  };
  return {
    id: uuid('e', sketch.span),
    trace_id: uuid('a', sketch.trace ?? 1),
    span_id: uuid('b', sketch.span),
    ...(sketch.parent === undefined ? {} : { parent_span_id: uuid('b', sketch.parent) }),
    context_id: uuid('c', sketch.context ?? 1),
    agent_id: uuid('d', sketch.agent ?? 1),
    action: {
      name: sketch.action ?? 'act',
      type: sketch.type ?? 'execute',
      ...(sketch.parameters === undefined ? {} : { parameters: sketch.parameters }),
    },
    timestamp: {
      start: timeOf(sketch.startMs),
      ...(sketch.endMs === undefined ? {} : { end: timeOf(sketch.endMs) }),
    },
    ...(Object.keys(result).length === 0 ? {} : { result }),
    ...(sketch.tags === undefined ? {} : { metadata: { tags: sketch.tags } }),
    ...sketch.members,
  };
}

/** Parses JSON with every number as `{"#": spelling}`, so that equality sees spellings. */
export function parseKeepingNumbers(text: string): unknown {
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\[^])*"|-?\d[\d.eE+-]*/g, (token) =>
      token.startsWith('"') ? token : `{"#":"${token}"}`,
    ),
  );
}
