import { Readable } from 'node:stream';
import { classifyClickHouseError, type ClickHouseStore } from '../../store/clickhouse/index.js';
import type { SegmentSink } from './contract.js';

const READ_AHEAD_BYTES = 4 * 1024 * 1024;

/** ClickHouse as the loader sees it. */
export function createClickHouseSink(store: ClickHouseStore): SegmentSink {
  return {
    async insert(batch, signal) {
      const stream = Readable.from(batch.open(), { objectMode: false, highWaterMark: READ_AHEAD_BYTES });
      try {
        await store.insertBlocks({ stream, token: batch.token, signal });
      } finally {
        // A request that ended early leaves the stream open, and with it the segment file.
        stream.destroy();
      }
    },
    countSeqRange: (first, last, signal) => store.countSeqRange(first, last, signal),
    classify: classifyClickHouseError,
  };
}
