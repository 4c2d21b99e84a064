import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { HttpResponse } from 'uWebSockets.js';
import { MplpError } from '../errors/index.js';
import type { Exchange } from './exchange.js';

/** Requests other than spans are small; no route may ask for more than this. */
const MAX_COLLECTED_BYTES = 16 * 1024 * 1024;

export interface CollectOptions {
  readonly deadlineMs: number;
  readonly encoding: string;
  /** Content-Length, 0 when the client does not say. */
  readonly length: number;
}

const inflaters = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/** Starts to collect a body at once, as uWS wants; what is returned gives it, decompressed, up to a limit. */
export function collectBody(
  response: HttpResponse,
  exchange: Exchange,
  options: CollectOptions,
): (maxBytes: number) => Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  let overflow = options.length > MAX_COLLECTED_BYTES;
  const whole = new Promise<Buffer>((resolve, reject) => {
    const tooLarge = (): void =>
      reject(
        new MplpError(
          'MPLP_ERR_HTTP_BODY_TOO_LARGE',
          `The body is larger than ${MAX_COLLECTED_BYTES} bytes.`,
        ),
      );
    const deadline = setTimeout(
      () => reject(new MplpError('MPLP_ERR_HTTP_TIMEOUT', 'The body did not arrive in time.')),
      options.deadlineMs,
    );
    exchange.onAbort(() => {
      clearTimeout(deadline);
      reject(new MplpError('MPLP_ERR_HTTP_TIMEOUT', 'The client went away.'));
    });
    if (overflow) tooLarge();
    response.onData((chunk, isLast) => {
      size += chunk.byteLength;
      if (size > MAX_COLLECTED_BYTES) {
        overflow = true;
        chunks.length = 0;
        tooLarge();
      }
      // uWS takes the memory back when this returns.
      if (!overflow) chunks.push(Buffer.from(new Uint8Array(chunk)));
      if (!isLast) return;
      clearTimeout(deadline);
      if (!overflow) resolve(Buffer.concat(chunks));
    });
  });
  whole.catch(() => {}); // the route may never ask for it
  return async (maxBytes) => {
    const body = await whole;
    const encoding = options.encoding.trim().toLowerCase();
    const limit = Math.min(maxBytes, MAX_COLLECTED_BYTES);
    const tooLarge = (): MplpError =>
      new MplpError('MPLP_ERR_HTTP_BODY_TOO_LARGE', `The body is larger than ${limit} bytes.`);
    if (encoding === '' || encoding === 'identity') {
      if (body.length > limit) throw tooLarge();
      return body;
    }
    if (!(encoding in inflaters)) {
      throw new MplpError(
        'MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE',
        `The content encoding ${encoding.slice(0, 80)} is not supported; gzip, deflate and br are.`,
      );
    }
    try {
      return await inflaters[encoding as keyof typeof inflaters](body, { maxOutputLength: limit });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
      throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The body is not valid ${encoding}.`, { cause });
    }
  };
}
