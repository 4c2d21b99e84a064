import { MplpError } from '../../errors/index.js';
import type { ListPosition } from '../../store/postgres/index.js';
import { isUuid } from './check.js';

const TIME = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/;

export function writeCursor({ createdAt, id }: ListPosition): string {
  return Buffer.from(`${createdAt} ${id}`).toString('base64url');
}

/** @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function readCursor(cursor: string): ListPosition {
  const [createdAt = '', id = '', ...rest] = Buffer.from(cursor.slice(0, 200), 'base64url')
    .toString('latin1')
    .split(' ');
  if (rest.length === 0 && TIME.test(createdAt) && !Number.isNaN(Date.parse(createdAt)) && isUuid(id))
    return { createdAt, id };
  const message = 'must be the next of an earlier page';
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `?cursor ${message}.`, {
    errors: [{ pointer: '?cursor', keyword: 'format', message }],
  });
}
