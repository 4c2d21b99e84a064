import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { StatementError } from './status-of.js';

const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  deflate: createInflate,
};

/** The body without its compression. @throws StatementError for an encoding that is not known */
export function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return request;
  const decoder = decoders[encoding];
  if (decoder === undefined) {
    throw new StatementError(
      501,
      `Code: 48. DB::Exception: The content encoding ${encoding.slice(0, 40)} is not supported; gzip, br and deflate are. (NOT_IMPLEMENTED)`,
    );
  }
  const through = decoder();
  request.on('close', () => {
    if (!request.complete) through.destroy(new Error('the body broke off'));
  });
  return request.pipe(through);
}

/** The whole body. @throws StatementError 413 */
export async function collect(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    if (size > maxBytes) {
      throw new StatementError(413, 'Code: 62. DB::Exception: Max query size exceeded. (SYNTAX_ERROR)');
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, size);
}
