import { encode } from '@msgpack/msgpack';
import { MplpError, toProblem } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { readFrame, type Intake } from '../../traces/intake/index.js';
import type { Socket, SocketHandler, WebSocketRoute } from '../contract.js';
import { createRequestTraceId } from '../trace-id.js';
import { randomBytes } from 'node:crypto';

const PATH = '/v1.0/traces/ws';
const TRY_AGAIN_LATER = 1013;
/** A socket that overran its credits is closed when nothing came for this long, */
const OVERRUN_QUIET_MS = 250;
/** or after this at the latest. */
const MAX_OVERRUN_MS = 5_000;
/** What a socket may have unanswered. */
interface Credits {
  /** A hint: the engine counts bytes before it knows how many spans they are. */
  readonly spans: number;
  /** Binding. */
  readonly bytes: number;
}

/** One socket may hold this part of the memory for bodies. */
const SHARE_OF_MEMORY = 1 / 4;
/** And this part of that under pressure. */
const SCARCE_SHARE = 1 / 32;
const COMMON_SPAN_BYTES = 512;
/** Credits are looked at again this often while a socket is open. */
const CREDIT_INTERVAL_MS = 250;

/**
 * `GET /v1.0/traces/ws`: one frame, one receipt, in any order, told apart by `seq`. Credits say how many spans
 * and bytes a sender may have unanswered; who sends more is answered and then closed with 1013.
 */
export function createTraceSocketRoute(
  intake: Intake,
  maxInflightBytes: number,
  log: Logger,
): WebSocketRoute {
  const full = creditsOf(maxInflightBytes * SHARE_OF_MEMORY);
  const scarce = creditsOf(maxInflightBytes * SHARE_OF_MEMORY * SCARCE_SHARE);
  const credits = (): Credits => (intake.underPressure ? scarce : full);
  return {
    path: PATH,
    permission: 'traces:write',
    open: (socket, request) => openIngestSocket(socket, request.principal.projectId, intake, credits, log),
  };
}

function creditsOf(bytes: number): Credits {
  return { spans: Math.ceil(bytes / COMMON_SPAN_BYTES), bytes: Math.floor(bytes) };
}

function openIngestSocket(
  socket: Socket,
  projectId: string,
  intake: Intake,
  creditsNow: () => Credits,
  log: Logger,
): SocketHandler {
  let credits = creditsNow();
  let unansweredBytes = 0;
  let unansweredFrames = 0;
  let closed = false;
  let overrunAtMs: number | undefined;
  let closing: NodeJS.Timeout | undefined;
  /** Frames are answered in the encoding of the frame; credits in that of the last one. */
  let binary = false;

  const send = (document: object, asBinary: boolean): void => {
    if (closed) return;
    socket.send(asBinary ? encode(document, { ignoreUndefined: true }) : JSON.stringify(document));
  };
  const answer = (seq: Uint8Array | undefined, document: object, asBinary: boolean): void => {
    if (!closed) socket.send(withSeq(seq, document, asBinary));
  };
  const grant = (next: Credits): void => {
    if (next === credits) return;
    credits = next;
    send({ credits }, binary);
  };
  const timer = setInterval(() => grant(creditsNow()), CREDIT_INTERVAL_MS);
  timer.unref();
  send({ credits }, false);

  async function take(data: Uint8Array, isBinary: boolean): Promise<void> {
    let seq: Uint8Array | undefined;
    unansweredBytes += data.length;
    unansweredFrames += 1;
    try {
      // The seq is read first: an answer without it could not be told apart.
      const frame = data.length === 0 ? undefined : readFrame(data, isBinary);
      seq = frame?.seq;
      if (unansweredBytes > credits.bytes && unansweredBytes > data.length) overrunAtMs ??= performance.now();
      if (overrunAtMs !== undefined)
        throw new MplpError(
          'MPLP_ERR_TRACES_OVERLOADED',
          `More than ${credits.bytes} bytes are unanswered on this socket.`,
          { retryAfterSeconds: 1 },
        );
      if (frame === undefined) throw new MplpError('MPLP_ERR_TRACES_EMPTY', 'The frame is empty.');
      if (frame.fault !== undefined)
        throw new MplpError('MPLP_ERR_TRACES_MALFORMED', `The frame cannot be read: ${frame.fault}.`);
      const body = intake.open({
        projectId,
        form: frame.form,
        encoding: 'identity',
        length: frame.end - frame.start,
        idempotencyKey: undefined,
        durability: 'spooled',
      });
      let receipt;
      try {
        body.write(data.subarray(frame.start, frame.end));
        receipt = await body.end();
      } finally {
        body.drop();
      }
      answer(seq, receipt, isBinary);
    } catch (error) {
      if (!(error instanceof MplpError)) log.error({ err: error }, 'a frame failed');
      const problem = toProblem(error, PATH, createRequestTraceId('', randomBytes));
      const retry =
        error instanceof MplpError && error.retryAfterSeconds !== undefined
          ? { retry_after_seconds: error.retryAfterSeconds }
          : {};
      answer(seq, { error: { ...problem, ...retry } }, isBinary);
    } finally {
      unansweredBytes -= data.length;
      unansweredFrames -= 1;
      if (overrunAtMs !== undefined && unansweredFrames === 0) closeWhenQuiet(overrunAtMs);
    }
  }

  /** What was sent before the client could know is still on its way, and is answered before the close. */
  function closeWhenQuiet(sinceMs: number): void {
    clearTimeout(closing);
    const waitMs = Math.min(OVERRUN_QUIET_MS, sinceMs + MAX_OVERRUN_MS - performance.now());
    closing = setTimeout(
      () => {
        if (unansweredFrames === 0 && !closed)
          socket.close(TRY_AGAIN_LATER, 'more was sent than the credits allow');
      },
      Math.max(0, waitMs),
    );
  }

  return {
    message(data, isBinary) {
      binary = isBinary;
      void take(data, isBinary);
    },
    drain() {},
    closed() {
      closed = true;
      clearInterval(timer);
      clearTimeout(closing);
    },
  };
}

const NO_SEQ = { text: '{"seq":null', binaryAt: 5 };

/** `{seq, …document}`, with the seq put in as its sender wrote it: parsed, a large number would not come back the same. */
function withSeq(seq: Uint8Array | undefined, document: object, asBinary: boolean): string | Uint8Array {
  const plain = { seq: null, ...document };
  if (!asBinary) {
    const text = JSON.stringify(plain);
    return seq === undefined
      ? text
      : `{"seq":${Buffer.from(seq).toString()}${text.slice(NO_SEQ.text.length)}`;
  }
  const bytes = encode(plain, { ignoreUndefined: true });
  // The map has less than 16 members: its head is a byte, the key `seq` four, and nil one.
  return seq === undefined
    ? bytes
    : Buffer.concat([bytes.subarray(0, NO_SEQ.binaryAt), seq, bytes.subarray(NO_SEQ.binaryAt + 1)]);
}
