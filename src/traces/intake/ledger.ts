/**
 * Where spans went, counted once a body. Every span that reaches the intake is in exactly one of these:
 * accepted, rejected, duplicate or shed.
 */
export interface IntakeLedger {
  /** Durable in the spool. */
  accepted(spans: number): void;
  /** Refused for good, with an error of their own. */
  rejected(spans: number): void;
  /** Part of a batch that was taken in before. */
  duplicates(spans: number): void;
  /** Decoded, but refused for now: the spool would not take them. The client sends them again. */
  shed(spans: number): void;
  /** Bodies refused for now before they were read, so that their spans are not known. */
  shedBody(bytes: number): void;
  disagreements(spans: number): void;
}
