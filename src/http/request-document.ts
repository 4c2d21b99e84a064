import { MplpError, unsupportedContentType } from '../errors/index.js';
import { readMessagePack, readStrictJson } from '../protocol/index.js';
import type { HttpRequest } from './contract.js';

/** Faults of a body that are named in one answer. */
const MAX_FAULTS = 20;

const readers = {
  '': readStrictJson,
  'application/json': readStrictJson,
  'application/msgpack': readMessagePack,
  'application/x-msgpack': readMessagePack,
  'application/vnd.msgpack': readMessagePack,
} as const;

export function mediaTypeOf(request: Pick<HttpRequest, 'header'>): string {
  return request.header('content-type').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * The document in the body of a request, JSON or MessagePack as the content type says. Objects have no prototype.
 *
 * @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE; MPLP_ERR_HTTP_BAD_REQUEST with every fault
 */
export async function readDocument(request: HttpRequest, maxBytes: number): Promise<unknown> {
  const read = readerOf(request);
  return read(await request.body(maxBytes));
}

/** What reads a body of the type that the request names. @throws as `readDocument`, and so does the reader */
export function readerOf(request: Pick<HttpRequest, 'header'>): (bytes: Uint8Array) => unknown {
  const type = mediaTypeOf(request);
  if (!Object.hasOwn(readers, type))
    throw unsupportedContentType(type, 'Documents are taken as application/json or application/msgpack.');
  return (bytes) => {
    const { value, faults } = readers[type as keyof typeof readers](bytes, MAX_FAULTS);
    if (faults.length === 0) return value;
    const text = faults.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ');
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The body cannot be read: ${text}.`, { errors: faults });
  };
}
