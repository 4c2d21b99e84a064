import { basename, dirname } from 'node:path';
import { errnoOf, nodeFiles, readWhole, replaceFile } from '../spool/files.js';
import type { SealedSegment } from '../spool/segment-source.js';

/** A run of records `[from, to)` of a segment that is sent under a token of its own. */
export interface Part {
  readonly token: string;
  readonly from: number;
  readonly to: number;
  state: 'pending' | 'stored' | 'dead';
}

/**
 * How far the bisection of a segment has come: `<segment>.split`, JSON, replaced atomically. Once a part was sent,
 * the whole must never be sent again, since it would carry another token; hence it is on disk before (rule I9).
 */
export async function readSplit(segment: SealedSegment): Promise<Part[] | undefined> {
  try {
    const text = (await readWhole(nodeFiles(), `${segment.base}.split`)).toString();
    const split = JSON.parse(text) as { version: number; segment: string; parts: Part[] };
    return split.version === 1 && split.segment === segment.id ? split.parts : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeSplit(segment: SealedSegment, parts: readonly Part[]): Promise<void> {
  const text = JSON.stringify({ version: 1, segment: segment.id, parts });
  await replaceFile(nodeFiles(), dirname(segment.base), `${basename(segment.base)}.split`, [
    Buffer.from(text),
  ]);
}
