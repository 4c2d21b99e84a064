import { createClient } from '@clickhouse/client';
import { decode, ExtensionCodec } from '@msgpack/msgpack';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { WebSocketServer } from 'ws';
import { createBatcher } from './batcher.mjs';
import { createRowMapper } from './rows.mjs';

/**
 * The baseline: what a good Node team would write without native code. node:http, JSON.parse, a compiled Ajv
 * validator, and @clickhouse/client inserting JSONEachRow in batches of 10,000 rows into the engine's intake
 * table. Receipts are sent when the rows are in memory; nothing is spooled.
 *
 * Environment: BASELINE_URL, BASELINE_USERNAME, BASELINE_PASSWORD, BASELINE_TABLE.
 */

const schema = (/** @type {string} */ name) =>
  JSON.parse(readFileSync(new URL(`../../schemas/${name}.json`, import.meta.url), 'utf8'));
const ajv = new Ajv2020.default({ allErrors: false, strict: false });
addFormats.default(ajv);
ajv.addSchema(schema('base-types'));
const isSpan = ajv.compile(schema('trace'));

const client = createClient({
  url: /** @type {string} */ (process.env['BASELINE_URL']),
  username: process.env['BASELINE_USERNAME'] ?? 'default',
  password: process.env['BASELINE_PASSWORD'] ?? '',
  keep_alive: { enabled: true },
  max_open_connections: 4,
  request_timeout: 120_000,
  clickhouse_settings: { async_insert: 0 },
});
const batcher = createBatcher({
  batchRows: 10_000,
  flushAfterMs: 200,
  maxInserts: 4,
  insert: async (values) =>
    void (await client.insert({
      table: /** @type {string} */ (process.env['BASELINE_TABLE']),
      values,
      format: 'JSONEachRow',
    })),
  onError(error) {
    process.stderr.write(`an insert failed: ${error.message}\n`);
    process.exit(1);
  },
});
const toRow = createRowMapper();

/** MessagePack times as the text that JSON bodies carry. */
const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: -1,
  encode: () => null,
  decode(data) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (data.byteLength === 4) return new Date(view.getUint32(0) * 1000).toISOString().replace('.000Z', 'Z');
    const high = view.getUint32(0);
    const seconds = (high & 3) * 4294967296 + view.getUint32(4);
    return new Date(seconds * 1000 + (high >>> 2) / 1e6).toISOString().replace('.000Z', 'Z');
  },
});
const idNames = ['id', 'trace_id', 'span_id', 'parent_span_id', 'context_id', 'agent_id'];

/** @param {any} span */
function idsToText(span) {
  for (const name of idNames) {
    const bytes = span[name];
    if (!(bytes instanceof Uint8Array)) continue;
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
    span[name] =
      `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  return span;
}

/** @param {Buffer} body */
function parseMsgpack(body) {
  const value = /** @type {any} */ (decode(body, { extensionCodec }));
  const spans = Array.isArray(value) ? value : (value.spans ?? [value]);
  spans.forEach(idsToText);
  return { seq: value.seq, spans };
}

/** @param {Buffer} body @param {string} contentType @returns {any[]} */
function parseBody(body, contentType) {
  if (contentType === 'application/msgpack') return parseMsgpack(body).spans;
  const text = body.toString();
  if (contentType === 'application/x-ndjson') {
    const spans = [];
    for (const line of text.split('\n')) if (line !== '') spans.push(JSON.parse(line));
    return spans;
  }
  const value = JSON.parse(text);
  return Array.isArray(value) ? value : [value];
}

/** @param {any[]} spans */
function take(spans) {
  const receivedAtSeconds = Math.floor(Date.now() / 1000);
  const errors = [];
  for (let index = 0; index < spans.length; index++) {
    const span = spans[index];
    if (isSpan(span)) batcher.push(toRow(span, receivedAtSeconds));
    else errors.push({ index, errors: isSpan.errors });
  }
  return {
    receipt: randomUUID(),
    accepted: spans.length - errors.length,
    rejected: errors.length,
    duplicates: 0,
    errors: errors.slice(0, 100),
    errors_truncated: errors.length > 100,
  };
}

const server = http.createServer((request, response) => {
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    await batcher.room();
    let status = 202;
    let reply;
    try {
      reply = take(parseBody(Buffer.concat(chunks), request.headers['content-type'] ?? ''));
      if (reply.accepted === 0) status = 400;
    } catch (error) {
      status = 400;
      reply = { title: 'malformed body', detail: error instanceof Error ? error.message : String(error) };
    }
    const text = JSON.stringify(reply);
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});

const sockets = new WebSocketServer({
  server,
  path: '/v1.0/traces/ws',
  perMessageDeflate: false,
  maxPayload: 64 * 1024 * 1024,
});
sockets.on('connection', (socket) => {
  socket.send(JSON.stringify({ credits: { spans: 1e12, bytes: 1e15 } }));
  socket.on('message', async (/** @type {Buffer} */ data) => {
    await batcher.room();
    const { seq, spans } = parseMsgpack(data);
    socket.send(JSON.stringify({ seq, ...take(spans) }));
  });
});

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${address.port}` })}\n`);
});
process.on('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  await batcher.close();
  await client.close();
  process.exit(0);
});
