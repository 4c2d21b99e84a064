export { createClickHouseDeadLetters } from './clickhouse-dead-letters.js';
export { createClickHouseSink } from './clickhouse-sink.js';
export type {
  DeadLetter,
  DeadLetterStore,
  InsertBatch,
  InsertVerdict,
  SegmentSink,
  SpanLedger,
} from './contract.js';
export type { ReplayResult } from './dead-letters.js';
export { createFileDeadLetters } from './file-dead-letters.js';
export {
  createLoader,
  type Loader,
  type LoaderHealth,
  type LoaderOptions,
  type LoaderTiming,
} from './loader.js';
