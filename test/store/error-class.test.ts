import { ClickHouseError, parseError } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  classifyClickHouseError,
  errorCodes,
  HttpRefusal,
  type ErrorClass,
} from '#dist/store/clickhouse/index.js';
import { startTestClickHouse, type TestClickHouse } from '../embedded/embedded-clickhouse.js';

/** As ClickHouse words them. */
const exceptions: readonly [verdict: ErrorClass, code: number, text: string][] = [
  ['retry', 3, 'Unexpected end of file. (UNEXPECTED_END_OF_FILE)'],
  ['retry', 49, 'Trying to get name of not a column. (LOGICAL_ERROR)'],
  ['retry', 74, 'Cannot read from file descriptor. (CANNOT_READ_FROM_FILE_DESCRIPTOR)'],
  ['retry', 159, 'Timeout exceeded: elapsed 60.1 seconds, maximum: 60. (TIMEOUT_EXCEEDED)'],
  ['retry', 173, 'Cannot allocate memory. (CANNOT_ALLOCATE_MEMORY)'],
  ['retry', 202, 'Too many simultaneous queries. Maximum: 100. (TOO_MANY_SIMULTANEOUS_QUERIES)'],
  ['retry', 209, 'Timeout exceeded while reading from socket. (SOCKET_TIMEOUT)'],
  ['retry', 210, 'Connection refused. (NETWORK_ERROR)'],
  ['retry', 225, 'Cannot get ZooKeeper. (NO_ZOOKEEPER)'],
  ['retry', 236, 'Shutdown is called for table. (ABORTED)'],
  ['retry', 241, 'Memory limit (total) exceeded: would use 4.1 GiB. (MEMORY_LIMIT_EXCEEDED)'],
  ['retry', 252, 'Too many parts (3000 with average size of 1.00 KiB) in table. (TOO_MANY_PARTS)'],
  [
    'retry',
    252,
    "Too many parts (100001) in all partitions in total in table 'mplp.spans'. (TOO_MANY_PARTS)",
  ],
  ['retry', 285, 'Number of alive replicas (1) is less than requested quorum (2). (TOO_FEW_LIVE_REPLICAS)'],
  ['retry', 319, 'Unknown quorum status. (UNKNOWN_STATUS_OF_INSERT)'],
  ['retry', 745, 'CPU is overloaded. (SERVER_OVERLOADED)'],
  ['retry', 999, 'Session expired. (KEEPER_EXCEPTION)'],
  ['retry', 1001, 'std::exception. (STD_EXCEPTION)'],
  ['retry', 99_999, 'An error of a later version. (SOMETHING_NEW)'],
  ['operator', 16, 'There is no column with name tags in table mplp.span_intake. (NO_SUCH_COLUMN_IN_TABLE)'],
  ['operator', 53, 'Type mismatch for column 1. (TYPE_MISMATCH)'],
  ['operator', 60, 'Table mplp.span_intake does not exist. (UNKNOWN_TABLE)'],
  ['operator', 81, 'Database mplp does not exist. (UNKNOWN_DATABASE)'],
  ['operator', 115, 'Unknown setting insert_deduplication_token. (UNKNOWN_SETTING)'],
  ['operator', 164, 'Cannot execute query in readonly mode. (READONLY)'],
  ['operator', 242, 'Table is in readonly mode: replica_path=/x. (TABLE_IS_READ_ONLY)'],
  ['operator', 243, 'Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)'],
  ['operator', 497, 'mplp: Not enough privileges. (ACCESS_DENIED)'],
  ['operator', 516, 'default: Authentication failed. (AUTHENTICATION_FAILED)'],
  ['poison', 6, 'Cannot parse string. (CANNOT_PARSE_TEXT)'],
  ['poison', 33, 'Cannot read all data. Bytes read: 10. Bytes expected: 16. (CANNOT_READ_ALL_DATA)'],
  ['poison', 41, 'Cannot parse datetime. (CANNOT_PARSE_DATETIME)'],
  ['poison', 117, 'Incorrect data. (INCORRECT_DATA)'],
  ['poison', 252, 'Too many partitions for single INSERT block (more than 100). (TOO_MANY_PARTS)'],
  ['poison', 321, 'Value is out of range. (VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE)'],
  ['poison', 376, 'Cannot parse UUID x. (CANNOT_PARSE_UUID)'],
  ['poison', 407, 'Decimal math overflow. (DECIMAL_OVERFLOW)'],
  ['poison', 469, 'Constraint c for table t is violated. (VIOLATED_CONSTRAINT)'],
  ['poison', 565, 'Too many partitions for single INSERT block. (TOO_MANY_PARTITIONS)'],
  ['poison', 691, 'Unknown element 9 for enum. (UNKNOWN_ELEMENT_OF_ENUM)'],
];

describe('the class of an error', () => {
  it.each(exceptions)('is %s for ClickHouse exception %i: %s', (verdict, code, text) => {
    const error = parseError(`Code: ${code}. DB::Exception: ${text} (version 26.7.2.1)`);
    expect(error).toBeInstanceOf(ClickHouseError);
    expect(classifyClickHouseError(error)).toBe(verdict);
  });

  it.each([
    ['retry', 429],
    ['retry', 500],
    ['retry', 502],
    ['retry', 503],
    ['retry', 504],
    ['operator', 401],
    ['operator', 403],
    ['operator', 404],
    ['operator', 413],
  ] as const)('is %s for a proxy that answers %i', (verdict, status) => {
    expect(classifyClickHouseError(new HttpRefusal(status, '<html>no</html>'))).toBe(verdict);
  });

  it('is retry when nobody answered', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    for (const error of [reset, new DOMException('too late', 'TimeoutError'), undefined, 'text'])
      expect(classifyClickHouseError(error)).toBe('retry');
  });

  it('is given once to each code', () => {
    const codes = Object.values(errorCodes).flatMap((names) => Object.values<number>(names));
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes).not.toContain(252);
  });
});

describe('ClickHouse itself', () => {
  let clickhouse: TestClickHouse;
  beforeAll(async () => {
    clickhouse = await startTestClickHouse();
  });
  afterAll(() => clickhouse.close());

  it('has the codes under these names', async () => {
    const known = Object.assign({}, ...Object.values(errorCodes)) as Record<string, number>;
    const rows = await clickhouse.client().query({
      query:
        'SELECT code, errorCodeToName(code) AS name FROM (SELECT arrayJoin({codes:Array(Int32)}) AS code)',
      query_params: { codes: Object.values(known) },
      format: 'JSONEachRow',
    });
    const names = await rows.json<{ code: number; name: string }>();
    expect(Object.fromEntries(names.map(({ code, name }) => [name, code]))).toEqual(known);
  });

  it.each([
    ['CANNOT_PARSE_UUID or its kin', `SELECT toUUID(materialize('x'))`],
    ['UNKNOWN_ELEMENT_OF_ENUM', `SELECT CAST(materialize(9), 'Enum8(\\'a\\' = 1)')`],
    ['UNKNOWN_ELEMENT_OF_ENUM', `SELECT CAST(materialize('b'), 'Enum8(\\'a\\' = 1)')`],
    ['CANNOT_PARSE_DATETIME', `SELECT toDateTime(materialize('yesterday'))`],
    [
      'DECIMAL_OVERFLOW',
      `SELECT toDateTime64(materialize('9999-01-01 00:00:00'), 9, 'UTC') + toIntervalYear(400)`,
    ],
    ['TOO_LARGE_STRING_SIZE', `SELECT toFixedString(materialize('long'), 2)`],
  ])('calls %s what is poison here', async (_name, query) => {
    const failing = clickhouse.client().query({ query, format: 'JSONEachRow' });
    const error = await failing.then((result) => result.text()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ClickHouseError);
    expect(classifyClickHouseError(error), String(error)).toBe('poison');
  });
});
