/**
 * Native blocks in the tests: decoding bodies with the addon, and reading the blocks with the real ClickHouse, never
 * with a reader of our own.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadNative,
  type BodyForm,
  type DecodeOptions,
  type DecodeResult,
  type SpanDecoder,
} from '#dist/native/index.js';

interface ChdbSession {
  query(sql: string, format: string): string;
  cleanup(): void;
}

export const decodeOptions: DecodeOptions = {
  projectId: 'project',
  seqBase: 1n << 40n,
  receivedAtSeconds: 1_737_999_632,
  minTimeUnixNano: -(2n ** 62n),
  maxTimeUnixNano: 2n ** 62n,
  maxSpanBytes: 4 << 20,
};

export function decode(
  decoder: SpanDecoder,
  body: Uint8Array | string,
  form: BodyForm,
  options: Partial<DecodeOptions> = {},
): DecodeResult {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return decoder.decode(bytes, bytes.length, form, { ...decodeOptions, ...options });
}

export function takeBlock(decoder: SpanDecoder): Uint8Array {
  const into = new Uint8Array(decoder.maxBlockBytes);
  return into.subarray(0, decoder.take(into).bytes);
}

export interface BlockReader {
  /** The rows of a block, in order, each an array of `select`ed values as JSON; integers of 64 bits are strings. */
  rows(block: Uint8Array, select: string): unknown[][];
  /** The rows of a block as objects of their columns. */
  records(block: Uint8Array): Record<string, unknown>[];
  close(): void;
}

/** Reads blocks with the ClickHouse library. One reader a process: the library keeps one data path. */
export function createBlockReader(): BlockReader {
  const { Session } = createRequire(import.meta.url)('chdb') as { Session: new () => ChdbSession };
  const session = new Session();
  const folder = mkdtempSync(join(tmpdir(), 'mplp-native-'));
  const file = join(folder, 'block.native');
  const structure = loadNative()
    .columns.map(([name, type]) => `${name} ${type}`)
    .join(', ');
  const lines = (block: Uint8Array, select: string, format: string): unknown[] => {
    writeFileSync(file, block);
    const sql = `SELECT ${select} FROM file('${file}', 'Native', $$${structure}$$) SETTINGS output_format_json_quote_64bit_integers = 1, max_threads = 1`;
    const text = session.query(sql, format);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  };
  return {
    rows: (block, select) => lines(block, select, 'JSONCompactEachRow') as unknown[][],
    records: (block) => lines(block, '*', 'JSONEachRow') as Record<string, unknown>[],
    close() {
      session.cleanup();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const uuid = (n: number): string => `0190d5f0-7a1b-4c2d-8e3f-${String(n).padStart(12, '0')}`;

/** The least that a span must have. */
export const leastSpan = {
  trace_id: uuid(1),
  span_id: uuid(2),
  context_id: uuid(3),
  agent_id: uuid(4),
  action: { name: 'plan', type: 'invoke' },
  timestamp: { start: '2025-01-27T18:40:32Z' },
};
