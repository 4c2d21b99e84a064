import { MplpError } from '../../errors/index.js';

/**
 * What an error means for the caller.
 * `unavailable`: Postgres does not answer or cannot work now; when it hit a COMMIT, the outcome is not known.
 * `conflict`: the transaction lost against another one; the same work may succeed when it runs again.
 * `refused`: Postgres is there and said no.
 */
export type PostgresErrorClass = 'unavailable' | 'conflict' | 'refused';

/** Codes of Node and of the driver for connections that are gone or never came to be. */
const connectionCodes: ReadonlySet<string> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EMFILE',
]);

/**
 * SQLSTATEs, by prefix, of a server that is there but cannot work now: connection exceptions, wrong credentials or
 * database, a standby, out of resources, cancelled or waiting too long, shutting down, input or output errors.
 */
const unavailableStates = ['08', '28', '3D', '25006', '53', '57', '55P03', '58'];
const conflictStates = ['40001', '40P01'];

/** Retry-After of a problem, in seconds. An embedded server that died is back within this time. */
const RETRY_AFTER_SECONDS = 2;

/** SQLSTATE or code of Node or the driver; `undefined` for anything else that was thrown. */
export function postgresCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

export function classifyPostgresError(error: unknown): PostgresErrorClass {
  const code = postgresCode(error);
  if (code === undefined) return 'refused';
  if (connectionCodes.has(code)) return 'unavailable';
  if (conflictStates.includes(code)) return 'conflict';
  return /^[0-9A-Z]{5}$/.test(code) && unavailableStates.some((state) => code.startsWith(state))
    ? 'unavailable'
    : 'refused';
}

/**
 * Postgres itself said that it has undone the statement: there is nothing to find out. Not so for what ends a session (`FATAL`),
 * which may come after the statement was committed.
 */
export function isRolledBack(error: unknown): boolean {
  return (error as { severity?: unknown } | undefined)?.severity === 'ERROR';
}

/** The server that a connection leads to has become a standby: another connection may lead to the one that took over. */
export function isFromStandby(error: unknown): boolean {
  return postgresCode(error) === '25006';
}

/**
 * Turns errors of class `unavailable` and `conflict` into the problem that clients know; leaves the others alone.
 *
 * @param consequence what it means for the request, where that is known.
 */
export function toStoreError(error: unknown, consequence = ''): unknown {
  const kind = classifyPostgresError(error);
  if (error instanceof MplpError || kind === 'refused') return error;
  const reason = kind === 'conflict' ? 'is too busy with the same rows' : 'does not answer';
  return storeUnavailable(`Postgres ${reason} (${postgresCode(error)})${consequence}.`, error);
}

/** A 503 with Retry-After. */
export function storeUnavailable(
  detail: string,
  cause?: unknown,
  extensions?: Readonly<Record<string, unknown>>,
): MplpError {
  return new MplpError('MPLP_ERR_STORE_UNAVAILABLE', detail, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    ...(cause === undefined ? {} : { cause }),
    ...(extensions === undefined ? {} : { extensions }),
  });
}
