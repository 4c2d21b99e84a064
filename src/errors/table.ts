/**
 * Every error the engine can answer with, in one table: code, HTTP status, title, whether the same request
 * may succeed later. Codes are `MPLP_ERR_<AREA>_<WHAT>`; the area is the folder that raises it.
 */
export interface ErrorKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

const kind = (status: number, title: string, retryable = false): ErrorKind => ({ status, title, retryable });

export const errorTable = {
  MPLP_ERR_CONFIG_INVALID: kind(500, 'The configuration is not valid'),
  MPLP_ERR_NATIVE_UNAVAILABLE: kind(500, 'The native addon cannot be loaded'),
  MPLP_ERR_HTTP_BAD_REQUEST: kind(400, 'The request is not valid'),
  MPLP_ERR_HTTP_NOT_FOUND: kind(404, 'No such resource'),
  MPLP_ERR_HTTP_METHOD_NOT_ALLOWED: kind(405, 'The resource does not take this method'),
  MPLP_ERR_HTTP_NOT_ACCEPTABLE: kind(406, 'None of the accepted content types can be produced'),
  MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE: kind(415, 'The content type or encoding is not supported'),
  MPLP_ERR_HTTP_PRECONDITION_FAILED: kind(412, 'The resource has changed since it was read'),
  MPLP_ERR_HTTP_BODY_TOO_LARGE: kind(413, 'The body is larger than the limit'),
  MPLP_ERR_HTTP_TIMEOUT: kind(408, 'The request was not completed in time', true),
  MPLP_ERR_HTTP_IDEMPOTENCY_MISMATCH: kind(422, 'The idempotency key was used with another body'),
  MPLP_ERR_HTTP_UPGRADE_REQUIRED: kind(426, 'The resource is spoken to over a WebSocket'),
  MPLP_ERR_HTTP_INTERNAL: kind(500, 'The engine failed to handle the request', true),
  MPLP_ERR_SECURITY_UNAUTHENTICATED: kind(401, 'The request carries no valid credentials'),
  MPLP_ERR_SECURITY_FORBIDDEN: kind(403, 'The credentials do not allow this action'),
  MPLP_ERR_SECURITY_OVERLOADED: kind(429, 'Too many unknown keys are being looked up', true),
  MPLP_ERR_TRACES_INVALID: kind(400, 'No span in the request is valid'),
  MPLP_ERR_TRACES_MALFORMED: kind(400, 'The body cannot be read as the content type says'),
  MPLP_ERR_TRACES_EMPTY: kind(400, 'The request holds no span'),
  MPLP_ERR_TRACES_NOT_FOUND: kind(404, 'No such trace'),
  MPLP_ERR_TRACES_RECEIPT_NOT_FOUND: kind(404, 'No such receipt'),
  MPLP_ERR_TRACES_OVERLOADED: kind(429, 'The engine takes in less than is being sent', true),
  MPLP_ERR_TRACES_SPOOL_FULL: kind(429, 'The spool is full', true),
  MPLP_ERR_TRACES_SPOOL_FAILED: kind(503, 'The spool cannot make spans durable', true),
  MPLP_ERR_TRACES_SPOOL_LOCKED: kind(503, 'Another engine uses this spool'),
  MPLP_ERR_TRACES_DRAINING: kind(503, 'The engine is shutting down', true),
  MPLP_ERR_TRACES_TAIL_LIMIT: kind(429, 'Too many different live-tail filters are in use', true),
  MPLP_ERR_STORE_UNAVAILABLE: kind(503, 'A database cannot be reached', true),
  MPLP_ERR_STORE_SETTINGS: kind(503, 'ClickHouse does not run with the settings the engine relies on'),
  MPLP_ERR_STORE_SCHEMA: kind(503, 'The tables in Postgres are not those this engine works with'),
  MPLP_ERR_EVENTS_CURSOR_GONE: kind(410, 'Events after the cursor are no longer kept'),
  MPLP_ERR_EVENTS_LIMIT: kind(429, 'Too many readers follow events', true),
  MPLP_ERR_WEBHOOKS_NOT_FOUND: kind(404, 'No such webhook'),
  MPLP_ERR_WEBHOOKS_LIMIT: kind(422, 'The project has no room for the webhook'),
  MPLP_ERR_QUERY_INVALID: kind(400, 'The query is not valid'),
  MPLP_ERR_QUERY_FORBIDDEN: kind(403, 'The query may not read this'),
  MPLP_ERR_QUERY_LIMIT: kind(422, 'The query exceeds a limit'),
  MPLP_ERR_QUERY_OVERLOADED: kind(429, 'Too many queries run at a time', true),
  MPLP_ERR_PROTOCOL_MALFORMED: kind(400, 'The document cannot be read'),
  MPLP_ERR_PROTOCOL_INVALID: kind(400, 'The documents do not allow this operation'),
  MPLP_ERR_PROTOCOL_LIMIT: kind(422, 'The operation exceeds a limit'),
  MPLP_ERR_PROTOCOL_OVERLOADED: kind(429, 'Too many documents wait to be worked on', true),
  MPLP_ERR_PROTOCOL_SCHEMA_INVALID: kind(400, 'The schema cannot be registered'),
  MPLP_ERR_PROTOCOL_SCHEMA_CONFLICT: kind(409, 'Another schema has this id'),
  MPLP_ERR_PROTOCOL_SCHEMA_LIMIT: kind(422, 'The registry has no room for the schema'),
  MPLP_ERR_PROTOCOL_SCHEMA_NOT_FOUND: kind(404, 'No such schema'),
  MPLP_ERR_MODULES_INVALID: kind(400, 'The document is not valid'),
  MPLP_ERR_MODULES_NOT_FOUND: kind(404, 'No such document'),
  MPLP_ERR_MODULES_ID_TAKEN: kind(409, 'Another document has this id'),
  MPLP_ERR_MODULES_TRANSITION: kind(409, 'The document cannot go from its state to that one'),
  MPLP_ERR_MODULES_CONFLICT: kind(409, 'The change does not agree with other documents'),
  MPLP_ERR_MODULES_READ_ONLY: kind(409, 'The document is part of the engine and cannot be changed'),
  MPLP_ERR_MODULES_LIMIT: kind(422, 'The document exceeds a limit'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;
