import { MplpError } from '../../errors/index.js';

/** Of the text of one document. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** A 422 that says which part is too large. */
export function tooLarge(pointer: string, maxBytes: number): MplpError {
  const subject = pointer === '' ? 'The document' : pointer;
  const message = `must be at most ${maxBytes} bytes of JSON`;
  return new MplpError('MPLP_ERR_MODULES_LIMIT', `${subject} ${message}.`, {
    errors: [{ pointer, keyword: 'maxBytes', message }],
  });
}
