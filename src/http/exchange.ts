import type { HttpResponse } from 'uWebSockets.js';
import type { HttpReply } from './contract.js';
import type { StreamedReply } from './representation.js';

/** uWebSockets.js cuts a reader that takes nothing for ten seconds; every nudge gives it ten more. */
const NUDGE_INTERVAL_MS = 4_000;
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

/** To be called before the handler of uWS returns. */
export function createExchange(response: HttpResponse): Exchange {
  return new UwsExchange(response);
}

/** A class, since every request makes one: methods are shared, closures are not. */
class UwsExchange implements Exchange {
  aborted = false;
  answered = false;
  readonly #response: HttpResponse;
  #callbacks: (() => void)[] | undefined;
  #writable: (() => void) | undefined;

  constructor(response: HttpResponse) {
    this.#response = response;
    response.onAborted(() => {
      this.aborted = true;
      this.#writable?.();
      for (const callback of this.#callbacks ?? []) callback();
    });
  }

  onAbort(callback: () => void): void {
    if (this.aborted) callback();
    else (this.#callbacks ??= []).push(callback);
  }

  send(reply: HttpReply, headOnly: boolean, close: boolean): void {
    if (this.aborted || this.answered) return;
    this.answered = true;
    this.#response.cork(() => {
      this.#writeHead(reply);
      const body = (reply.body as string | Uint8Array | undefined) ?? '';
      if (headOnly) this.#response.endWithoutBody(Buffer.byteLength(body), close);
      else this.#response.end(body, close);
    });
  }

  async stream(reply: StreamedReply): Promise<void> {
    if (this.aborted || this.answered) return;
    this.answered = true;
    let begun = false;
    this.#response.onWritable(() => {
      // With a handler, uWS leaves flushing to it: what it still holds would wait for the next write.
      this.#flush();
      this.#writable?.();
      return true;
    });
    try {
      for await (const chunk of reply.body) {
        if (this.aborted) return;
        let ready = true;
        this.#response.cork(() => {
          if (!begun) this.#writeHead(reply);
          begun = true;
          ready = this.#response.write(chunk);
        });
        if (!ready) await this.#untilWritable();
      }
      if (this.aborted) return;
      this.#response.cork(() => {
        if (!begun) this.#writeHead(reply);
        this.#response.end();
      });
    } catch (error) {
      if (begun) {
        // The head is out: only a broken connection tells the client that the result is not whole.
        this.cut();
        return;
      }
      this.answered = false;
      throw error;
    }
  }

  cut(): void {
    if (!this.aborted) this.#response.close();
  }

  async #untilWritable(): Promise<void> {
    const stalledSince = performance.now();
    const timer = setInterval(() => {
      if (!this.aborted && performance.now() - stalledSince < MAX_STALL_MS) this.#nudge();
    }, NUDGE_INTERVAL_MS);
    await new Promise<void>((resolve) => {
      this.#writable = resolve;
      if (this.aborted) resolve();
    });
    clearInterval(timer);
    this.#writable = undefined;
  }

  /** An empty cork sends what uWS still holds. */
  #flush(): void {
    this.#response.cork(() => {});
  }

  /**
   * A flush that gets rid of all that uWS holds leaves the ten seconds running; resuming begins them anew. Without a pause
   * before it, it would end all events of the connection.
   */
  #nudge(): void {
    this.#flush();
    this.#response.pause();
    this.#response.resume();
  }

  #writeHead(reply: HttpReply): void {
    const response = this.#response;
    response.writeStatus(statusLine(reply.status));
    const { headers } = reply;
    for (const name in headers) response.writeHeader(name, headers[name] as string);
    response.writeHeader('x-content-type-options', 'nosniff');
  }
}
