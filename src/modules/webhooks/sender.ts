import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { AddressGuard } from './address-guard.js';
import type { SendResult } from './contract.js';
import { isConnectionFault, openGuardedConnection, type ResolveName } from './guarded-connection.js';
import { signatureHeaders } from './signature.js';

export interface WebhookMessage {
  readonly url: string;
  readonly secret: string;
  /** The same for every attempt. */
  readonly id: string;
  readonly body: string;
}

export interface WebhookSender {
  /** One attempt. Never rejects; ends when the signal does. */
  send(message: WebhookMessage, signal: AbortSignal): Promise<SendResult>;
}

/** What is read of an answer at most; nothing of it is kept. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_MS = 6 * 3_600_000;
/** Codes of Node that say enough to people. */
const CODE =
  /^(?:E[A-Z]+|CERT_[A-Z_]+|[A-Z_]*(?:CERT|SIGNATURE|ISSUER)[A-Z_]*|ERR_TLS_[A-Z_]+|ERR_SSL_[A-Z_]+|HPE_[A-Z_]+)$/;

export function createWebhookSender(options: {
  readonly guard: AddressGuard;
  readonly resolve: ResolveName;
  readonly timeoutMs: number;
}): WebhookSender {
  return {
    async send(message, signal) {
      const startedMs = performance.now();
      const ending = new AbortController();
      const abort = (): void => ending.abort();
      const timer = setTimeout(abort, options.timeoutMs);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      const deadline = ending.signal;
      const result = (statusCode?: number, error?: string, retryAfterMs?: number): SendResult => ({
        isDelivered: error === undefined,
        statusCode,
        error,
        durationMs: Math.round(performance.now() - startedMs),
        retryAfterMs,
      });
      try {
        const url = new URL(message.url);
        const socket = await openGuardedConnection(url, options.guard, options.resolve, deadline);
        const answer = await post(socket, url, message, deadline);
        const { statusCode = 0 } = answer;
        if (statusCode >= 200 && statusCode < 300) return result(statusCode);
        const isLater = statusCode === 429 || statusCode === 503;
        const retryAfterMs = isLater ? readRetryAfter(answer.headers['retry-after']) : undefined;
        const isRedirect = statusCode >= 300 && statusCode < 400;
        return result(
          statusCode,
          `the receiver answered ${statusCode}${isRedirect ? '; redirects are not followed' : ''}`,
          retryAfterMs,
        );
      } catch (error) {
        return result(undefined, signal.aborted ? 'the engine is stopping' : describe(error, deadline));
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      }
    },
  };
}

/** Resolves when the answer has ended, or as much of it as is read has come. */
function post(
  socket: Socket,
  url: URL,
  { secret, id, body }: WebhookMessage,
  deadline: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      method: 'POST',
      path: url.pathname + url.search,
      createConnection: () => socket,
      setHost: false,
      signal: deadline,
      headers: {
        host: url.host,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'mplp-engine',
        connection: 'close',
        ...signatureHeaders(secret, id, Math.floor(Date.now() / 1000), body),
      },
    });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    request.once('error', fail);
    request.once('response', (answer) => {
      let bytes = 0;
      const done = (): void => {
        resolve(answer);
        socket.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) done();
      });
      // The status has come, which is what counts, however the rest ends.
      request.off('error', fail);
      request.on('error', done);
      answer.on('error', done);
      answer.once('end', done);
      answer.once('close', done);
    });
    request.end(body);
  });
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

function describe(error: unknown, deadline: AbortSignal): string {
  if (isConnectionFault(error)) return error.message;
  if (deadline.aborted) return 'no answer in time';
  const code = (error as { code?: unknown }).code;
  return `the request failed${typeof code === 'string' && CODE.test(code) ? ` (${code})` : ''}`;
}
