import { MplpError } from '../../errors/index.js';

/** A place in the log, just behind an event or between two. */
export interface Position {
  readonly transaction: bigint;
  readonly sequence: bigint;
}

const ID = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,18})$/;
const MAX_TRANSACTION = 2n ** 64n - 1n;
const MAX_SEQUENCE = 2n ** 63n - 1n;

export function positionOf(transaction: string, sequence: string): Position {
  return { transaction: BigInt(transaction), sequence: BigInt(sequence) };
}

export function toCursor({ transaction, sequence }: Position): string {
  return `${transaction}-${sequence}`;
}

/** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function parseCursor(cursor: string): Position {
  const match = ID.exec(cursor);
  const position = match === null ? undefined : positionOf(match[1] as string, match[2] as string);
  if (position === undefined || position.transaction > MAX_TRANSACTION || position.sequence > MAX_SEQUENCE) {
    const message = 'must be the id of an event, unchanged';
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The cursor ${message}.`, {
      errors: [{ pointer: '?after', keyword: 'format', message }],
    });
  }
  return position;
}

/** Below 0 when `a` comes first, 0 when they are the same. */
export function comparePositions(a: Position, b: Position): number {
  if (a.transaction !== b.transaction) return a.transaction < b.transaction ? -1 : 1;
  return a.sequence === b.sequence ? 0 : a.sequence < b.sequence ? -1 : 1;
}
