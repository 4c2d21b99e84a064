import type { HttpResponse } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Authorizer, HttpReply, Principal } from './contract.js';
import type { Exchange } from './exchange.js';
import { holdBody } from './hold-body.js';
import type { IngestRoute } from './ingest-contract.js';
import { credentialsOf, type RequestHead } from './request-head.js';
import { parseQuery } from './request-target.js';

/** A body that is not complete after this is cut, however slowly it drips. */
export const BODY_DEADLINE_MS = 60_000;
/** The rest of a refused body is read up to here, so that the connection stays usable for the retry. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

/** What the server does for every request. */
export interface Serving {
  readonly authorizer: Authorizer;
  finish(exchange: Exchange, reply: HttpReply, head: RequestHead): void;
  /** Counts a reply that was streamed; `finish` does so for all others. */
  count(reply: HttpReply, head: RequestHead): void;
  /** @param reply what the client gets; a problem document unless given */
  fail(exchange: Exchange, error: unknown, head: RequestHead, close: boolean, reply?: () => HttpReply): void;
  /** Counts a request that is under way; gives what ends that. */
  track(exchange: Exchange): () => void;
}

export interface IngestCall {
  readonly response: HttpResponse;
  readonly exchange: Exchange;
  readonly head: RequestHead;
  readonly contentLength: number;
  readonly queryText: string;
}

/**
 * One request whose body is handed to its route as it comes. At once when it is known who asks, so that nothing is copied;
 * else the body waits.
 */
export function serveIngest(serving: Serving, route: IngestRoute, call: IngestCall): void {
  const { response, exchange, head, contentLength, queryText } = call;
  const { authorizer, finish, fail, track } = serving;
  const { headers } = head;
  const failWith = route.fail;
  const contentType = headers.get('content-type') ?? '';
  const end = track(exchange);
  let receiver: ReturnType<IngestRoute['open']> | undefined;
  let failed = false;
  const answer = (error: unknown, close: boolean): void =>
    fail(exchange, error, head, close, failWith && (() => failWith(error, contentType)));
  const refuse = (error: unknown): void => {
    failed = true;
    receiver?.drop();
    clearTimeout(deadline);
    // The rest of the body is still coming: answer, then cut the connection rather than read it all.
    answer(error, true);
    end();
  };
  const deadline = setTimeout(() => {
    if (!exchange.answered && !exchange.aborted && !failed)
      refuse(new MplpError('MPLP_ERR_HTTP_TIMEOUT', 'The body did not arrive in time.'));
  }, BODY_DEADLINE_MS);
  exchange.onAbort(() => {
    clearTimeout(deadline);
    receiver?.drop();
  });
  let opening: unknown;
  let discarded = 0;
  let patient = true;
  const refuseOpening = (error: unknown): void => {
    opening = error;
    patient = contentLength <= MAX_DISCARDED_BYTES && !(error instanceof MplpError && error.status === 413);
  };
  const open = (principal: Principal): void => {
    try {
      receiver = route.open({
        principal,
        contentType,
        contentEncoding: headers.get('content-encoding') ?? '',
        contentLength,
        idempotencyKey: headers.get('idempotency-key') ?? '',
        query: parseQuery(queryText),
      });
    } catch (error) {
      refuseOpening(error);
    }
  };
  const take = (chunk: Uint8Array, isLast: boolean): void => {
    if (failed || exchange.aborted) return;
    if (opening !== undefined) {
      discarded += chunk.byteLength;
      if (isLast) {
        failed = true;
        clearTimeout(deadline);
        answer(opening, false);
        end();
      } else if (!patient || discarded > MAX_DISCARDED_BYTES) refuse(opening);
      return;
    }
    try {
      (receiver as NonNullable<typeof receiver>).write(chunk);
    } catch (error) {
      refuse(error);
      return;
    }
    if (!isLast) return;
    clearTimeout(deadline);
    (receiver as NonNullable<typeof receiver>).end().then(
      (reply) => {
        finish(exchange, reply, head);
        end();
      },
      (error: unknown) => {
        answer(error, false);
        end();
      },
    );
  };
  let admitted: Principal | Promise<Principal> | undefined;
  try {
    admitted = authorizer.authorize(credentialsOf(headers), route.permission);
  } catch (error) {
    refuseOpening(error);
  }
  if (admitted instanceof Promise) {
    const held = holdBody(response, exchange);
    const openUnlessGone = (principal: Principal): void => {
      if (!exchange.aborted && !failed) open(principal);
    };
    admitted
      .then(openUnlessGone, refuseOpening)
      .then(() => held.release(take))
      .catch(refuse);
    return;
  }
  if (admitted !== undefined) open(admitted);
  response.onData((chunk, isLast) => take(new Uint8Array(chunk), isLast));
}
