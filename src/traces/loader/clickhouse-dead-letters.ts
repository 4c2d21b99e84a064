import type { ClickHouseStore } from '../../store/clickhouse/index.js';
import type { DeadLetter, DeadLetterStore } from './contract.js';

interface Row {
  readonly id: string;
  readonly span_rows: string | number;
  readonly block_bytes: string | number;
  readonly error: string;
  readonly failed_at_ms: string | number;
}

/** Dead letters in ClickHouse's own table `dead_letters`, where they can be queried. */
export function createClickHouseDeadLetters(store: ClickHouseStore): DeadLetterStore {
  const { client } = store;
  let lastVersion = 0;
  /** Strictly increasing, so that a removal wins over the letter of the same millisecond. */
  const nextVersion = (): number => (lastVersion = Math.max(lastVersion + 1, Date.now()));
  const insert = (values: object): Promise<unknown> =>
    client.insert({
      table: 'dead_letters',
      values: [values],
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0 },
    });
  return {
    async put(letter, block) {
      await insert({
        id: letter.id,
        span_rows: letter.rows,
        block_bytes: letter.bytes,
        error: letter.error,
        failed_at: (letter.failedAtMs / 1000).toFixed(3),
        block: Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('base64'),
        version: nextVersion(),
        removed: 0,
      });
    },
    async list() {
      const result = await client.query({
        query: `SELECT id, span_rows, block_bytes, error, toUnixTimestamp64Milli(failed_at) AS failed_at_ms FROM dead_letters FINAL WHERE removed = 0 ORDER BY failed_at, id`,
        format: 'JSONEachRow',
      });
      return (await result.json<Row>()).map((row): DeadLetter => ({
        id: row.id,
        rows: Number(row.span_rows),
        bytes: Number(row.block_bytes),
        error: row.error,
        failedAtMs: Number(row.failed_at_ms),
      }));
    },
    async read(id) {
      const result = await client.query({
        query: `SELECT block FROM dead_letters FINAL WHERE removed = 0 AND id = {id:String}`,
        query_params: { id },
        format: 'JSONEachRow',
      });
      const [row] = await result.json<{ block: string }>();
      return row === undefined ? undefined : Buffer.from(row.block, 'base64');
    },
    async remove(id) {
      await insert({
        id,
        span_rows: 0,
        block_bytes: 0,
        error: '',
        failed_at: (Date.now() / 1000).toFixed(3),
        block: '',
        version: nextVersion(),
        removed: 1,
      });
    },
  };
}
