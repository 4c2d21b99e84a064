import {
  parseTailFilter,
  socketFrame,
  sseFrame,
  type TailHub,
  type TailSubscription,
} from '../../traces/live/index.js';
import type { HttpReply, HttpRequest, Route, Socket, SocketHandler, WebSocketRoute } from '../contract.js';

const PATH = '/v1.0/traces/stream';
const PERMISSION = 'traces:read';
const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 2_000;
/** Frames are joined up to this size before they go to the connection. */
const CHUNK_BYTES = 64 * 1024;
/** A socket with more than this waiting gets no further frames until it drains; the queue of the hub bounds the rest. */
const SOCKET_HIGH_WATER_BYTES = 256 * 1024;
const GOING_AWAY = 1001;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

export interface StreamRoutesOptions {
  readonly hub: TailHub;
  /** Milliseconds between comments that keep an idle event stream open; 15 s unless given. */
  readonly heartbeatMs?: number;
}

/** The live tail: `GET /v1.0/traces/stream` as server-sent events, and the same path as a WebSocket. */
export function createStreamRoutes(options: StreamRoutesOptions): {
  routes: Route[];
  webSockets: WebSocketRoute[];
} {
  const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  return {
    routes: [
      {
        method: 'GET',
        path: PATH,
        permission: PERMISSION,
        handle: (request) => stream(options.hub, request, heartbeatMs),
      },
    ],
    webSockets: [
      {
        path: PATH,
        permission: PERMISSION,
        check: (request) => options.hub.check(parseTailFilter(request.query, request.principal.projectId)),
        open: (socket, request) =>
          openSocket(options.hub, socket, parseTailFilter(request.query, request.principal.projectId)),
      },
    ],
  };
}

function stream(hub: TailHub, request: HttpRequest, heartbeatMs: number): HttpReply {
  const filter = parseTailFilter(request.query, request.principal.projectId);
  if (request.method === 'HEAD') return { status: 200, headers: HEADERS, body: '' };
  let wake = () => {};
  const subscription = hub.subscribe(filter, () => wake());
  const stop = () => {
    subscription.close();
    wake();
  };
  request.signal.addEventListener('abort', stop, { once: true });
  if (request.signal.aborted) stop();

  /** Resolves when events wait, the tail is closed, or a heartbeat is due (true). */
  const pause = () =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), heartbeatMs);
      wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });

  async function* events(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from(`retry: ${RECONNECT_MS}\n: live tail open\n\n`);
      while (!subscription.closed) {
        const chunk = takeChunk(subscription);
        if (chunk !== undefined) yield chunk;
        else if (await pause()) yield Buffer.from(': still here\n\n');
      }
    } finally {
      request.signal.removeEventListener('abort', stop);
      subscription.close();
    }
  }

  return { status: 200, headers: HEADERS, body: events() };
}

function takeChunk(subscription: TailSubscription): Buffer | undefined {
  const frames: Buffer[] = [];
  let bytes = 0;
  while (bytes < CHUNK_BYTES) {
    const event = subscription.next();
    if (event === undefined) break;
    const frame = sseFrame(event);
    frames.push(frame);
    bytes += frame.length;
  }
  return frames.length > 1 ? Buffer.concat(frames, bytes) : frames[0];
}

function openSocket(hub: TailHub, socket: Socket, filter: ReturnType<typeof parseTailFilter>): SocketHandler {
  const subscription = hub.subscribe(filter, () => pump());
  function pump(): void {
    while (socket.bufferedBytes < SOCKET_HIGH_WATER_BYTES) {
      const event = subscription.next();
      if (event === undefined) break;
      if (!socket.send(socketFrame(event))) return subscription.close();
    }
    if (subscription.closed) socket.close(GOING_AWAY, 'the engine is stopping');
  }
  return {
    message: () => {},
    drain: () => pump(),
    closed: () => subscription.close(),
  };
}
