export type SpanForm = 'ndjson' | 'json' | 'msgpack';

/** Where one span lies in the bytes at hand. `end` is behind its last byte, `next` where to look for the following one. */
export interface ItemRange {
  readonly start: number;
  readonly end: number;
  readonly next: number;
  /** Line of the span in the file, from 1; for MessagePack the number of the span. */
  readonly line: number;
}

/** What a scanner must remember to go on from a place in the middle of a file. Kept in the progress file. */
export interface ScannerState {
  /** Line of the next byte, or number of the next span. */
  line: number;
  /** JSON: between the brackets of the array. MessagePack: elements of the array that are still to come. */
  insideArray: boolean;
  remaining: number;
}

export const initialState: ScannerState = Object.freeze({ line: 1, insideArray: false, remaining: 0 });

/** Finds the spans of a file one after the other, without decoding them: the engine is the judge of what they hold. */
export interface ItemScanner {
  readonly state: ScannerState;
  /**
   * The next span at or behind `from`, `undefined` when more bytes are needed or, with `isLast`, when there is none.
   * Throws a `BrokenFile` where the file cannot be split.
   */
  find(bytes: Buffer, from: number, isLast: boolean): ItemRange | undefined;
}

/** The file is not of the form it should be; `offset` counts from the start of the bytes that were passed. */
export class BrokenFile extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}
