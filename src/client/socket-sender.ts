import { ClientError } from './client-error.js';
import { sleep } from './request.js';
import type { Problem, Receipt, Span } from './wire.js';

/** What is used of a WebSocket; the browser's, Node's (from 22 on) and that of `ws` all have it. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
}

export interface SocketSenderOptions {
  /** Where the engine listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly key?: string | undefined;
  /** Opens a socket. A browser passes `(url, protocols) => new WebSocket(url, protocols)`. */
  readonly connect: (url: string, protocols: string[]) => SocketLike;
  /** Connections in a row that may fail before waiting sends are rejected. Default 10. */
  readonly maxAttempts?: number;
}

export interface SocketSender {
  /**
   * Sends spans in one frame and resolves with its receipt. Waits while the engine's credits are used up; after a lost
   * connection the frame is sent again, and the engine recognises it by its content.
   */
  send(spans: readonly Span[]): Promise<Receipt>;
  /** Waits for the answers that are still out, then closes. */
  close(): Promise<void>;
}

interface Frame {
  readonly seq: number;
  readonly text: string;
  readonly bytes: number;
  readonly spans: number;
  /** When to send it; later than now after the engine said that it is overloaded. */
  notBefore: number;
  resolve(receipt: Receipt): void;
  reject(error: Error): void;
}

/** What the engine sends: credits, or the receipt or the error of a frame. */
interface Answer extends Partial<Receipt> {
  readonly seq?: number | null;
  readonly credits?: { readonly spans: number; readonly bytes: number };
  readonly error?: Problem & { readonly retry_after_seconds?: number };
}

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 10_000;

export function createSocketSender(options: SocketSenderOptions): SocketSender {
  const maxAttempts = options.maxAttempts ?? 10;
  const url = new URL('/v1.0/traces/ws', options.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const protocols = options.key === undefined ? ['mplp'] : ['mplp', `bearer.${options.key}`];

  /** Frames not yet sent on the present connection, and those sent but not yet answered. */
  let waiting: Frame[] = [];
  const unanswered = new Map<number, Frame>();
  /** Spans and bytes that may be unanswered at a time, as the engine last said. */
  let credits = { spans: 0, bytes: 0 };
  let used = { spans: 0, bytes: 0 };
  let nextSeq = 1;
  let failures = 0;
  let socket: SocketLike | undefined;
  let isClosing = false;
  let onIdle: (() => void) | undefined;

  function pump(): void {
    while (socket !== undefined && waiting[0] !== undefined) {
      const frame = waiting[0];
      const fits = used.spans + frame.spans <= credits.spans && used.bytes + frame.bytes <= credits.bytes;
      // A frame larger than all credits could never be sent, so it goes out alone and the engine judges it.
      const goesAlone = unanswered.size === 0 && credits.spans > 0;
      if (!fits && !goesAlone) return;
      const waitMs = frame.notBefore - Date.now();
      if (waitMs > 0) return void setTimeout(pump, waitMs);
      waiting.shift();
      unanswered.set(frame.seq, frame);
      used = { spans: used.spans + frame.spans, bytes: used.bytes + frame.bytes };
      socket.send(frame.text);
    }
    if (waiting.length === 0 && unanswered.size === 0) onIdle?.();
  }

  function onAnswer(answer: Answer): void {
    if (answer.credits !== undefined) credits = answer.credits;
    const frame = unanswered.get(answer.seq ?? 0);
    if (frame !== undefined) {
      unanswered.delete(frame.seq);
      used = { spans: used.spans - frame.spans, bytes: used.bytes - frame.bytes };
      if (answer.receipt !== undefined) frame.resolve(answer as Receipt);
      else if (answer.error?.status === 429 || answer.error?.status === 503) {
        frame.notBefore = Date.now() + (answer.error.retry_after_seconds ?? 1) * 1000;
        waiting.unshift(frame);
      } else frame.reject(toError(answer.error));
    }
    pump();
  }

  function open(): void {
    const opened = options.connect(url.href, protocols);
    opened.onopen = () => {
      failures = 0;
      socket = opened;
      if (isClosing && waiting.length === 0) opened.close(1000, 'done');
      else pump();
    };
    opened.onmessage = (event: { data: unknown }) => onAnswer(JSON.parse(String(event.data)) as Answer);
    opened.onerror = () => {};
    opened.onclose = (event: { code: number; reason: string }) => void onClose(event);
  }

  async function onClose(event: { code: number; reason: string }): Promise<void> {
    socket = undefined;
    credits = { spans: 0, bytes: 0 };
    used = { spans: 0, bytes: 0 };
    waiting = [...unanswered.values(), ...waiting].sort((a, b) => a.seq - b.seq);
    unanswered.clear();
    if (isClosing && waiting.length === 0) return onIdle?.();
    failures += 1;
    if (failures >= maxAttempts) {
      const error = new ClientError(
        'UNREACHABLE',
        `The socket was closed (${event.code} ${event.reason || 'without reason'}).`,
      );
      for (const frame of waiting.splice(0)) frame.reject(error);
      return onIdle?.();
    }
    await sleep(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1)) * (1 + Math.random() / 4));
    open();
  }

  open();
  return {
    send(spans) {
      if (isClosing) return Promise.reject(new ClientError('UNREACHABLE', 'The sender is closed.'));
      if (failures >= maxAttempts) {
        failures = 0;
        open();
      }
      const seq = nextSeq++;
      const text = JSON.stringify({ seq, spans });
      return new Promise<Receipt>((resolve, reject) => {
        const bytes = new TextEncoder().encode(text).length;
        waiting.push({ seq, text, bytes, spans: spans.length, notBefore: 0, resolve, reject });
        pump();
      });
    },
    async close() {
      isClosing = true;
      if (waiting.length > 0 || unanswered.size > 0) await new Promise<void>((resolve) => (onIdle = resolve));
      socket?.close(1000, 'done');
    },
  };
}

function toError(problem: Problem | undefined): ClientError {
  if (problem === undefined)
    return new ClientError('UNEXPECTED', 'The engine answered a frame with neither receipt nor error.');
  const code = /MPLP_ERR_[A-Z_]+/.exec(problem.type)?.[0] ?? 'UNEXPECTED';
  return new ClientError(code, problem.detail, { status: problem.status, problem });
}
