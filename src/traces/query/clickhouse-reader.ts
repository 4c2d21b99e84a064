import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import type { Config } from '../../config/config.js';
import { MplpError } from '../../errors/index.js';
import { ownSqlError } from './query-errors.js';

/** Statements with long id lists are longer than ClickHouse's default of 256 KiB. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

/** The engine's own reads, with the limits of queries. */
export interface ClickHouseReader {
  readonly database: string;
  /** All rows of a statement without a FORMAT clause. Throws `MPLP_ERR_STORE_UNAVAILABLE` or `MPLP_ERR_QUERY_LIMIT`. */
  rows<T>(sql: string): Promise<T[]>;
  /** The rows as they come, in groups. */
  stream<T>(sql: string): AsyncIterable<T[]>;
  /** The bytes of the result of a statement with a FORMAT clause. */
  bytes(sql: string): Promise<AsyncIterable<Uint8Array>>;
}

export interface ClickHouseReaderOptions {
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly config: Pick<Config, 'queryTimeoutMs' | 'queryMaxMemoryBytes'>;
  /** Aborting it stops what runs. */
  readonly signal: AbortSignal;
}

export function createClickHouseReader(options: ClickHouseReaderOptions): ClickHouseReader {
  const { client, config } = options;

  async function open(query: string): Promise<Readable> {
    const deadline = AbortSignal.timeout(config.queryTimeoutMs);
    const stop = AbortSignal.any([options.signal, deadline]);
    try {
      const { stream } = await client.exec({
        query,
        query_id: randomUUID(),
        abort_signal: stop,
        clickhouse_settings: {
          readonly: '1',
          max_query_size: MAX_STATEMENT_BYTES,
          max_execution_time: Math.ceil(config.queryTimeoutMs / 1000),
          max_memory_usage: config.queryMaxMemoryBytes,
          output_format_json_quote_64bit_integers: 0,
          cancel_http_readonly_queries_on_client_close: 1,
        } as unknown as ClickHouseSettings,
      });
      const readable = stream as Readable;
      const abort = () => readable.destroy(new Error('the read was stopped'));
      stop.addEventListener('abort', abort, { once: true });
      readable.once('close', () => stop.removeEventListener('abort', abort));
      return readable;
    } catch (error) {
      if (deadline.aborted)
        throw new MplpError(
          'MPLP_ERR_QUERY_LIMIT',
          `The read took longer than ${config.queryTimeoutMs} ms.`,
          { cause: error },
        );
      throw ownSqlError(error);
    }
  }

  async function* stream<T>(sql: string): AsyncGenerator<T[]> {
    const readable = await open(`${sql} FORMAT JSONCompactEachRow`);
    let rest = '';
    readable.setEncoding('utf8');
    try {
      for await (const chunk of readable as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (lines.length > 0) yield lines.map((line) => JSON.parse(line) as T);
      }
      if (rest !== '') yield [JSON.parse(rest) as T];
    } catch (error) {
      throw ownSqlError(error);
    } finally {
      readable.destroy();
    }
  }

  return {
    database: options.database,
    stream,
    async rows<T>(sql: string) {
      const all: T[] = [];
      for await (const rows of stream<T>(sql)) for (const row of rows) all.push(row);
      return all;
    },
    async bytes(sql) {
      const readable = await open(sql);
      return (async function* () {
        try {
          for await (const chunk of readable as AsyncIterable<Buffer>) yield chunk;
        } catch (error) {
          throw ownSqlError(error);
        } finally {
          readable.destroy();
        }
      })();
    },
  };
}
