/** Counts acknowledged spans by what became of them. Called once a record or segment, never once a span. */
export interface SpanLedger {
  /** ClickHouse has them. */
  stored(rows: number): void;
  /** Found damaged on disk and moved to the quarantine folder. */
  quarantined(rows: number): void;
  /** Refused by ClickHouse for good and kept as dead letters. */
  deadLettered(rows: number): void;
}
