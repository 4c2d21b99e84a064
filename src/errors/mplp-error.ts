import { errorTable, type ErrorCode } from './table.js';

/** One fault in a document: where (RFC 6901 JSON pointer), which rule, and what to do about it. */
export interface FieldError {
  readonly pointer: string;
  /** The JSON Schema keyword, or a rule of the protocol page (`duplicateKey`, `timeWindow`, …). */
  readonly keyword: string;
  readonly message: string;
}

export interface MplpErrorOptions {
  readonly cause?: unknown;
  readonly errors?: readonly FieldError[];
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Further members of the problem document (RFC 9457 section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** The one error class. Match on `code`, never on the message. */
export class MplpError extends Error {
  override readonly name = 'MplpError';
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, detail: string, options: MplpErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extensions = options.extensions;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}
