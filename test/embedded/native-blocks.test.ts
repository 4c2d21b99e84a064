import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNativeRewriter } from '#dist/embedded/clickhouse/native-blocks.js';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.js';

const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
/** Values of the types that clients decode, for a row `number`. */
const VALUES = [
  'toUInt8(number)',
  'toInt16(number)',
  'toUInt32(number)',
  'toInt64(number)',
  'toUInt128(number)',
  'toInt256(number)',
  'toFloat32(number)',
  'toFloat64(number)',
  'number % 2 = 0',
  'toBFloat16(number)',
  'toString(number)',
  "repeat('x', number * 100)",
  "toFixedString('abc', 5)",
  "''",
  'today()',
  'toDate32(today())',
  'now()',
  'now64(9)',
  "toDateTime64('2026-01-01 00:00:00', 3, 'Europe/Berlin')",
  'generateUUIDv4()',
  "toIPv4('1.2.3.4')",
  "toIPv6('::1')",
  'toIntervalDay(number)',
  'toDecimal32(number, 2)',
  'toDecimal64(number, 2)',
  'toDecimal128(number, 2)',
  'toDecimal256(number, 2)',
  "CAST(number % 2 + 1, 'Enum8(\\'a, (b\\' = 1, \\'c\\' = 2)')",
  "CAST('x', 'Enum16(\\'x\\' = 1000)')",
  'toNullable(number)',
  'if(number % 2 = 0, NULL, toString(number))',
  'NULL',
  'range(number)',
  'arrayMap(x -> range(x), range(number))',
  '[]',
  "arrayMap(x -> if(x % 2 = 0, NULL, 'odd'), range(number))",
  'toLowCardinality(toString(number % 3))',
  "CAST(if(number % 2 = 0, NULL, 'x'), 'LowCardinality(Nullable(String))')",
  "CAST([], 'Array(LowCardinality(String))')",
  'arrayMap(x -> toLowCardinality(toString(x)), range(number))',
  "map('a', number, 'b', 2)",
  "CAST(map(), 'Map(LowCardinality(String), Array(UInt8))')",
  "map(toLowCardinality('k'), toLowCardinality(toString(number)))",
  "(number, 'text')",
  "CAST((1, ['a']), 'Tuple(`odd name` UInt8, list Array(LowCardinality(String)))')",
  "CAST([(1, 'a')], 'Nested(n UInt8, s String)')",
  '(1.5, 2.5)::Point',
  '[[(1., 2.), (3., 4.)]]::Polygon',
];

describe('Native for a protocol version', () => {
  let clickhouse: TestClickHouse;
  beforeAll(async () => {
    clickhouse = await startTestClickHouse();
  });
  afterAll(() => clickhouse.close());

  const ask = (sql: string, version?: number, settings = ''): Promise<Response> =>
    fetch(
      `${clickhouse.server.url}/?default_format=Native${settings}${version === undefined ? '' : `&client_protocol_version=${version}`}`,
      {
        method: 'POST',
        headers: {
          'x-clickhouse-user': clickhouse.server.username,
          'x-clickhouse-key': clickhouse.server.password,
        },
        body: sql,
      },
    );
  const bytes = async (response: Response): Promise<Buffer> => {
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };
  /** Texts as Native writes them. */
  const written = (text: string): Buffer => {
    const size = Buffer.byteLength(text);
    return Buffer.concat([
      Buffer.from(size < 128 ? [size] : [(size & 0x7f) | 0x80, size >> 7]),
      Buffer.from(text),
    ]);
  };

  /** The bytes for version 0 with what the version adds, found by the heads of the columns alone. */
  async function expected(sql: string, plain: Buffer, hasSerialization: boolean): Promise<Buffer> {
    const described = await clickhouse
      .client()
      .query({ query: `DESCRIBE (${sql}) SETTINGS print_pretty_type_names = 0`, format: 'JSONEachRow' });
    const out: Buffer[] = [BLOCK_INFO];
    let from = 0;
    for (const { name, type } of await described.json<{ name: string; type: string }>()) {
      const head = Buffer.concat([written(name), written(type)]);
      const end = plain.indexOf(head, from) + head.length;
      expect(end, `${name} ${type}`).toBeGreaterThanOrEqual(from + head.length);
      out.push(plain.subarray(from, end));
      if (hasSerialization) out.push(Buffer.from([0]));
      from = end;
    }
    return Buffer.concat([...out, plain.subarray(from)]);
  }

  it.each([1, 7])(
    'has the facts of blocks and columns in their places, for %i rows of every type',
    async (rows) => {
      const sql = `SELECT ${VALUES.map((value, index) => `${value} AS column_${index}`).join(', ')}, 'end' AS last FROM numbers(${rows})`;
      // Values that differ from one run to the next would not compare.
      const fixed = sql
        .replace('generateUUIDv4()', "toUUID('0b111111-1111-4111-8111-111111111111')")
        .replace('now64(9)', "toDateTime64('2026-01-01 00:00:00', 9)")
        .replace('now()', "toDateTime('2026-01-01 00:00:00')");
      const plain = await bytes(await ask(fixed));
      for (const [version, hasSerialization] of [
        [54488, true],
        [54405, false],
      ] as const) {
        const response = await bytes(await ask(fixed, version));
        expect(response.equals(await expected(fixed, plain, hasSerialization)), `version ${version}`).toBe(
          true,
        );
      }
      expect((await bytes(await ask(fixed, 0))).equals(plain)).toBe(true);
    },
  );

  it('is the same in however small pieces it comes', async () => {
    const plain = await bytes(
      await ask(
        "SELECT number, toString(number) AS text, [toLowCardinality('x')] AS list FROM numbers(300)",
        undefined,
        '&max_block_size=100',
      ),
    );
    const whole = createNativeRewriter(54488).push(plain);
    expect(whole.indexOf(BLOCK_INFO, 1)).toBeGreaterThan(0);
    for (const size of [1, 7, 1000]) {
      const rewriter = createNativeRewriter(54488);
      const pieces: Buffer[] = [];
      for (let at = 0; at < plain.length; at += size)
        pieces.push(rewriter.push(plain.subarray(at, at + size)));
      expect(Buffer.concat(pieces).equals(whole), `pieces of ${size}`).toBe(true);
    }
  });

  it('is empty when there is no row', async () => {
    expect(await bytes(await ask('SELECT 1 AS n WHERE 0', 54488))).toHaveLength(0);
  });

  it('is refused for what cannot be measured, and for what is not an insert or query in HTTP compression', async () => {
    const refusals = [
      await ask('SELECT sumState(number) FROM numbers(3)', 54488),
      await ask('SELECT 1', undefined, '&compress=1'),
      await ask('SELECT 1', undefined, '&decompress=1'),
      await fetch(clickhouse.server.url, {
        method: 'POST',
        headers: {
          'x-clickhouse-user': clickhouse.server.username,
          'x-clickhouse-key': clickhouse.server.password,
          'content-encoding': 'lz4',
        },
        body: 'SELECT 1',
      }),
    ];
    for (const refusal of refusals) {
      expect([refusal.status, refusal.headers.get('x-clickhouse-exception-code')]).toEqual([501, '48']);
      expect(await refusal.text()).toContain('not supported');
    }
  });
});
