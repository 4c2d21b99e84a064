import type { HttpResponse } from 'uWebSockets.js';
import type { HttpReply } from './contract.js';
import type { StreamedReply } from './representation.js';

/** uWebSockets.js cuts a reader that takes nothing for ten seconds; every try to flush gives it ten more. */
const FLUSH_INTERVAL_MS = 4_000;
/** A reader that takes nothing for so long is cut. */
const MAX_STALL_MS = 120_000;

/** Status lines of the codes that the engine answers with. */
const statusText: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

export function statusLine(status: number): string {
  return `${status} ${statusText[status] ?? 'Unknown'}`;
}

/**
 * One request and its reply on a uWebSockets.js connection. Keeps the two rules of uWS in one place: nothing is
 * written after an abort, and every handler that answers later has registered for aborts.
 */
export interface Exchange {
  readonly aborted: boolean;
  readonly answered: boolean;
  /** Called once when the client goes away before the reply is complete. */
  onAbort(callback: () => void): void;
  /** Sends a whole reply; the second one and those after an abort are dropped. `close` ends the connection. */
  send(reply: HttpReply, headOnly: boolean, close: boolean): void;
  /** Sends a reply piece by piece, no faster than the client reads. */
  stream(reply: StreamedReply): Promise<void>;
  /** Breaks the connection, unless it is gone. */
  cut(): void;
}

export function createExchange(response: HttpResponse): Exchange {
  let aborted = false;
  let answered = false;
  const callbacks: (() => void)[] = [];
  let writable: (() => void) | undefined;
  response.onAborted(() => {
    aborted = true;
    writable?.();
    for (const callback of callbacks) callback();
  });
  /** An empty cork sends what uWS still holds. */
  const flush = (): void => {
    response.cork(() => {});
  };
  const writeHead = (reply: HttpReply): void => {
    response.writeStatus(statusLine(reply.status));
    for (const [name, value] of Object.entries(reply.headers ?? {})) response.writeHeader(name, value);
    response.writeHeader('x-content-type-options', 'nosniff');
  };
  return {
    get aborted() {
      return aborted;
    },
    get answered() {
      return answered;
    },
    onAbort(callback) {
      if (aborted) callback();
      else callbacks.push(callback);
    },
    send(reply, headOnly, close) {
      if (aborted || answered) return;
      answered = true;
      response.cork(() => {
        writeHead(reply);
        const body = (reply.body as string | Uint8Array | undefined) ?? '';
        if (headOnly) response.endWithoutBody(Buffer.byteLength(body), close);
        else response.end(body, close);
      });
    },
    cut() {
      if (!aborted) response.close();
    },
    async stream(reply) {
      if (aborted || answered) return;
      answered = true;
      let begun = false;
      response.onWritable(() => {
        // With a handler, uWS leaves flushing to it: what it still holds would wait for the next write.
        flush();
        writable?.();
        return true;
      });
      try {
        for await (const chunk of reply.body) {
          if (aborted) return;
          let ready = true;
          response.cork(() => {
            if (!begun) writeHead(reply);
            begun = true;
            ready = response.write(chunk);
          });
          if (!ready) {
            const stalledSince = performance.now();
            const timer = setInterval(() => {
              if (!aborted && performance.now() - stalledSince < MAX_STALL_MS) flush();
            }, FLUSH_INTERVAL_MS);
            await new Promise<void>((resolve) => {
              writable = resolve;
              if (aborted) resolve();
            });
            clearInterval(timer);
            writable = undefined;
          }
        }
        if (aborted) return;
        response.cork(() => {
          if (!begun) writeHead(reply);
          response.end();
        });
      } catch (error) {
        if (begun) {
          // The head is out: only a broken connection tells the client that the result is not whole.
          if (!aborted) response.close();
          return;
        }
        answered = false;
        throw error;
      }
    },
  };
}
