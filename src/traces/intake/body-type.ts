import { MplpError, unsupportedContentType } from '../../errors/index.js';
import type { BodyForm } from '../../native/contract.js';
import * as zlib from 'node:zlib';

const forms: ReadonlyMap<string, BodyForm> = new Map([
  ['application/json', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/ndjson', 'ndjson'],
  ['application/jsonl', 'ndjson'],
  ['application/x-jsonlines', 'ndjson'],
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
  ['application/vnd.msgpack', 'msgpack'],
]);

/** @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE */
export function bodyFormOf(contentType: string): BodyForm {
  const semicolon = contentType.indexOf(';');
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  const form = forms.get(type);
  if (form === undefined)
    throw unsupportedContentType(
      type,
      'Spans are taken as application/json, application/x-ndjson or application/msgpack.',
    );
  return form;
}

export type BodyEncoding = 'identity' | 'gzip' | 'deflate' | 'br' | 'zstd';

const zstdDecompress = (zlib as { zstdDecompressSync?: typeof zlib.gunzipSync }).zstdDecompressSync;

/** @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE */
export function bodyEncodingOf(contentEncoding: string): BodyEncoding {
  const encoding = contentEncoding.trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  if (encoding === 'deflate' || encoding === 'br') return encoding;
  if (encoding === 'zstd' && zstdDecompress !== undefined) return 'zstd';
  const known = `gzip, deflate, br${zstdDecompress === undefined ? '' : ', zstd'}`;
  const detail =
    encoding === 'zstd'
      ? `This runtime has no zstd. Encodings taken: ${known}.`
      : `The content encoding ${encoding.slice(0, 80)} is not supported. Encodings taken, one at a time: ${known}.`;
  throw new MplpError('MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE', detail);
}

/**
 * Decompresses a whole body; never makes more than `maxBytes`, whatever the input claims.
 *
 * @throws MplpError MPLP_ERR_HTTP_BODY_TOO_LARGE, MPLP_ERR_TRACES_MALFORMED
 */
export function inflateBody(
  body: Uint8Array,
  encoding: Exclude<BodyEncoding, 'identity'>,
  maxBytes: number,
): Buffer {
  const options = { maxOutputLength: maxBytes };
  try {
    switch (encoding) {
      case 'gzip':
        return zlib.gunzipSync(body, options);
      case 'br':
        return zlib.brotliDecompressSync(body, options);
      case 'zstd':
        return (zstdDecompress as typeof zlib.gunzipSync)(body, options);
      case 'deflate':
        // RFC 9110 means the zlib wrapper; some clients send the bare stream. The first byte tells them apart.
        return ((body[0] ?? 0) & 0x0f) === 8
          ? zlib.inflateSync(body, options)
          : zlib.inflateRawSync(body, options);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new MplpError(
        'MPLP_ERR_HTTP_BODY_TOO_LARGE',
        `The body is larger than ${maxBytes} bytes when decompressed.`,
      );
    }
    throw new MplpError('MPLP_ERR_TRACES_MALFORMED', `The body is not valid ${encoding}.`, {
      cause,
      errors: [
        { pointer: '', keyword: 'encoding', message: `the bytes are not a complete ${encoding} stream` },
      ],
    });
  }
}
