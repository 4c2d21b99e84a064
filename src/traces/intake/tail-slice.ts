import type { DecodeResult } from '../../native/index.js';
import type { TailSlice } from './decode-task.js';

/** Copies the watched spans of a body into one piece, so that the body itself can be used again at once. */
export function sliceForTail(body: Uint8Array, result: DecodeResult, version: number): TailSlice | undefined {
  const { matches, matchesDropped } = result;
  if (matches.length === 0 && !matchesDropped.some((count) => count > 0)) return undefined;
  let size = 0;
  for (let i = 0; i < matches.length; i += 3) size += (matches[i + 2] as number) - (matches[i + 1] as number);
  const copy = new Uint8Array(size);
  const moved = new Uint32Array(matches.length);
  let offset = 0;
  for (let i = 0; i < matches.length; i += 3) {
    const span = body.subarray(matches[i + 1], matches[i + 2]);
    copy.set(span, offset);
    moved[i] = matches[i] as number;
    moved[i + 1] = offset;
    moved[i + 2] = offset += span.length;
  }
  return { version, body: copy, matches: moved, matchesDropped };
}
