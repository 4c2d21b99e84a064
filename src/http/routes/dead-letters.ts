import { MplpError } from '../../errors/index.js';
import type { Loader } from '../../traces/loader/index.js';
import type { Route } from '../contract.js';
import { json } from '../replies.js';

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
      async handle(request) {
        const letters = await loader.listDeadLetters();
        return json({ dead_letters: letters.map((letter) => ({ ...letter })), next: null }, request);
      },
    },
    {
      method: 'POST',
      path: '/v1.0/dead-letters/replay',
      permission: 'dead-letters:write',
      async handle(request) {
        const text = (await request.body(MAX_BODY_BYTES)).toString('utf8');
        return json(await loader.replayDeadLetters(which(text)), request);
      },
    },
  ];
}

/** `{"all": true}` or `{"ids": ["…"]}` */
function which(text: string): readonly string[] | 'all' {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = undefined;
  }
  const { all, ids } = (document ?? {}) as { all?: unknown; ids?: unknown };
  if (all === true) return 'all';
  if (Array.isArray(ids) && ids.length > 0 && ids.every((id) => typeof id === 'string')) return ids;
  throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', 'Say which: {"ids": ["…"]} or {"all": true}.', {
    errors: [{ pointer: '/ids', keyword: 'required', message: 'a list of dead letter ids, or "all": true' }],
  });
}
