import type { HttpResponse } from 'uWebSockets.js';
import type { Exchange } from './exchange.js';

/** A body that nobody takes yet. */
export interface HeldBody {
  /** Hands over what has come, and from now on what comes. Nothing when the client is gone. */
  release(take: (chunk: Uint8Array, isLast: boolean) => void): void;
}

/**
 * Stops reading from the client while it is being found out who it is. What uWS had read by then is kept: at most what it
 * reads from a socket at a time.
 */
export function holdBody(response: HttpResponse, exchange: Exchange): HeldBody {
  const chunks: [chunk: Uint8Array, isLast: boolean][] = [];
  let take = (chunk: Uint8Array, isLast: boolean): void => void chunks.push([chunk.slice(), isLast]);
  response.pause();
  response.onData((chunk, isLast) => take(new Uint8Array(chunk), isLast));
  return {
    release(to) {
      if (exchange.aborted || exchange.answered) return;
      // Nothing comes before this function has returned; afterwards the connection may be answered already.
      response.resume();
      take = to;
      for (const [chunk, isLast] of chunks.splice(0)) to(chunk, isLast);
    },
  };
}
