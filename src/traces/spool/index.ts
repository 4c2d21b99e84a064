export type {
  Commit,
  KnownReceipt,
  ReceiptBook,
  ReceiptEntry,
  Spool,
  SpoolPressure,
  SpoolRecord,
} from './contract.js';
export { createSpool, type DurableSpool, type SpoolHealth, type SpoolOptions } from './spool.js';
export type { SealedSegment, SegmentSource } from './segment-source.js';
export type { RecoveryReport } from './recovery.js';
export type { SpanLedger } from './span-ledger.js';
export { nodeFiles, type SpoolFiles } from './files.js';
