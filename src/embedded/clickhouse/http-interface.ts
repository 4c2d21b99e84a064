import { timingSafeEqual, createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createGzip, gzipSync } from 'node:zlib';
import type { Readable, Writable } from 'node:stream';
import { isFailedRename } from './deduplication-logs.js';
import type { HostAddon, Statement, StatementOptions, StatementSummary } from './host-addon.js';
import { breakOff } from './late-error.js';
import { createNativeRewriter, UnmeasurableType } from './native-blocks.js';
import {
  inlineDataOffset,
  isJoinable,
  isSelect,
  mayBeExpression,
  quoteName,
  quoteString,
  readQueryText,
} from './query-text.js';
import { collect, decoded } from './request-body.js';
import { codeOf, StatementError, statusOf } from './status-of.js';

export interface HttpInterfaceOptions {
  readonly host: HostAddon;
  readonly username: string;
  readonly password: string;
  /** Most bytes of a statement that comes in a body (its data is not counted). */
  readonly maxQueryBytes: number;
  /** A part could not be put into place: only a new start brings memory and disk together again. */
  readonly onFailedRename: () => void;
}

/** Parameters of the URL that are not settings. */
const notSettings = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'session_id',
  'session_timeout',
  'session_check',
  'enable_http_compression',
  'wait_end_of_query',
  'buffer_size',
  'compress',
  'decompress',
  'quota_key',
  'role',
  'close_session',
  'http_zlib_compression_level',
  'http_native_compression_disable_checksumming_on_decompress',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_wait_end_of_query',
  'cancel_http_readonly_queries_on_client_close',
  'client_protocol_version',
]);

/** Data that waits for the engine; the socket is paused beyond. */
const HIGH_WATER_BYTES = 8 * 1024 * 1024;

/**
 * ClickHouse's HTTP interface over the engine in this process: what `@clickhouse/client`, BI tools and Grafana
 * need of it. Each request runs on a connection of its own, so settings never leak from one to the next.
 */
export function createHttpInterface(options: HttpInterfaceOptions): Server {
  const { host } = options;
  const running = new Map<string, { cancel(): void }>();
  const server = createServer({
    keepAliveTimeout: 30_000,
    requestTimeout: 0,
    headersTimeout: 60_000,
    noDelay: true,
  });
  server.on('request', (request, response) => {
    handle(request, response).catch((error: unknown) => fail(request, response, error));
  });
  return server;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    response.setHeader('X-ClickHouse-Server-Display-Name', 'mplp-embedded');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') {
      request.resume();
      response.setHeader('Content-Type', 'text/html; charset=UTF-8');
      response.end('Ok.\n');
      return;
    }
    if (url.pathname !== '/') throw new StatementError(404, 'There is no handle ' + url.pathname + '\n');
    if (request.method === 'HEAD') {
      request.resume();
      response.end();
      return;
    }
    authenticate(request, url);
    const query = url.searchParams;
    for (const name of ['compress', 'decompress'])
      if (query.get(name) === '1')
        throw new StatementError(
          501,
          `Code: 48. DB::Exception: ClickHouse's own compression (${name}=1) is not supported; HTTP compression is. (NOT_IMPLEMENTED)`,
        );
    const queryId = query.get('query_id') ?? header(request, 'x-clickhouse-query-id') ?? randomUUID();
    response.setHeader('X-ClickHouse-Query-Id', queryId);
    if (running.has(queryId)) {
      throw new StatementError(
        500,
        `Code: 216. DB::Exception: Query with id = ${queryId} is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)`,
      );
    }

    const body = request.method === 'GET' ? undefined : decoded(request);
    const urlQuery = query.get('query') ?? '';
    let text = urlQuery;
    let data: Readable | Buffer | undefined = body;
    if (body !== undefined && /^multipart\/form-data\b/i.test(header(request, 'content-type') ?? '')) {
      text = `${urlQuery}${await readForm(request, body, query)}`;
      data = undefined;
    } else if (body !== undefined && !/^\s*INSERT\s/i.test(urlQuery)) {
      const whole = await collect(body, options.maxQueryBytes);
      const offset = urlQuery === '' ? inlineDataOffset(whole) : -1;
      data = offset < 0 ? undefined : whole.subarray(offset);
      const statement = (offset < 0 ? whole : whole.subarray(0, offset)).toString('utf8');
      text = urlQuery === '' ? statement : statement === '' ? urlQuery : `${urlQuery}\n${statement}`;
    }
    if (text.trim() === '') {
      if (request.method === 'GET' && urlQuery === '') {
        response.setHeader('Content-Type', 'text/html; charset=UTF-8');
        response.end('Ok.\n');
        return;
      }
      throw new StatementError(400, 'Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)');
    }

    const parsed = readQueryText(text);
    const format =
      parsed.format ??
      query.get('default_format') ??
      header(request, 'x-clickhouse-format') ??
      'TabSeparated';
    const readsData = parsed.takesData && data !== undefined;
    const statement: StatementOptions = {
      preamble: preambleOf(request, url, parsed.sql),
      sql: readsData ? parsed.sql : marked(parsed.isInsert ? text : parsed.sql, parsed.isInsert, queryId),
      format,
      params: [...query].flatMap(([name, value]) =>
        name.startsWith('param_') ? [name.slice(6), value] : [],
      ),
      kind: readsData
        ? 'insert'
        : isSelect(parsed.sql) && isJoinable(format) && query.get('wait_end_of_query') !== '1'
          ? 'streamed'
          : 'buffered',
    };
    if (readsData) await insert(statement, queryId, data as Readable | Buffer, request, response);
    else {
      if (data !== undefined && !Buffer.isBuffer(data)) data.resume();
      const wishes = {
        compress: query.get('enable_http_compression') === '1' && takesGzip(request),
        protocolVersion: Number(query.get('client_protocol_version') ?? 0),
      };
      await select(statement, queryId, wishes, request, response);
    }
  }

  /**
   * Statement and parameters as the fields of a form. Parameters go to `query`; returns the statement.
   * Files would be external tables, which libchdb does not take.
   */
  async function readForm(request: IncomingMessage, body: Readable, query: URLSearchParams): Promise<string> {
    const whole = await collect(body, options.maxQueryBytes);
    const type = header(request, 'content-type') as string;
    const form = await new Response(whole, { headers: { 'content-type': type } })
      .formData()
      .catch((cause: Error) => {
        throw new StatementError(
          400,
          `Code: 1000. DB::Exception: The form cannot be read: ${cause.message}. (POCO_EXCEPTION)`,
        );
      });
    let statement = '';
    for (const [name, value] of form) {
      if (typeof value !== 'string')
        throw new StatementError(
          501,
          'Code: 48. DB::Exception: External tables are not supported. (NOT_IMPLEMENTED)',
        );
      if (name === 'query') statement += value;
      else query.append(name, value);
    }
    return statement;
  }

  function preambleOf(request: IncomingMessage, url: URL, sql: string): string[] {
    const preamble: string[] = [];
    const database = url.searchParams.get('database') ?? header(request, 'x-clickhouse-database');
    if (database !== undefined && database !== '' && database !== 'default')
      preamble.push(`USE ${quoteName(database)}`);
    const settings: string[] = [];
    let readonly: string | undefined;
    for (const [name, value] of url.searchParams) {
      if (notSettings.has(name) || name.startsWith('param_')) continue;
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
      if (name === 'readonly') readonly = value;
      else settings.push(`${name} = ${quoteString(value)}`);
    }
    // libchdb would take a bare expression for a SELECT.
    if (mayBeExpression(sql) && !url.searchParams.has('implicit_select'))
      settings.push('implicit_select = 0');
    if (request.method === 'GET' && readonly === undefined) readonly = '2';
    if (readonly !== undefined && readonly !== '0') settings.push(`readonly = ${quoteString(readonly)}`);
    if (settings.length > 0) preamble.push(`SET ${settings.join(', ')}`);
    return preamble;
  }

  async function insert(
    statement: StatementOptions,
    queryId: string,
    data: Readable | Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const summary = await new Promise<StatementSummary>((resolve, reject) => {
      let waiting = 0;
      let ended = false;
      const finish = (result: StatementSummary): void => {
        ended = true;
        running.delete(queryId);
        resolve(result);
      };
      const run: Statement = new host.Statement(
        statement,
        () => {},
        finish,
        (bytes) => {
          waiting -= bytes;
          if (waiting < HIGH_WATER_BYTES / 2 && !Buffer.isBuffer(data)) data.resume();
        },
      );
      running.set(queryId, { cancel: () => run.cancel() });
      const send = (chunk: Buffer): void => {
        if (ended || chunk.length === 0) return;
        waiting += chunk.length;
        run.append(chunk);
      };
      if (Buffer.isBuffer(data)) {
        send(data);
        run.endInput();
        return;
      }
      data.on('data', (chunk: Buffer) => {
        send(chunk);
        if (waiting > HIGH_WATER_BYTES && !ended) data.pause();
      });
      data.on('end', () => run.endInput());
      // A body that breaks off must not be stored as if it were whole.
      data.on('error', () => run.cancel());
      request.on('close', () => {
        if (!request.complete) {
          run.cancel();
          reject(new Error('the client went away'));
        }
      });
    });
    if (!request.complete) request.resume();
    if (summary.error !== undefined) throw new StatementError(statusOf(codeOf(summary.error)), summary.error);
    response.setHeader('X-ClickHouse-Summary', summaryHeader(summary));
    response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    response.end();
  }

  async function select(
    statement: StatementOptions,
    queryId: string,
    wishes: { readonly compress: boolean; readonly protocolVersion: number },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let out: Writable | undefined;
    const tag = randomBytes(8).toString('hex');
    const begin = (): Writable => {
      response.setHeader('Content-Type', contentTypeOf(statement.format));
      response.setHeader('X-ClickHouse-Exception-Tag', tag);
      response.setHeader('X-ClickHouse-Format', statement.format);
      response.setHeader('X-ClickHouse-Timezone', 'UTC');
      if (wishes.compress) {
        response.setHeader('Content-Encoding', 'gzip');
        const gzip = createGzip({ level: 1 });
        gzip.pipe(response);
        return gzip;
      }
      return response;
    };
    const rewriter =
      wishes.protocolVersion > 0 && /^native$/i.test(statement.format)
        ? createNativeRewriter(wishes.protocolVersion)
        : undefined;
    let fault: string | undefined;
    const rewritten = (bytes: Buffer): Buffer => {
      if (rewriter === undefined) return bytes;
      try {
        if (fault === undefined) return rewriter.push(bytes);
      } catch (error) {
        const why =
          error instanceof UnmeasurableType ? `the type ${error.message}` : (error as Error).message;
        fault = `Code: 48. DB::Exception: Native for client_protocol_version is not supported here with ${why}. (NOT_IMPLEMENTED)`;
      }
      return Buffer.alloc(0);
    };
    const summary = await new Promise<StatementSummary>((resolve) => {
      const run: Statement = new host.Statement(
        statement,
        (bytes) => {
          const chunk = rewritten(bytes);
          if (fault !== undefined) run.cancel();
          if (chunk.length === 0) {
            run.acknowledge();
            return;
          }
          out ??= begin();
          if (out.write(chunk)) run.acknowledge();
          else out.once('drain', () => run.acknowledge());
        },
        (result) => {
          running.delete(queryId);
          resolve(result);
        },
        () => {},
      );
      const cancel = (): void => {
        run.cancel();
        kill(queryId);
      };
      running.set(queryId, { cancel });
      response.on('close', () => {
        if (!response.writableFinished && running.has(queryId)) cancel();
      });
    });
    if (response.destroyed) return;
    const error = fault ?? summary.error;
    if (error !== undefined) {
      if (out === undefined) throw new StatementError(statusOf(codeOf(error)), error);
      breakOff(out, response, error, tag);
      return;
    }
    if (out === undefined) {
      response.setHeader('X-ClickHouse-Summary', summaryHeader(summary));
      out = begin();
    }
    out.end();
  }

  /** Stops a statement that computes without giving rows; `cancel` alone acts between two pieces of output. */
  function kill(queryId: string): void {
    const marker = queryMarker(queryId);
    const sql = `KILL QUERY WHERE startsWith(query, ${quoteString(marker)}) OR endsWith(query, ${quoteString(marker)}) ASYNC`;
    new host.Statement(
      { preamble: [], sql, format: 'Null', params: [], kind: 'buffered' },
      () => {},
      () => {},
      () => {},
    );
  }

  function authenticate(request: IncomingMessage, url: URL): void {
    let user = url.searchParams.get('user') ?? header(request, 'x-clickhouse-user');
    let password = url.searchParams.get('password') ?? header(request, 'x-clickhouse-key');
    const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '');
    if (basic !== null) {
      const pair = Buffer.from(basic[1] as string, 'base64').toString('utf8');
      const colon = pair.indexOf(':');
      user = colon < 0 ? pair : pair.slice(0, colon);
      password = colon < 0 ? '' : pair.slice(colon + 1);
    }
    if (same(user ?? 'default', options.username) && same(password ?? '', options.password)) return;
    throw new StatementError(
      403,
      `Code: 516. DB::Exception: ${(user ?? 'default').slice(0, 64)}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
    );
  }

  function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const known = error instanceof StatementError;
    const message = known
      ? error.message
      : `Code: 1001. DB::Exception: ${(error as Error).message}. (STD_EXCEPTION)`;
    response.statusCode = known ? error.status : 500;
    response.setHeader('X-ClickHouse-Exception-Code', String(codeOf(message)));
    response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    if (response.statusCode === 413) response.setHeader('Connection', 'close');
    const text = message.endsWith('\n') ? message : `${message}\n`;
    const compress = /[?&]enable_http_compression=1\b/.test(request.url ?? '') && takesGzip(request);
    if (compress) response.setHeader('Content-Encoding', 'gzip');
    response.end(compress ? gzipSync(text) : text, () => {
      if (isFailedRename(message)) options.onFailedRename();
    });
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function takesGzip(request: IncomingMessage): boolean {
  return /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
}

function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * A comment by which KILL QUERY finds the statement: libchdb gives queries ids of its own. It stands at the end, where it
 * moves no position in an error, but not behind the values of an insert.
 */
function marked(sql: string, isInsert: boolean, queryId: string): string {
  return isInsert ? `${queryMarker(queryId)} ${sql}` : `${sql}\n${queryMarker(queryId)}`;
}

function queryMarker(queryId: string): string {
  return `/* query_id:${createHash('sha256').update(queryId).digest('hex').slice(0, 32)} */`;
}

function summaryHeader(summary: StatementSummary): string {
  return JSON.stringify({
    read_rows: String(summary.rowsRead),
    read_bytes: String(summary.bytesRead),
    written_rows: String(summary.rowsWritten),
    written_bytes: String(summary.bytesWritten),
    total_rows_to_read: '0',
    result_rows: String(summary.resultRows),
    result_bytes: '0',
    elapsed_ns: String(Math.round(summary.elapsedSeconds * 1e9)),
  });
}

function contentTypeOf(format: string): string {
  if (/^JSON.*EachRow$|^NDJSON$|^JSONLines$/i.test(format)) return 'application/x-ndjson; charset=UTF-8';
  if (/^JSON/i.test(format)) return 'application/json; charset=UTF-8';
  if (/^CSV/i.test(format))
    return 'text/csv; charset=UTF-8; header=' + (/WithNames/i.test(format) ? 'present' : 'absent');
  if (/^(TSV|TabSeparated)/i.test(format)) return 'text/tab-separated-values; charset=UTF-8';
  if (/^(Parquet|Arrow|ArrowStream|Native|RowBinary)/i.test(format)) return 'application/octet-stream';
  return 'text/plain; charset=UTF-8';
}
