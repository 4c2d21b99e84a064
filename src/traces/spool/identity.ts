import { randomBytes, randomUUID } from 'node:crypto';
import type { Logger } from '../../observability/log.js';
import { errnoOf, readWhole, replaceFile, type SpoolFiles } from './files.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The spool's own id, made once and kept in `spool.json`. */
export async function loadSpoolId(files: SpoolFiles, directory: string, log: Logger): Promise<string> {
  try {
    const known = JSON.parse((await readWhole(files, `${directory}/spool.json`)).toString()) as {
      spoolId?: unknown;
    };
    if (typeof known.spoolId === 'string' && UUID.test(known.spoolId)) return known.spoolId;
    log.error('spool.json holds no spool id; a new one is made');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT')
      log.error({ err: error }, 'spool.json cannot be read; a new spool id is made');
  }
  const spoolId = randomUUID();
  await replaceFile(files, directory, 'spool.json', [
    Buffer.from(`${JSON.stringify({ version: 1, spoolId })}\n`),
  ]);
  return spoolId;
}

/**
 * Makes segment ids: `<spool id>-<number>-<start>`. The number is the creation time in milliseconds, pushed
 * forward where needed so that it only grows; names sort by it. `start` is random for each start of the engine:
 * a data folder restored from a backup, or copied to a second machine, must not use a token again for other rows.
 */
export function createSegmentIds(spoolId: string, lastNumber: number): () => string {
  const start = randomBytes(4).toString('hex');
  let last = lastNumber;
  return () => {
    last = Math.max(last + 1, Date.now());
    return `${spoolId}-${String(last).padStart(14, '0')}-${start}`;
  };
}

const SEGMENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-(\d{14})-[0-9a-f]{8}$/;

/** The number in a segment id, `undefined` when the text is not one. */
export function segmentNumber(id: string): number | undefined {
  const match = SEGMENT_ID.exec(id);
  return match === null ? undefined : Number(match[1]);
}
