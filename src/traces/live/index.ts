export type { TailBatch, TailSink } from './contract.js';
export {
  createTailHub,
  type TailHub,
  type TailHubOptions,
  type TailSubscription,
  type TailEvent,
} from './tail-hub.js';
export { parseTailFilter } from './tail-filter.js';
export { sseFrame, socketFrame } from './frames.js';
