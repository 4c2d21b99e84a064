import { MplpError } from '../../errors/index.js';

const RETRY_AFTER_SECONDS = 1;

export interface QuerySlots {
  /**
   * Takes one of the slots; call what comes back when the query is over, more than once does no harm.
   *
   * @throws MplpError MPLP_ERR_QUERY_OVERLOADED when all are taken
   */
  take(): () => void;
}

/** Bounds the queries that run at a time. No queue: a client that waits would only time out later. */
export function createQuerySlots(maxConcurrent: number): QuerySlots {
  let taken = 0;
  return {
    take() {
      if (taken >= maxConcurrent)
        throw new MplpError(
          'MPLP_ERR_QUERY_OVERLOADED',
          `${maxConcurrent} queries run already, as many as may run at a time.`,
          { retryAfterSeconds: RETRY_AFTER_SECONDS },
        );
      taken += 1;
      let isReleased = false;
      return () => {
        if (!isReleased) taken -= 1;
        isReleased = true;
      };
    },
  };
}
