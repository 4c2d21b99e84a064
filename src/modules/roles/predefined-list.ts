import { readCursor, writeCursor, type Page, type Stored } from '../documents/index.js';
import { predefinedRoles, type Role } from './rules/index.js';

/** Lists are newest first, and these are older than any other. */
const EPOCH = '1970-01-01T00:00:00.000000Z';
const BEFORE_ALL = { createdAt: EPOCH, id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };

export function storedPredefined(role: Role): Stored {
  return { version: 1, text: JSON.stringify(role) };
}

/**
 * A page of the project's own roles, and behind the last of them the predefined ones.
 *
 * @param page what the project has behind the cursor
 */
export function withPredefined(
  page: Page,
  limit: number,
  cursor: string | undefined,
  isWanted: (role: Role) => boolean,
): Page {
  if (page.next !== undefined) return page;
  const after = cursor === undefined ? BEFORE_ALL : readCursor(cursor);
  const last = after.createdAt === EPOCH ? after.id : BEFORE_ALL.id;
  const left = Object.values(predefinedRoles)
    .filter((role) => role.id < last && isWanted(role))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const taken = left.slice(0, limit - page.documents.length);
  const end = taken.at(-1)?.id ?? last;
  return {
    documents: [...page.documents, ...taken.map(storedPredefined)],
    next: taken.length < left.length ? writeCursor({ createdAt: EPOCH, id: end }) : undefined,
  };
}
