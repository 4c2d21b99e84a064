import { ValueFault } from './go-duration.js';

const PAIR = /[ \t]*([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)/y;

/** `key=value key="quoted value"`, as people write tags into a search form. Throws `ValueFault`. */
export function parseLogfmt(text: string): [key: string, value: string][] {
  const pairs: [string, string][] = [];
  const whole = text.trim();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < whole.length) {
    const at = PAIR.lastIndex;
    const match = PAIR.exec(whole);
    if (match === null)
      throw new ValueFault(
        `expecting a JSON map or key=value pairs, at ${JSON.stringify(whole.slice(at).trim())}`,
      );
    const [, key = '', quoted, bare = ''] = match;
    pairs.push([key, quoted === undefined ? bare : unquote(quoted)]);
  }
  return pairs;
}

function unquote(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) =>
    character === 'n' ? '\n' : character === 't' ? '\t' : character,
  );
}
