import { randomBytes } from 'node:crypto';
import { MplpError, toProblem } from '../../errors/index.js';
import {
  createPause,
  eventJson,
  parseTypeFilter,
  type EventLog,
  type StateEvent,
  type SubscribeOptions,
  type Subscription,
} from '../../store/events/index.js';
import type { HttpReply, HttpRequest, Route, Socket, SocketHandler, WebSocketRoute } from '../contract.js';
import { badRequest } from '../protocol-exchange.js';
import { createRequestTraceId } from '../trace-id.js';

const PATH = '/v1.0/events';
const PERMISSION = 'events:read';
const PARAMETERS = ['after', 'types', 'subject_id'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 2_000;
/** A socket with more than this waiting gets no further events until it drains. */
const SOCKET_HIGH_WATER_BYTES = 256 * 1024;
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;
/** Application-defined, as HTTP's 410. */
const CURSOR_GONE = 4410;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

export interface EventRoutesOptions {
  readonly events: EventLog;
  /** Milliseconds between signs of life on an idle stream, which carry its cursor; 15 s unless given. */
  readonly heartbeatMs?: number;
}

export interface EventRoutes {
  readonly routes: Route[];
  readonly webSockets: WebSocketRoute[];
  /** Ends all streams: to be called before the server drains, which would wait for them. */
  close(): void;
}

type Filter = Pick<SubscribeOptions, 'projectId' | 'types' | 'subjectId' | 'after'>;

/** What happens to state: `GET /v1.0/events` as server-sent events, and the same path as a WebSocket. */
export function createEventRoutes({ events, heartbeatMs = HEARTBEAT_MS }: EventRoutesOptions): EventRoutes {
  const open = new Set<() => void>();
  let isClosed = false;
  const assertOpen = (): void => {
    if (isClosed)
      throw new MplpError('MPLP_ERR_TRACES_DRAINING', 'The engine is shutting down.', {
        retryAfterSeconds: 5,
      });
  };
  return {
    routes: [
      {
        method: 'GET',
        path: PATH,
        permission: PERMISSION,
        handle(request) {
          assertOpen();
          return openStream(events, open, request, heartbeatMs);
        },
      },
    ],
    webSockets: [
      {
        path: PATH,
        permission: PERMISSION,
        check({ query, principal }) {
          assertOpen();
          readFilter(query, '', principal.projectId);
        },
        open: (socket, { query, principal }) =>
          openSocket(events, open, socket, readFilter(query, '', principal.projectId), heartbeatMs),
      },
    ],
    close() {
      isClosed = true;
      for (const end of [...open]) end();
    },
  };
}

/** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST: a misspelt filter must not show everything */
function readFilter(query: URLSearchParams, lastEventId: string, projectId: string): Filter {
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.includes(name))
      throw badRequest(`?${name}`, 'unknown', `is not among ${PARAMETERS.join(', ')}`);
    if (query.getAll(name).length > 1) throw badRequest(`?${name}`, 'unique', 'is given more than once');
  }
  const subjectId = query.get('subject_id')?.toLowerCase();
  if (subjectId !== undefined && !UUID.test(subjectId))
    throw badRequest('?subject_id', 'format', 'is not a UUID');
  const types = query.get('types')?.split(',');
  parseTypeFilter(types);
  // A browser that connects again sends the address it had, and the event that it saw last.
  const after = lastEventId === '' ? (query.get('after') ?? undefined) : lastEventId;
  return { projectId, types, subjectId, after };
}

/** Where to begin; refused when events behind it are gone, or when Postgres cannot tell. */
async function beginning(events: EventLog, { after }: Filter): Promise<string> {
  if (after === undefined) return events.position();
  await events.checkCursor(after);
  return after;
}

async function openStream(
  events: EventLog,
  open: Set<() => void>,
  request: HttpRequest,
  heartbeatMs: number,
): Promise<HttpReply> {
  const filter = readFilter(request.query, request.header('last-event-id'), request.principal.projectId);
  const after = await beginning(events, filter);
  if (request.method === 'HEAD') return { status: 200, headers: HEADERS, body: '' };
  const pause = createPause();
  let batch: readonly StateEvent[] = [];
  let onTaken = (): void => {};
  let isGap = false;
  let isEnded = false;
  const subscription = events.subscribe({
    ...filter,
    after,
    onEvents: (given) =>
      new Promise<void>((resolve) => {
        batch = given;
        onTaken = resolve;
        pause.wake();
      }),
    onGap() {
      isGap = true;
      end();
    },
    onClosed: () => end(),
  });
  const end = (): void => {
    isEnded = true;
    open.delete(end);
    request.signal.removeEventListener('abort', end);
    subscription.close();
    onTaken();
    pause.wake();
  };
  open.add(end);
  request.signal.addEventListener('abort', end, { once: true });
  if (request.signal.aborted) end();

  async function* body(): AsyncGenerator<string> {
    let told = after;
    try {
      yield `retry: ${RECONNECT_MS}\n: events\nid: ${after}\n\n`;
      while (!isEnded) {
        const timer = setTimeout(() => pause.wake(), heartbeatMs);
        await pause.wait(Infinity);
        clearTimeout(timer);
        if (batch.length > 0) {
          const text = batch.map(sseFrame).join('');
          told = batch.at(-1)?.id ?? told;
          batch = [];
          yield text;
          // The client has room again.
          onTaken();
        } else if (!isEnded) {
          // A block without data moves the client's cursor on and shows it nothing.
          told = subscription.cursor ?? told;
          yield `: still here\nid: ${told}\n\n`;
        }
      }
      if (isGap)
        yield `event: gap\ndata: ${JSON.stringify(toProblem(goneError(), PATH, request.traceId))}\n\n`;
    } finally {
      end();
    }
  }
  return { status: 200, headers: HEADERS, body: body() };
}

/** Without a name, so that one handler of a browser gets every type. */
function sseFrame(event: StateEvent): string {
  return `id: ${event.id}\ndata: ${eventJson(event)}\n\n`;
}

function goneError(): MplpError {
  return new MplpError(
    'MPLP_ERR_EVENTS_CURSOR_GONE',
    'Events were removed before this reader has taken them: read the resources again, and then follow from now on.',
  );
}

function openSocket(
  events: EventLog,
  open: Set<() => void>,
  socket: Socket,
  filter: Filter,
  heartbeatMs: number,
): SocketHandler {
  const pause = createPause();
  let subscription: Subscription | undefined;
  let told: string | undefined;
  let isSending = false;
  let isEnded = false;

  const end = (code?: number, reason = ''): void => {
    if (isEnded) return;
    isEnded = true;
    clearInterval(heartbeat);
    open.delete(leave);
    subscription?.close();
    pause.wake();
    if (code !== undefined) socket.close(code, reason);
  };
  const leave = (): void => end(GOING_AWAY, 'the engine is stopping');
  const tellCursor = (cursor: string | undefined): void => {
    if (isEnded || isSending || cursor === undefined || cursor === told) return;
    told = cursor;
    socket.send(JSON.stringify({ cursor }));
  };
  const fail = (error: unknown): void => {
    if (isEnded) return;
    const isGone = error instanceof MplpError && error.code === 'MPLP_ERR_EVENTS_CURSOR_GONE';
    socket.send(JSON.stringify({ error: toProblem(error, PATH, createRequestTraceId('', randomBytes)) }));
    end(
      isGone ? CURSOR_GONE : TRY_AGAIN_LATER,
      isGone ? 'the cursor is too old' : 'events cannot be read now',
    );
  };
  const heartbeat = setInterval(() => tellCursor(subscription?.cursor), heartbeatMs);
  heartbeat.unref();
  open.add(leave);

  const send = async (batch: readonly StateEvent[]): Promise<void> => {
    isSending = true;
    for (const event of batch) {
      while (!isEnded && socket.bufferedBytes >= SOCKET_HIGH_WATER_BYTES) await pause.wait(Infinity);
      if (isEnded) return;
      told = event.id;
      socket.send(eventJson(event));
    }
    isSending = false;
  };
  const start = async (): Promise<void> => {
    const after = await beginning(events, filter);
    if (isEnded) return;
    tellCursor(after);
    subscription = events.subscribe({
      ...filter,
      after,
      onEvents: send,
      onGap: () => fail(goneError()),
      onClosed: leave,
    });
  };
  start().catch(fail);
  return {
    message: () => {},
    drain: () => pause.wake(),
    closed: () => end(),
  };
}
