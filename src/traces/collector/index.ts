export {
  createTraceCollector,
  type RecordOptions,
  type StreamOptions,
  type TraceCollector,
  type TraceCollectorOptions,
  type TraceData,
  type TraceMetrics,
  type TraceQuery,
  type TraceStreamFilter,
} from './trace-collector.js';
