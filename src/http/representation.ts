import { MplpError } from '../errors/index.js';
import type { HttpReply } from './contract.js';
import { jsonToMsgpack } from './json-to-msgpack.js';

/** A streamed document is held whole to become MessagePack, whose arrays say their length first. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const MSGPACK = /^application\/(?:x-|vnd\.)?msgpack$/;
const JSON_DOCUMENT = /^application\/(?:problem\+)?json\b/;

/** A reply whose body comes piece by piece. */
export type StreamedReply = HttpReply & { body: AsyncIterable<Uint8Array | string> };

export function isStreamed(reply: HttpReply): reply is StreamedReply {
  return typeof reply.body === 'object' && Symbol.asyncIterator in reply.body;
}

/** True when an `Accept` header names MessagePack and prefers nothing that is JSON to it. */
export function prefersMsgpack(accept: string): boolean {
  if (!/msgpack/i.test(accept)) return false;
  let msgpack = 0;
  let json = 0;
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) || 0;
    if (MSGPACK.test(type)) msgpack = Math.max(msgpack, quality);
    else if (JSON_DOCUMENT.test(type)) json = Math.max(json, quality);
  }
  return msgpack > 0 && msgpack >= json;
}

export function isJsonDocument(reply: HttpReply): boolean {
  return JSON_DOCUMENT.test(reply.headers?.['content-type'] ?? '');
}

/** The same document as MessagePack. */
export function asMsgpack(reply: HttpReply): HttpReply {
  const text = reply.body as string | undefined;
  const headers = { ...reply.headers, 'content-type': 'application/msgpack' };
  // HEAD may have left nothing to translate.
  return { status: reply.status, headers, body: text ? jsonToMsgpack(text) : '' };
}

/** The reply with its pieces put together. @throws MplpError MPLP_ERR_HTTP_NOT_ACCEPTABLE when that is too much */
export async function collected(reply: StreamedReply): Promise<HttpReply> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of reply.body) {
    const buffer = Buffer.from(piece as Uint8Array);
    bytes += buffer.length;
    if (bytes > MAX_DOCUMENT_BYTES)
      throw new MplpError(
        'MPLP_ERR_HTTP_NOT_ACCEPTABLE',
        `The answer has more than ${MAX_DOCUMENT_BYTES} bytes, too much for one MessagePack document: ask for less at a time, or for JSON.`,
      );
    pieces.push(buffer);
  }
  return { ...reply, body: Buffer.concat(pieces).toString() };
}
