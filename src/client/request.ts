import { ClientError, toClientError } from './client-error.js';

export interface RetryOptions {
  /** Tries in all; 1 never retries. Default 10. */
  readonly maxAttempts?: number;
  /** Longest wait between two tries, whatever the server asks for. Default 60 s. */
  readonly maxDelayMs?: number;
  /** Told before each wait. */
  readonly onRetry?: (error: ClientError, delayMs: number) => void;
}

export interface ConnectionOptions {
  /** Where the engine listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly key?: string | undefined;
  readonly retry?: RetryOptions;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST';
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Whether sending it twice is harmless, so that a lost connection may be followed by another try. */
  readonly isRepeatable: boolean;
}

export type Request = (path: string, options: RequestOptions) => Promise<Response>;

const FIRST_DELAY_MS = 200;

/**
 * Sends requests and tries again after 429, 503 and, where it is harmless, a lost connection. Waits as long as
 * `Retry-After` says, else twice as long each time; a little randomly, so that many clients do not come back at once.
 * Throws a `ClientError` for every status from 400 on, and the signal's reason when it is aborted.
 */
export function createRequest(connection: ConnectionOptions): Request {
  const maxAttempts = connection.retry?.maxAttempts ?? 10;
  const maxDelayMs = connection.retry?.maxDelayMs ?? 60_000;
  const fetchOnce = connection.fetch ?? fetch;

  async function attempt(path: string, options: RequestOptions): Promise<Response> {
    const url = new URL(path, connection.url);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const init: RequestInit = {
      method: options.method ?? 'GET',
      headers: {
        ...(connection.key === undefined ? {} : { authorization: `Bearer ${connection.key}` }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    let response: Response;
    try {
      response = await fetchOnce(url, init);
    } catch (cause) {
      options.signal?.throwIfAborted();
      throw new ClientError('UNREACHABLE', `No answer from ${url.origin}: ${reasonOf(cause)}.`, { cause });
    }
    if (response.status >= 400) throw await toClientError(response);
    return response;
  }

  return async (path, options) => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(path, options);
      } catch (error) {
        if (!(error instanceof ClientError) || tries >= maxAttempts || !isWorthRetrying(error, options))
          throw error;
        const askedMs = (error.details.retryAfterSeconds ?? 0) * 1000;
        const backoffMs = FIRST_DELAY_MS * 2 ** (tries - 1);
        const delayMs = Math.round(Math.min(maxDelayMs, askedMs || backoffMs) * (1 + Math.random() / 4));
        connection.retry?.onRetry?.(error, delayMs);
        await sleep(delayMs, options.signal);
      }
    }
  };
}

function isWorthRetrying(error: ClientError, options: RequestOptions): boolean {
  if (error.status === 429 || error.status === 503) return true;
  return error.code === 'UNREACHABLE' && options.isRepeatable;
}

/** The system's error code lies under one or two layers of causes. */
function reasonOf(error: unknown): string {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
