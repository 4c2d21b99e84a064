import { createReadStream, statSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { CommandFailure } from '../failure.js';
import { exitCodes } from '../exit-codes.js';
import type { SpanForm } from './item-scanner.js';

const READ_BYTES = 1024 * 1024;

export interface SpanSource {
  /** `undefined` for standard input. */
  readonly path: string | undefined;
  readonly form: SpanForm;
  readonly isCompressed: boolean;
  /** Size on disk; `undefined` when it cannot be known. */
  readonly bytes: number | undefined;
}

const FORMS: ReadonlyMap<string, SpanForm> = new Map([
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['json', 'json'],
  ['msgpack', 'msgpack'],
  ['mp', 'msgpack'],
]);

/** What is to be read, by the name (`spans.ndjson.gz`) and `--format`. */
export function describeSource(file: string, format: SpanForm | undefined): SpanSource {
  if (file === '-')
    return { path: undefined, form: format ?? 'ndjson', isCompressed: false, bytes: undefined };
  const isCompressed = file.endsWith('.gz');
  const extension = /\.([a-z]+)$/i.exec(isCompressed ? file.slice(0, -3) : file)?.[1]?.toLowerCase() ?? '';
  const form = format ?? FORMS.get(extension);
  if (form === undefined) {
    const hint =
      'Say --format ndjson, json or msgpack (names ending in .ndjson, .jsonl, .json, .msgpack, .mp tell it themselves).';
    throw new CommandFailure(`The form of ${file} cannot be told from its name.`, hint, exitCodes.usage);
  }
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new CommandFailure(`There is no file ${file}.`, 'Use - to read standard input.');
  if (stats.isDirectory()) throw new CommandFailure(`${file} is a folder.`, 'Name one file at a time.');
  return { path: file, form, isCompressed, bytes: stats.isFile() ? stats.size : undefined };
}

/** The decompressed bytes from `offset` on. */
export async function* openSource(
  source: SpanSource,
  offset: number,
  stdin: NodeJS.ReadStream,
): AsyncGenerator<Buffer> {
  if (source.path === undefined) return yield* stdin as AsyncIterable<Buffer>;
  if (!source.isCompressed) {
    return yield* createReadStream(source.path, {
      start: offset,
      highWaterMark: READ_BYTES,
    }) as AsyncIterable<Buffer>;
  }
  const file = createReadStream(source.path, { highWaterMark: READ_BYTES });
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  let skip = offset;
  // Compressed files cannot be entered in the middle: what was sent before is decompressed and passed over.
  for await (const chunk of file.pipe(gunzip) as AsyncIterable<Buffer>) {
    if (skip < chunk.length) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}
