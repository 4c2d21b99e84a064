export { errorTable, type ErrorCode, type ErrorKind } from './table.js';
export { MplpError, type FieldError, type MplpErrorOptions } from './mplp-error.js';
export { unsupportedContentType } from './unsupported-content-type.js';
export { toProblem, type Problem } from './problem.js';
