const INDENT = '    ';

/** The JSON text that comes in pieces, with a line for each member and four spaces for each level, as Jaeger's `prettyPrint`. */
export async function* indented(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** A bracket was opened and nothing came after it yet. */
  let isEmpty = false;
  const line = (): string => `\n${INDENT.repeat(depth)}`;
  for await (const piece of pieces) {
    let text = '';
    for (const character of piece) {
      if (inString) {
        text += character;
        if (escaped) escaped = false;
        else if (character === '\\') escaped = true;
        else if (character === '"') inString = false;
        continue;
      }
      if (character === '}' || character === ']') {
        depth--;
        text += isEmpty ? character : line() + character;
        isEmpty = false;
        continue;
      }
      if (isEmpty) text += line();
      isEmpty = character === '{' || character === '[';
      if (isEmpty) depth++;
      if (character === '"') inString = true;
      text += character === ':' ? ': ' : character;
      if (character === ',') text += line();
    }
    yield text;
  }
}
