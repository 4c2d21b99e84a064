import { MplpError } from '../../errors/index.js';

/**
 * Cursors are opaque to clients: base64url of a kind and its parts. They hold positions only, never a project, so one
 * from another project shows nothing of it.
 */
export function encodeCursor(kind: string, parts: readonly string[]): string {
  return Buffer.from([kind, ...parts].join(' ')).toString('base64url');
}

/** The parts of a cursor that `encodeCursor` made for `kind`. Throws `MPLP_ERR_HTTP_BAD_REQUEST` for all else. */
export function decodeCursor(kind: string, cursor: string, pattern: RegExp): readonly string[] {
  const text = cursor.length <= 256 ? Buffer.from(cursor, 'base64url').toString('latin1') : '';
  const rest = text.startsWith(`${kind} `) ? text.slice(kind.length + 1) : '';
  const match = pattern.exec(rest);
  if (match === null || encodeCursor(kind, rest.split(' ')) !== cursor) {
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'The cursor is not one that this resource gave out.', {
      errors: [
        {
          pointer: '?cursor',
          keyword: 'format',
          message: 'must be the `next` of an earlier answer, unchanged',
        },
      ],
    });
  }
  return match.slice(1);
}
