/** One token of a statement that the engine itself has formatted: no comments, one kind of quote for each purpose. */
export interface SqlToken {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  /** As written, but a quoted identifier without its quotes. */
  readonly text: string;
}

const TOKEN =
  /\s+|([A-Za-z_][A-Za-z0-9_]*)|`((?:[^`\\]|\\[^]|``)*)`|('(?:[^'\\]|\\[^]|'')*')|([0-9][A-Za-z0-9_.]*)|([^])/gy;

/** Splits canonical SQL text. Never fails: what it does not know is a symbol of one character. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  for (const [, word, quoted, string, number, symbol] of sql.matchAll(TOKEN)) {
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted });
    else if (string !== undefined) tokens.push({ kind: 'string', text: string });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol });
  }
  return tokens;
}
