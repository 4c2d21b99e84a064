import { ClickHouseError } from '@clickhouse/client';

/**
 * What to do after a failed statement. `retry`: down, overloaded, timed out, reply lost: later, unchanged.
 * `operator`: later too, but somebody must act first. `poison`: this content will never be taken.
 */
export type ErrorClass = 'retry' | 'operator' | 'poison';

/**
 * ClickHouse's codes by its own names. What is not here is tried again: nothing is lost by that, and what keeps
 * failing while other inserts go in is bisected all the same. LOGICAL_ERROR (49) stays out on purpose: it may come
 * after a part was written, and parts must not be cut anew before that is known.
 */
export const errorCodes = {
  /** Of the rows: values that cannot be read, converted or kept. */
  poison: {
    CANNOT_PARSE_TEXT: 6,
    SIZES_OF_COLUMNS_DOESNT_MATCH: 9,
    CANNOT_PARSE_ESCAPE_SEQUENCE: 25,
    CANNOT_PARSE_QUOTED_STRING: 26,
    CANNOT_PARSE_INPUT_ASSERTION_FAILED: 27,
    CANNOT_READ_ALL_DATA: 33,
    CANNOT_PARSE_DATE: 38,
    CANNOT_PARSE_DATETIME: 41,
    ARGUMENT_OUT_OF_BOUND: 69,
    CANNOT_CONVERT_TYPE: 70,
    CANNOT_PARSE_NUMBER: 72,
    INCORRECT_DATA: 117,
    TOO_LARGE_ARRAY_SIZE: 128,
    CANNOT_READ_ARRAY_FROM_TEXT: 130,
    TOO_LARGE_STRING_SIZE: 131,
    SIZES_OF_ARRAYS_DONT_MATCH: 190,
    INVALID_PARTITION_VALUE: 248,
    VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE: 321,
    CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN: 349,
    CANNOT_PARSE_UUID: 376,
    DECIMAL_OVERFLOW: 407,
    CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING: 441,
    CANNOT_PARSE_BOOL: 467,
    VIOLATED_CONSTRAINT: 469,
    CANNOT_READ_MAP_FROM_TEXT: 563,
    TOO_MANY_PARTITIONS: 565,
    UNEXPECTED_DATA_AFTER_PARSED_VALUE: 632,
    NUMBER_OF_DIMENSIONS_MISMATCHED: 645,
    CANNOT_PARSE_IPV4: 675,
    CANNOT_PARSE_IPV6: 676,
    UNKNOWN_ELEMENT_OF_ENUM: 691,
  },
  /** Credentials, rights, missing or different tables, read-only or full servers, settings. */
  operator: {
    THERE_IS_NO_COLUMN: 8,
    NOT_FOUND_COLUMN_IN_BLOCK: 10,
    NO_SUCH_COLUMN_IN_TABLE: 16,
    NUMBER_OF_COLUMNS_DOESNT_MATCH: 20,
    ILLEGAL_COLUMN: 44,
    UNKNOWN_FUNCTION: 46,
    UNKNOWN_IDENTIFIER: 47,
    UNKNOWN_TYPE: 50,
    TYPE_MISMATCH: 53,
    UNKNOWN_TABLE: 60,
    SYNTAX_ERROR: 62,
    UNKNOWN_FORMAT: 73,
    UNKNOWN_DATABASE: 81,
    UNKNOWN_SETTING: 115,
    READONLY: 164,
    UNKNOWN_USER: 192,
    WRONG_PASSWORD: 193,
    REQUIRED_PASSWORD: 194,
    IP_ADDRESS_NOT_ALLOWED: 195,
    QUOTA_EXCEEDED: 201,
    TABLE_IS_READ_ONLY: 242,
    NOT_ENOUGH_SPACE: 243,
    DATABASE_ACCESS_DENIED: 291,
    QUERY_IS_PROHIBITED: 392,
    SETTING_CONSTRAINT_VIOLATION: 452,
    INVALID_SETTING_VALUE: 471,
    READONLY_SETTING: 472,
    ACCESS_DENIED: 497,
    UNKNOWN_ROLE: 511,
    AUTHENTICATION_FAILED: 516,
    USER_EXPIRED: 720,
    DEDUPLICATION_IS_NOT_POSSIBLE: 764,
    REQUIRED_SECOND_FACTOR: 767,
    TABLE_IS_PERMANENTLY_READ_ONLY: 774,
  },
} as const satisfies Partial<Record<ErrorClass, Readonly<Record<string, number>>>>;

const TOO_MANY_PARTS = 252;
const poison = new Set<number>(Object.values(errorCodes.poison));
const operator = new Set<number>(Object.values(errorCodes.operator));
/** Answers of a proxy that waiting does not change: no access, no such place, body too large. */
const operatorStatus = new Set([401, 403, 404, 407, 413]);

/** A refusal without an exception of ClickHouse: something between it and the engine answered. */
export class HttpRefusal extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(`HTTP status ${status}: ${text.slice(0, 1000)}`);
  }
}

/** The code of ClickHouse's exception; `undefined` when no server spoke (socket errors, timeouts, proxies). */
export function clickHouseCode(error: unknown): number | undefined {
  if (!(error instanceof ClickHouseError)) return undefined;
  const code = Number(error.code);
  return Number.isInteger(code) ? code : undefined;
}

export function classifyClickHouseError(error: unknown): ErrorClass {
  if (error instanceof HttpRefusal) return operatorStatus.has(error.status) ? 'operator' : 'retry';
  const code = clickHouseCode(error);
  if (code === undefined) return 'retry';
  // Two errors: too many parts in the table, which passes, and too many partitions in one block, which this content
  // always has. The first speaks of partitions, too: "Too many parts (…) in all partitions in total".
  if (code === TOO_MANY_PARTS)
    return /too many partitions/i.test((error as Error).message) ? 'poison' : 'retry';
  if (poison.has(code)) return 'poison';
  return operator.has(code) ? 'operator' : 'retry';
}
