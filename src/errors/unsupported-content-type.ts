import { MplpError } from './mplp-error.js';

/** @param taken the sentence that says what is taken instead */
export function unsupportedContentType(contentType: string, taken: string): MplpError {
  const came =
    contentType === ''
      ? 'The request names no content type'
      : `The content type ${contentType.slice(0, 80)} is not supported`;
  return new MplpError('MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE', `${came}. ${taken}`);
}
