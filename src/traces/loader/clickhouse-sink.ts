import { classifyClickHouseError, type ClickHouseStore } from '../../store/clickhouse/index.js';
import type { SegmentSink } from './contract.js';

/** ClickHouse as the loader sees it. */
export function createClickHouseSink(store: ClickHouseStore): SegmentSink {
  return {
    insert: (batch, signal) =>
      store.insertBlocks({ chunks: batch.open(), bytes: batch.bytes, token: batch.token, signal }),
    countSeqRange: (first, last, signal) => store.countSeqRange(first, last, signal),
    classify: classifyClickHouseError,
  };
}
