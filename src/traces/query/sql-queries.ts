import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ClickHouseError, type ClickHouseClient, type ClickHouseSettings } from '@clickhouse/client';
import type { Config } from '../../config/config.js';
import { MplpError } from '../../errors/index.js';
import type { ClickHouseStore } from '../../store/clickhouse/index.js';
import { userSqlError } from './query-errors.js';
import { createQuerySlots } from './query-slots.js';
import { findResultFormat, resultFormatNames } from './result-formats.js';
import { judgeText, judgeTree, USER_SQL_DATABASE } from './sql-guard.js';
import { quoteString } from './sql-text.js';
import { projectTableFilters, withViews } from './views.js';

/** ClickHouse's own limit on the length of a statement. */
export const MAX_SQL_BYTES = 256 * 1024;
/** Parameters travel in the URL to ClickHouse, whose length is limited. */
const MAX_PARAM_BYTES = 8 * 1024;
/** A result up to this size is complete before its head is sent, so that its errors have a proper status. */
const HELD_BACK_BYTES = 1024 * 1024;
/** Room for the views in front of the longest statement. */
const MAX_STATEMENT_BYTES = 4 * MAX_SQL_BYTES;

export interface SqlQuery {
  readonly sql: string;
  /** Values of `{name:Type}` in the statement. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Name of a result format, in any case. */
  readonly format: string;
}

export interface SqlResult {
  readonly contentType: string;
  readonly queryId: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface SqlQueries {
  /**
   * Runs one read-only statement of a user over the views of one project. Aborting `signal` stops it in ClickHouse.
   * Throws `MPLP_ERR_QUERY_INVALID`, `_FORBIDDEN`, `_LIMIT` or `_OVERLOADED`; a failure later than 1 MiB of result breaks the body off.
   */
  run(projectId: string, query: SqlQuery, signal: AbortSignal): Promise<SqlResult>;
  close(): Promise<void>;
}

export interface SqlQueriesOptions {
  readonly store: ClickHouseStore;
  readonly config: Pick<
    Config,
    'queryTimeoutMs' | 'queryMaxConcurrent' | 'queryMaxRows' | 'queryMaxMemoryBytes' | 'queryMaxResultBytes'
  >;
}

/**
 * User SQL, isolated in two lines. First: the engine formats the text as a value (so it is one statement, whole), parses
 * it, and the parse is judged (`sql-guard.ts`). Second: it runs read-only, from a database that holds none of our
 * tables, over views bound to the project, under a row filter on the tables themselves.
 */
export function createSqlQueries({ store, config }: SqlQueriesOptions): SqlQueries {
  const client = store.connect(USER_SQL_DATABASE);
  const slots = createQuerySlots(config.queryMaxConcurrent);

  async function run(projectId: string, query: SqlQuery, signal: AbortSignal): Promise<SqlResult> {
    const format = findResultFormat(query.format);
    if (format === undefined) {
      const known = resultFormatNames().join(', ');
      throw invalid(
        `The format ${JSON.stringify(query.format.slice(0, 64))} is not known; there are ${known}.`,
      );
    }
    checkSize(query);
    const free = slots.take();
    const release = (): void => {
      signal.removeEventListener('abort', release);
      free();
    };
    // A body that nobody reads, because its client has gone, never comes to its end.
    signal.addEventListener('abort', release, { once: true });
    const deadline = AbortSignal.timeout(config.queryTimeoutMs);
    const stop = AbortSignal.any([signal, deadline]);
    const timedOut = (error: unknown) =>
      deadline.aborted
        ? new MplpError('MPLP_ERR_QUERY_LIMIT', `The query ran longer than ${config.queryTimeoutMs} ms.`, {
            cause: error,
          })
        : userSqlError(error);
    try {
      const canonical = await check(query, stop);
      const queryId = randomUUID();
      const { stream } = await client.exec({
        query: `${withViews(canonical, store.database, projectId)} FORMAT ${format.name}`,
        query_params: { ...query.params },
        query_id: queryId,
        abort_signal: stop,
        clickhouse_settings: {
          ...limits(),
          additional_table_filters: projectTableFilters(store.database, projectId),
        } as unknown as ClickHouseSettings,
      });
      const pieces = resultPieces(stream as Readable, stop, config.queryMaxResultBytes, timedOut, release);
      const body = await holdBack(pieces);
      return { contentType: format.contentType, queryId, body };
    } catch (error) {
      release();
      throw timedOut(error);
    }
  }

  /** The statement as the engine formats it, after every check. */
  async function check(query: SqlQuery, stop: AbortSignal): Promise<string> {
    const settings = { readonly: '1', max_query_size: MAX_STATEMENT_BYTES } as unknown as ClickHouseSettings;
    const canonical = await text(client, {
      query: `SELECT formatQuerySingleLine(${quoteString(query.sql)}) FORMAT JSONCompactEachRow`,
      abort_signal: stop,
      clickhouse_settings: settings,
    });
    const sql = (JSON.parse(canonical) as [string])[0];
    judgeText(sql);
    const lines = await text(client, {
      query: `EXPLAIN AST ${sql}`,
      query_params: { ...query.params },
      abort_signal: stop,
      clickhouse_settings: settings,
    });
    judgeTree(lines);
    return sql;
  }

  function limits(): Record<string, string | number> {
    return {
      readonly: '1',
      max_query_size: MAX_STATEMENT_BYTES,
      max_execution_time: Math.ceil(config.queryTimeoutMs / 1000),
      timeout_before_checking_execution_speed: 0,
      max_memory_usage: config.queryMaxMemoryBytes,
      max_result_rows: config.queryMaxRows,
      max_result_bytes: config.queryMaxResultBytes,
      result_overflow_mode: 'throw',
      cancel_http_readonly_queries_on_client_close: 1,
    };
  }

  return { run, close: () => client.close() };
}

function checkSize(query: SqlQuery): void {
  const bytes = Buffer.byteLength(query.sql);
  if (bytes > MAX_SQL_BYTES)
    throw invalid(`The statement has ${bytes} bytes; at most ${MAX_SQL_BYTES} are taken.`);
  if (query.sql.includes('\0')) throw invalid('The statement has a NUL character in it.');
  const paramBytes = encodeURIComponent(JSON.stringify(query.params)).length;
  if (paramBytes > MAX_PARAM_BYTES)
    throw invalid(
      `The parameters take ${paramBytes} bytes encoded; at most ${MAX_PARAM_BYTES} are taken. Write long lists into the statement.`,
    );
}

async function text(
  client: ClickHouseClient,
  request: Parameters<ClickHouseClient['exec']>[0],
): Promise<string> {
  const { stream } = await client.exec(request);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as Readable) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Reads the beginning of the result before anything is promised, and gives the rest as it comes. */
async function holdBack(pieces: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  let isEnd = false;
  while (!isEnd && bytes < HELD_BACK_BYTES) {
    const piece = await pieces.next();
    if (piece.done === true) isEnd = true;
    else {
      held.push(piece.value);
      bytes += piece.value.length;
    }
  }
  return (async function* () {
    try {
      yield* held.splice(0);
      yield* pieces;
    } finally {
      await pieces.return(undefined);
    }
  })();
}

/** The pieces of a result, at most `maxBytes` of them. Errors are those of the statement. */
async function* resultPieces(
  stream: Readable,
  stop: AbortSignal,
  maxBytes: number,
  toError: (error: unknown) => unknown,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  const abort = () => stream.destroy(new Error('the query was stopped'));
  stop.addEventListener('abort', abort, { once: true });
  let last: Buffer = Buffer.alloc(0);
  let bytes = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxBytes)
        throw new MplpError('MPLP_ERR_QUERY_LIMIT', `The result has more than ${maxBytes} bytes.`);
      last = piece;
      yield piece;
    }
  } catch (error) {
    throw toError(streamError(last, error));
  } finally {
    stop.removeEventListener('abort', abort);
    stream.destroy();
    onEnd();
  }
}

/** ClickHouse writes what went wrong into the body before it breaks the connection off. */
function streamError(last: Buffer, error: unknown): unknown {
  if (error instanceof MplpError) return error;
  const tail = last.subarray(-8192).toString('utf8');
  // Since 25.11 a length, a tag and the marker again follow the message.
  const match =
    /__exception__\s[^]*?Code: (\d+)\. DB::Exception: ([^]*?)(?:\n\d+ \w+\r\n__exception__\s*)?$/.exec(tail);
  if (match === null) return error;
  return new ClickHouseError({ code: match[1] ?? '', message: match[2] ?? '' });
}

const invalid = (detail: string) => new MplpError('MPLP_ERR_QUERY_INVALID', detail);
