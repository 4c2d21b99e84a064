import { MplpError } from '../../errors/index.js';

const PATTERN = /^(?:\*|[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*(?:\.\*)?)$/;
const MAX_PATTERNS = 64;
const MAX_PATTERN_CHARACTERS = 128;

/** Which types of events a reader wants. */
export interface TypeFilter {
  /** Types that match as they are, and beginnings with their dot; both `undefined` when every type matches. */
  readonly names: readonly string[] | undefined;
  readonly prefixes: readonly string[] | undefined;
  matches(type: string): boolean;
}

const everything: TypeFilter = { names: undefined, prefixes: undefined, matches: () => true };

/**
 * `context.updated` is that type, `context.*` all that begin with `context.`, `*` all.
 *
 * @param pointer where the patterns stand in the request.
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST
 */
export function parseTypeFilter(patterns: readonly string[] | undefined, pointer = '?types'): TypeFilter {
  if (patterns === undefined) return everything;
  const refuse = (at: string, keyword: string, message: string): never => {
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `${at} ${message}.`, {
      errors: [{ pointer: at, keyword, message }],
    });
  };
  if (patterns.length === 0 || patterns.length > MAX_PATTERNS)
    refuse(pointer, 'length', `must name 1 to ${MAX_PATTERNS} types of events`);
  for (const pattern of patterns)
    if (pattern.length > MAX_PATTERN_CHARACTERS || !PATTERN.test(pattern))
      refuse(pointer, 'format', 'must hold types of events such as context.updated, context.* or *');
  if (patterns.includes('*')) return everything;
  const names = patterns.filter((pattern) => !pattern.endsWith('*'));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  const known = new Set(names);
  return {
    names,
    prefixes,
    matches: (type) => known.has(type) || prefixes.some((prefix) => type.startsWith(prefix)),
  };
}
