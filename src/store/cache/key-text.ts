import type { CacheKey } from './contract.js';

/** `mplp:{project}:{kind}:{id}`. Different keys have different texts, whatever they hold. */
export function keyText({ projectId, kind, id }: CacheKey): string {
  return `mplp:${escape(projectId)}:${escape(kind)}:${escape(id)}`;
}

/** By UTF-16 unit, so that a lone surrogate is a name like any other. */
function escape(text: string): string {
  if (/^[\w.-]*$/.test(text)) return text;
  return text.replace(/[^\w.-]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
