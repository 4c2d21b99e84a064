/** A ClickHouse string literal. */
export function quoteString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** `('…', '…')` for the right side of IN. The values must be UUIDs that were checked or came from ClickHouse. */
export function uuidList(ids: readonly string[]): string {
  return `(${ids.map((id) => `'${id}'`).join(', ')})`;
}
