import type { FieldError } from '../errors/index.js';

export type ValidationError = FieldError;
export type ValidationWarning = FieldError;

/** The verdict on one document. Invalid documents are a result, not an error. */
export interface ValidationResult {
  readonly valid: boolean;
  /** What makes it invalid, up to a bound; empty exactly when `valid`. */
  readonly errors: readonly ValidationError[];
  /** What is allowed and likely not meant. */
  readonly warnings: readonly ValidationWarning[];
  readonly metadata: {
    readonly schemaId: string;
    /** Milliseconds. */
    readonly validationTime: number;
    /** Bytes of the text the document was read from, else of its JSON text. */
    readonly dataSize: number;
  };
}
