import { createHash } from 'node:crypto';

/**
 * What stands in Redis: a line `1 epoch tick order digest` and the JSON of the value, or the line alone for a tombstone,
 * whose digest is `-`.
 *
 * - `epoch` and `tick` are the clock of `redis-level.ts` just before the value was loaded.
 * - `order` is twice the version for a value. A tombstone that forbids lower versions comes just before its own version.
 * - `digest` is over key, line and JSON, so that what is cut off, mixed up or put there by others is not taken for a value.
 */
export interface RedisEntry {
  readonly epoch: string;
  readonly tick: number;
  readonly version: number;
  readonly value: unknown;
  readonly bytes: number;
}

/** Longer than any line. */
export const HEAD_BYTES = 128;
const FORMAT = '1';
/** `order` is a double in Lua. */
const MAX_VERSION = 2 ** 52 - 1;
const DELETED_ORDER = Number.MAX_SAFE_INTEGER;

/** `undefined` for versions that no row has. */
export function orderOfValue(version: number): number | undefined {
  return Number.isInteger(version) && version >= 1 && version <= MAX_VERSION ? version * 2 : undefined;
}

export function orderOfTombstone(version: number): number {
  return version > MAX_VERSION ? DELETED_ORDER : Math.max(0, Math.floor(version) * 2 - 1);
}

export function encodeEntry(key: string, epoch: string, tick: number, order: number, json: string): Buffer {
  const head = `${FORMAT} ${epoch} ${tick} ${order}`;
  const body = Buffer.from(json);
  return Buffer.concat([Buffer.from(`${head} ${digestOf(key, head, body)}\n`), body]);
}

/** @returns `undefined` when nothing is there, or a tombstone; `'unreadable'` for what no engine wrote so. */
export function decodeEntry(key: string, bytes: Buffer): RedisEntry | 'unreadable' | undefined {
  if (bytes.length === 0) return undefined;
  const end = bytes.subarray(0, HEAD_BYTES).indexOf(0x0a);
  const match = /^(1 ([0-9a-f]{16}) (\d{1,16}) (\d{1,16})) ([\w-]{22}|-)$/.exec(
    bytes.toString('latin1', 0, Math.max(0, end)),
  );
  if (match === null) return 'unreadable';
  const [, head = '', epoch = '', tick, order, digest] = match;
  const body = bytes.subarray(end + 1);
  if (digest === '-') return body.length === 0 ? undefined : 'unreadable';
  const version = Number(order) / 2;
  if (digest !== digestOf(key, head, body) || orderOfValue(version) === undefined) return 'unreadable';
  try {
    const value: unknown = JSON.parse(body.toString());
    return { epoch, tick: Number(tick), version, value, bytes: body.length };
  } catch {
    return 'unreadable';
  }
}

/** No protection from whoever may write to Redis: it has no key. */
function digestOf(key: string, head: string, body: Buffer): string {
  const hash = createHash('sha256').update(`${key}\n${head}\n`).update(body);
  return hash.digest('base64url').slice(0, 22);
}
