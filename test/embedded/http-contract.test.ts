import { readdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ClickHouseError, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.js';

/** What any client of ClickHouse's HTTP interface may expect, asked through the official one. */
describe('the HTTP interface of the embedded ClickHouse', () => {
  let clickhouse: TestClickHouse;
  let client: ClickHouseClient;

  beforeAll(async () => {
    clickhouse = await startTestClickHouse();
    client = clickhouse.client();
    await client.command({ query: 'CREATE DATABASE contract' });
    client = clickhouse.client({ database: 'contract' });
    await client.command({
      query: 'CREATE TABLE numbers (n UInt64, s String) ENGINE = MergeTree ORDER BY n',
    });
  });
  afterAll(() => clickhouse.close());

  const text = async (format: string, query: string): Promise<string> => {
    const result = await client.exec({ query: `${query} FORMAT ${format}` });
    let out = '';
    for await (const chunk of result.stream) out += (chunk as Buffer).toString('latin1');
    return out;
  };

  it('answers a ping', async () => {
    expect(await client.ping()).toEqual({ success: true });
  });

  it('returns JSON with meta and rows', async () => {
    const result = await client.query({
      query: 'SELECT toUInt8(7) AS seven, [1, 2] AS list',
      format: 'JSON',
    });
    const document = await result.json<{ seven: number; list: number[] }>();
    expect(document.data).toEqual([{ seven: 7, list: [1, 2] }]);
    expect(document.meta?.map((column) => column.type)).toEqual(['UInt8', 'Array(UInt8)']);
    expect(document.rows).toBe(1);
  });

  it('streams JSONEachRow over many blocks', async () => {
    const result = await client.query({
      query: 'SELECT number FROM system.numbers LIMIT 300000',
      format: 'JSONEachRow',
    });
    let rows = 0;
    let last = '';
    for await (const chunk of result.stream<{ number: string }>()) {
      rows += chunk.length;
      last = chunk.at(-1)?.json().number ?? last;
    }
    expect(rows).toBe(300_000);
    expect(Number(last)).toBe(299_999);
  });

  it('returns an empty result in every format', async () => {
    for (const format of ['JSONEachRow', 'CSV', 'TabSeparated', 'Native']) {
      expect(await text(format, 'SELECT 1 WHERE 0'), format).toBe('');
    }
    expect(JSON.parse(await text('JSON', 'SELECT 1 AS x WHERE 0'))).toMatchObject({ data: [], rows: 0 });
  });

  it('returns CSV, Parquet and Native', async () => {
    expect(await text('CSV', "SELECT 1, 'a\"b'")).toBe('1,"a""b"\n');
    expect(await text('CSVWithNames', 'SELECT number AS n FROM numbers(200000)')).toMatch(/^"n"\n0\n1\n/);
    const parquet = await text('Parquet', 'SELECT number FROM numbers(100000)');
    expect(parquet.slice(0, 4)).toBe('PAR1');
    expect(parquet.slice(-4)).toBe('PAR1');
    expect(parquet.indexOf('PAR1', 4)).toBe(parquet.length - 4);
    expect(await text('Native', 'SELECT toUInt8(5) AS x')).toBe('\x01\x01\x01x\x05UInt8\x05');
  });

  it('binds parameters of many types', async () => {
    const result = await client.query({
      query:
        'SELECT {i:Int64} AS i, {s:String} AS s, {a:Array(String)} AS a, {d:DateTime64(3)} AS d, {n:Nullable(String)} IS NULL AS n',
      query_params: {
        i: -5,
        s: "it's \\ a\ttab\nand 'quotes'; DROP",
        a: ["x'y", 'z'],
        d: new Date('2026-01-02T03:04:05.678Z'),
        n: null,
      },
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ i: string | number }>();
    expect({ ...row, i: Number(row?.i) }).toEqual({
      i: -5,
      s: "it's \\ a\ttab\nand 'quotes'; DROP",
      a: ["x'y", 'z'],
      d: '2026-01-02 03:04:05.678',
      n: 1,
    });
  });

  it('inserts rows from arrays and from streams, and says how many', async () => {
    const { summary } = await client.insert({
      table: 'numbers',
      values: [{ n: 1, s: 'one' }],
      format: 'JSONEachRow',
    });
    expect(summary?.written_rows).toBe('1');
    async function* rows(): AsyncGenerator<{ n: number; s: string }> {
      for (let n = 2; n <= 50_000; n++) {
        yield { n, s: `row ${n}` };
        if (n % 10_000 === 0) await delay(1);
      }
    }
    await client.insert({ table: 'numbers', values: Readable.from(rows()), format: 'JSONEachRow' });
    const result = await client.query({
      query: 'SELECT count() AS c, sum(n) AS total, uniqExact(s) AS u FROM numbers',
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ c: string; total: string; u: string }>();
    expect([Number(row?.c), Number(row?.total), Number(row?.u)]).toEqual([50_000, 1_250_025_000, 50_000]);
  });

  it('inserts Native bytes with newlines in them', async () => {
    await client.command({ query: 'CREATE TABLE native (s String) ENGINE = MergeTree ORDER BY s' });
    const native = Buffer.from('\x01\x02\x01s\x06String\x03a\nb\x02\n\n', 'latin1');
    const result = await client.exec({
      query: 'INSERT INTO native FORMAT Native',
      values: Readable.from([native]),
    });
    for await (const _ of result.stream) void _;
    const rows = await client.query({ query: 'SELECT s FROM native ORDER BY s', format: 'JSONEachRow' });
    expect(await rows.json()).toEqual([{ s: '\n\n' }, { s: 'a\nb' }]);
  });

  it('takes a statement with its data in one body', async () => {
    await client.command({ query: "INSERT INTO numbers VALUES (900001, 'values')" });
    const response = await fetch(`${clickhouse.server.url}/?database=contract`, {
      method: 'POST',
      headers: {
        'x-clickhouse-user': clickhouse.server.username,
        'x-clickhouse-key': clickhouse.server.password,
      },
      body: 'INSERT INTO numbers FORMAT CSV\n900002,"from, csv"\n',
    });
    expect(response.status).toBe(200);
    const rows = await client.query({
      query: 'SELECT s FROM numbers WHERE n > 900000 ORDER BY n',
      format: 'JSONEachRow',
    });
    expect(await rows.json()).toEqual([{ s: 'values' }, { s: 'from, csv' }]);
  });

  it('answers errors with their code, type and status', async () => {
    const cases: [query: string, code: string, type: string][] = [
      ['SELECT * FROM nowhere', '60', 'UNKNOWN_TABLE'],
      ['SELECT 1 FROM', '62', 'SYNTAX_ERROR'],
      ["SELECT toUInt8('x')", '6', 'CANNOT_PARSE_TEXT'],
      ['SELECT throwIf(1)', '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
    ];
    for (const [query, code, type] of cases) {
      const error = await client.query({ query, format: 'JSONEachRow' }).then(
        (result) => result.json(),
        (cause: unknown) => cause,
      );
      expect(error, query).toBeInstanceOf(ClickHouseError);
      expect(error, query).toMatchObject({ code, type });
    }
    const response = await fetch(`${clickhouse.server.url}/?query=SELECT+*+FROM+nowhere`, {
      headers: {
        'x-clickhouse-user': clickhouse.server.username,
        'x-clickhouse-key': clickhouse.server.password,
      },
    });
    expect(response.status).toBe(404);
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('60');
  });

  it('takes no bare expression for a SELECT', async () => {
    await expect(client.query({ query: 'foobar' })).rejects.toMatchObject({
      code: '62',
      type: 'SYNTAX_ERROR',
    });
    await expect(client.query({ query: '1 + 1' })).rejects.toMatchObject({
      code: '62',
      message: expect.stringContaining('failed at position 1 (1)') as string,
    });
  });

  it.each([false, true])('tells an error in the middle of a result (compressed: %s)', async (compression) => {
    const reader = clickhouse.client({ compression });
    const result = await reader.query({
      query: "SELECT number, throwIf(number = 50000, 'boom') FROM system.numbers LIMIT 100000",
      format: 'JSONEachRow',
      clickhouse_settings: { max_block_size: '1000' },
    });
    let rows = 0;
    const reading = (async () => {
      for await (const chunk of result.stream()) rows += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({
      code: '395',
      message: expect.stringContaining('boom') as string,
    });
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(50_000);
  });

  const post = (
    path: string,
    body: string | FormData,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${clickhouse.server.url}/${path}`, {
      method: 'POST',
      headers: {
        'x-clickhouse-user': clickhouse.server.username,
        'x-clickhouse-key': clickhouse.server.password,
        ...headers,
      },
      body,
    });

  it('compresses errors where the client asks for it', async () => {
    const response = await post('?enable_http_compression=1', 'SELECT * FROM nowhere', {
      'accept-encoding': 'gzip',
    });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toContain('UNKNOWN_TABLE');
  });

  it('takes statement and parameters as a form', async () => {
    const form = new FormData();
    form.set('query', 'SELECT {n:UInt32} AS n, {s:String} AS s FORMAT JSONEachRow');
    form.set('param_n', '7');
    form.set('param_s', "it's");
    const response = await post('', form);
    expect(await response.json()).toEqual({ n: 7, s: "it's" });

    form.set('rows', new Blob(['1\n2\n']), 'rows');
    const refused = await post('', form);
    expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([501, '48']);
    const broken = await post('', '--x\r\nno form', { 'content-type': 'multipart/form-data; boundary=y' });
    expect(broken.status).toBe(400);
  });

  it('does not take a cut-off insert for a whole one', async () => {
    await client.command({ query: 'CREATE TABLE cut (n UInt64) ENGINE = MergeTree ORDER BY n' });
    async function* broken(): AsyncGenerator<{ n: number }> {
      for (let n = 0; n < 1000; n++) yield { n };
      await delay(50);
      throw new Error('the source broke');
    }
    await expect(
      client.insert({ table: 'cut', values: Readable.from(broken()), format: 'JSONEachRow' }),
    ).rejects.toThrow();
    await delay(300);
    const rows = await client.query({ query: 'SELECT count() AS c FROM cut', format: 'JSONEachRow' });
    expect(Number((await rows.json<{ c: string }>())[0]?.c)).toBe(0);
  });

  it('refuses wrong credentials with 516', async () => {
    const stranger = clickhouse.client({ password: 'wrong' });
    await expect(stranger.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
  });

  it('stops a query when its client goes away', async () => {
    const abort = new AbortController();
    const query = client.query({
      query: 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))',
      abort_signal: abort.signal,
    });
    const settled = query.catch((error: unknown) => error);
    await delay(300);
    abort.abort();
    expect(await settled).toBeInstanceOf(Error);
    const left = async (): Promise<number> => {
      const rows = await client.query({
        query: `SELECT count() AS c FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'`,
        format: 'JSONEachRow',
      });
      return Number((await rows.json<{ c: string }>())[0]?.c);
    };
    for (let i = 0; i < 100 && (await left()) > 0; i++) await delay(100);
    expect(await left()).toBe(0);
  });

  it('compresses both ways', async () => {
    const zipped = clickhouse.client({ database: 'contract', compression: true });
    await zipped.command({ query: 'CREATE TABLE zipped (s String) ENGINE = MergeTree ORDER BY s' });
    await zipped.insert({
      table: 'zipped',
      values: Array.from({ length: 1000 }, (_, i) => ({ s: `row ${i}` })),
      format: 'JSONEachRow',
    });
    const rows = await zipped.query({ query: 'SELECT s FROM zipped', format: 'JSONEachRow' });
    expect(await rows.json()).toHaveLength(1000);
  });

  it('keeps settings and readonly to the request that sets them', async () => {
    const result = await client.query({
      query: "SELECT getSetting('max_threads') AS t",
      format: 'JSONEachRow',
      clickhouse_settings: { max_threads: 3 },
    });
    expect(Number((await result.json<{ t: string }>())[0]?.t)).toBe(3);
    await expect(
      client.query({
        query: 'CREATE TABLE never (n UInt8) ENGINE = Memory',
        clickhouse_settings: { readonly: '1' },
      }),
    ).rejects.toMatchObject({ code: '164' });
    await client.command({ query: 'CREATE TABLE after (n UInt8) ENGINE = Memory' });
  });

  it.runIf(process.platform === 'linux')('lets merges give way to inserts and queries', async () => {
    const SCHED_IDLE = '5';
    const tasks = `/proc/${clickhouse.server.pid}/task`;
    const policies = () =>
      readdirSync(tasks)
        .filter((thread) => readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim() === 'MergeMutate')
        // Behind the name in parentheses, the policy is the 39th value (proc(5)).
        .map((thread) => readFileSync(`${tasks}/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ')[38]);
    await expect.poll(policies, { timeout: 10_000 }).toEqual(Array<string>(4).fill(SCHED_IDLE));
  });

  it('starts again on the same port when it is killed, and keeps what was stored', async () => {
    await client.insert({ table: 'numbers', values: [{ n: 777_777, s: 'kept' }], format: 'JSONEachRow' });
    const before = clickhouse.server.pid as number;
    process.kill(before, 'SIGKILL');
    let rows: unknown[] = [];
    for (let i = 0; i < 100 && rows.length === 0; i++) {
      await delay(100);
      rows = await client
        .query({ query: 'SELECT s FROM numbers WHERE n = 777777', format: 'JSONEachRow' })
        .then(
          (result) => result.json(),
          () => [],
        );
    }
    expect(rows).toEqual([{ s: 'kept' }]);
    expect(clickhouse.server.pid).not.toBe(before);
    expect(clickhouse.server.state).toBe('up');
  });
});
