import { encode } from '@msgpack/msgpack';
import { MplpError, toProblem } from '../../errors/index.js';
import type { Logger } from '../../observability/log.js';
import { readFrame, type Intake } from '../../traces/intake/index.js';
import type { Socket, SocketHandler, WebSocketRoute } from '../contract.js';
import { createRequestTraceId } from '../trace-id.js';
import { randomBytes } from 'node:crypto';

const PATH = '/v1.0/traces/ws';
const TRY_AGAIN_LATER = 1013;
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
  let closed = false;
  let overrun = false;
  /** Frames are answered in the encoding of the frame; credits in that of the last one. */
  let binary = false;

  const send = (document: object, asBinary: boolean): void => {
    if (closed) return;
    socket.send(asBinary ? encode(document, { ignoreUndefined: true }) : JSON.stringify(document));
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
    let seq: number | string | undefined;
    const withSeq = (document: object): object => ({ seq: seq ?? null, ...document });
    unansweredBytes += data.length;
    try {
      // The seq is read first: an answer without it could not be told apart.
      const frame = data.length === 0 ? undefined : readFrame(data, isBinary);
      seq = frame?.seq;
      if (unansweredBytes > credits.bytes && unansweredBytes > data.length) {
        overrun = true;
        throw new MplpError(
          'MPLP_ERR_TRACES_OVERLOADED',
          `More than ${credits.bytes} bytes are unanswered on this socket.`,
          { retryAfterSeconds: 1 },
        );
      }
      if (frame === undefined) throw new MplpError('MPLP_ERR_TRACES_EMPTY', 'The frame is empty.');
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
      send(withSeq(receipt), isBinary);
    } catch (error) {
      if (!(error instanceof MplpError)) log.error({ err: error }, 'a frame failed');
      const problem = toProblem(error, PATH, createRequestTraceId('', randomBytes));
      const retry =
        error instanceof MplpError && error.retryAfterSeconds !== undefined
          ? { retry_after_seconds: error.retryAfterSeconds }
          : {};
      send(withSeq({ error: { ...problem, ...retry } }), isBinary);
    } finally {
      unansweredBytes -= data.length;
      if (overrun) socket.close(TRY_AGAIN_LATER, 'more was sent than the credits allow');
    }
  }

  return {
    message(data, isBinary) {
      if (overrun) return;
      binary = isBinary;
      void take(data, isBinary);
    },
    drain() {},
    closed() {
      closed = true;
      clearInterval(timer);
    },
  };
}
