import { ClickHouseError, parseError } from '@clickhouse/client';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { HttpRefusal } from './error-class.js';
import { insertSettings } from './settings.js';

export interface BlockInsertOptions {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
}

export interface InsertBlocks {
  /** ClickHouse Native blocks, one after another. A chunk is used only until the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Their size together. */
  readonly bytes: number;
  /** The same token always stands for the same bytes. */
  readonly token: string;
  readonly signal: AbortSignal;
}

export interface BlockInserter {
  insert(insert: InsertBlocks): Promise<void>;
  close(): void;
}

const MAX_REPLY_BYTES = 64 * 1024;

/**
 * The segment insert over ClickHouse's HTTP interface. All else goes through `@clickhouse/client`; this one
 * statement carries several hundred megabytes a second, and the client's streams would need a new buffer for each
 * piece of them. Here the reader's one buffer is written, flushed, and filled again (docs/adr/0006).
 */
export function createBlockInserter(options: BlockInsertOptions): BlockInserter {
  const secure = options.url.startsWith('https:');
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 8, timeout: 0 });
  const authorization = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`;
  return {
    async insert({ chunks, bytes, token, signal }) {
      const url = new URL(options.url);
      url.searchParams.set('query', 'INSERT INTO span_intake FORMAT Native');
      url.searchParams.set('database', options.database);
      for (const [name, value] of Object.entries(insertSettings)) url.searchParams.set(name, String(value));
      url.searchParams.set('insert_deduplication_token', token);
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent,
        signal,
        headers: { authorization, 'content-type': 'application/octet-stream', 'content-length': bytes },
      });
      const reply = replyOf(request);
      reply.catch(() => {}); // reported below, also when it comes while a piece is being sent
      let early = false;
      void reply.then(
        () => (early = true),
        () => (early = true),
      );
      for await (const chunk of chunks) {
        if (early) break;
        await flushed(request, chunk, reply);
      }
      if (early) request.destroy();
      else request.end();
      const { status, exceptionCode, text } = await reply;
      if (status !== 200 || exceptionCode !== undefined) {
        const error = parseError(text);
        throw error instanceof ClickHouseError ? error : new HttpRefusal(status, text);
      }
    },
    close() {
      agent.destroy();
    },
  };
}

interface Reply {
  readonly status: number;
  readonly exceptionCode: string | undefined;
  readonly text: string;
}

function replyOf(request: ClientRequest): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_REPLY_BYTES) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          exceptionCode: response.headers['x-clickhouse-exception-code'] as string | undefined,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
      response.on('close', () => reject(new Error('the reply broke off')));
    });
  });
}

/** Resolves when the piece has left this process, or the server has answered before it could. */
async function flushed(request: ClientRequest, chunk: Uint8Array, reply: Promise<Reply>): Promise<void> {
  const written = new Promise<void>((resolve) => {
    request.write(chunk, () => resolve());
  });
  await Promise.race([written, reply]);
}
