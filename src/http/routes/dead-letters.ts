import { MplpError } from '../../errors/index.js';
import type { Loader } from '../../traces/loader/index.js';
import type { Route } from '../contract.js';
import { json } from '../replies.js';
import { readDocument } from '../request-document.js';

const MAX_BODY_BYTES = 1024 * 1024;

/** Spans that ClickHouse refused for good: list them, send them again. */
export function createDeadLetterRoutes(
  loader: Pick<Loader, 'listDeadLetters' | 'replayDeadLetters'>,
): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1.0/dead-letters',
      permission: 'dead-letters:read',
      async handle() {
        const letters = await loader.listDeadLetters();
        return json({ dead_letters: letters.map((letter) => ({ ...letter })), next: null });
      },
    },
    {
      method: 'POST',
      path: '/v1.0/dead-letters/replay',
      permission: 'dead-letters:write',
      async handle(request) {
        const ids = which(await readDocument(request, MAX_BODY_BYTES));
        return json(await loader.replayDeadLetters(ids));
      },
    },
  ];
}

/** `{"all": true}` or `{"ids": ["…"]}` */
function which(document: unknown): readonly string[] | 'all' {
  const { all, ids } = (document ?? {}) as { all?: unknown; ids?: unknown };
  if (all === true) return 'all';
  if (Array.isArray(ids) && ids.length > 0 && ids.every((id) => typeof id === 'string')) return ids;
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'Say which: {"ids": ["…"]} or {"all": true}.', {
    errors: [{ pointer: '/ids', keyword: 'required', message: 'a list of dead letter ids, or "all": true' }],
  });
}
