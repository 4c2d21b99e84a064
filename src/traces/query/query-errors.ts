import { ClickHouseError } from '@clickhouse/client';
import { MplpError } from '../../errors/index.js';

/** Limits on rows, bytes, memory, time or set sizes. */
const LIMIT = new Set([158, 159, 160, 191, 241, 307, 396]);
const FORBIDDEN = new Set([164, 291, 452, 497]);
/** The store, not the statement, is at fault: network, disk, replicas, credentials, shutting down, cancelled. */
const STORE = new Set([
  3, 74, 75, 76, 192, 193, 194, 198, 202, 203, 209, 210, 225, 236, 242, 243, 279, 319, 394, 499, 516, 529,
  598, 609, 668, 999, 1000, 1001, 1002,
]);

/** What a failed statement of a user means for its sender. The text of ClickHouse goes out without what is ours. */
export function userSqlError(error: unknown): MplpError {
  if (error instanceof MplpError) return error;
  const code = error instanceof ClickHouseError ? Number(error.code) : Number.NaN;
  if (!Number.isInteger(code) || STORE.has(code)) return storeError(error);
  const detail = publicMessage((error as Error).message);
  const extensions = { clickhouse_code: code };
  if (LIMIT.has(code)) return new MplpError('MPLP_ERR_QUERY_LIMIT', detail, { cause: error, extensions });
  if (FORBIDDEN.has(code))
    return new MplpError('MPLP_ERR_QUERY_FORBIDDEN', detail, { cause: error, extensions });
  return new MplpError('MPLP_ERR_QUERY_INVALID', detail, { cause: error, extensions });
}

/** What a failed statement of the engine's own means for the request it served. */
export function ownSqlError(error: unknown): unknown {
  if (!(error instanceof ClickHouseError)) return error instanceof MplpError ? error : storeError(error);
  const code = Number(error.code);
  if (LIMIT.has(code))
    return new MplpError(
      'MPLP_ERR_QUERY_LIMIT',
      'The request needs more time or memory than one query may use.',
      {
        cause: error,
        extensions: { clickhouse_code: code },
      },
    );
  return STORE.has(code) ? storeError(error) : error;
}

function storeError(cause: unknown): MplpError {
  return new MplpError(
    'MPLP_ERR_STORE_UNAVAILABLE',
    'ClickHouse did not answer the query. Try again shortly.',
    {
      cause,
      retryAfterSeconds: 2,
    },
  );
}

/**
 * ClickHouse appends the whole statement (with our views in it), the step it was at and guesses of table names. All of
 * that starts at a few known phrases.
 */
function publicMessage(message: string): string {
  const text = message
    .replace(/^(?:Code: \d+\. )?(?:DB::Exception: )?/, '')
    .replace(/[:.]?\s*(?:In scope|While processing|While executing|While reading|Stack trace)\b[^]*$/i, '')
    .replace(/\.?\s*Maybe you meant\b[^]*$/i, '')
    .replace(/\s*\(version [^)]*\)\s*$/, '')
    .replace(/\s*\([A-Z_]+\)\s*$/, '')
    .replace(/__table\d+\./g, '')
    .trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
