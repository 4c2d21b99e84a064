import { createHash } from 'node:crypto';

/** What makes a batch the same batch when it comes again. */
export interface BatchIdentity {
  /** Under this the receipt book knows the batch: 32 hex digits. */
  readonly hash: string;
  /** The receipt that the batch gets. */
  readonly receipt: string;
}

/**
 * The identity of a batch with an `Idempotency-Key`: known by its key, and its receipt follows from key and content.
 * So the receipt in the book tells, also after a restart, whether the key came with this content or with another.
 */
export function keyedIdentity(projectId: string, key: string, contentHash: string): BatchIdentity {
  const digest = (...parts: string[]): string =>
    createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  return {
    hash: digest('idempotency-key', projectId, key),
    receipt: uuidOf(digest('receipt', projectId, key, contentHash)),
  };
}

/** 32 hex digits in the form of a UUIDv4. */
function uuidOf(hex: string): string {
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
