/** What the HTTP interface must know of a statement before the engine parses it. */
export interface QueryText {
  readonly sql: string;
  /** Format named in the statement, if any. */
  readonly format: string | undefined;
  readonly isInsert: boolean;
  /** An insert whose rows come as data, not as VALUES in the text or from a SELECT. */
  readonly takesData: boolean;
}

const trailingFormat = /\bFORMAT\s+([A-Za-z0-9]+)\s*;?\s*$/i;

/** Comments and white space in front of the first word. */
const leading = /^(?:\s+|--[^\n]*(?:\n|$)|#![^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

/**
 * Splits the `FORMAT` clause off a statement, since libchdb takes the format on its own, and tells apart the
 * inserts that read data.
 */
export function readQueryText(text: string): QueryText {
  const words = text.replace(leading, '');
  const isInsert = /^INSERT\s/i.test(words);
  const match = trailingFormat.exec(text);
  const sql = match === null ? text.replace(/;\s*$/, '') : text.slice(0, match.index).trimEnd();
  const format = match?.[1];
  const takesData =
    isInsert &&
    !/\bFROM\s+INFILE\b/i.test(words) &&
    (format !== undefined && format.toLowerCase() !== 'values'
      ? !/\bSELECT\b/i.test(withoutQuoted(words))
      : !/\b(VALUES|SELECT|WITH)\b/i.test(withoutQuoted(words)));
  return { sql, format, isInsert, takesData };
}

/**
 * A statement and its data in one body: `INSERT INTO t FORMAT CSV\n1,2`. Returns the place where the data
 * starts, or -1 when the body is just a statement.
 */
export function inlineDataOffset(body: Buffer): number {
  const head = body.subarray(0, 64 * 1024).toString('latin1');
  if (!/^INSERT\s/i.test(head.replace(leading, ''))) return -1;
  const match = /\bFORMAT\s+(?!VALUES\b)[A-Za-z0-9]+[ \t\r]*\n?/i.exec(head);
  if (match === null) return -1;
  const end = match.index + match[0].length;
  return body.length > end ? end : -1;
}

function withoutQuoted(text: string): string {
  return text.replace(/'(?:[^'\\]|\\.|'')*'|`[^`]*`|"[^"]*"/g, "''");
}

/** Formats whose pieces may simply be joined: rows without head or tail. The others need the whole result. */
const joinable = new Set(
  [
    'JSONEachRow',
    'JSONCompactEachRow',
    'JSONStringsEachRow',
    'JSONCompactStringsEachRow',
    'NDJSON',
    'CSV',
    'TSV',
    'TabSeparated',
    'TSVRaw',
    'TabSeparatedRaw',
    'Native',
    'RowBinary',
    'LineAsString',
    'RawBLOB',
    'TSKV',
  ].map((name) => name.toLowerCase()),
);

export function isJoinable(format: string): boolean {
  return joinable.has(format.toLowerCase());
}

/** Does the statement return rows that are worth streaming? */
export function isSelect(text: string): boolean {
  return /^(SELECT|WITH|\()/i.test(text.replace(leading, ''));
}

const statementWord =
  /^(SELECT|WITH|FROM|INSERT|CREATE|ALTER|DROP|SHOW|DESCRIBE|DESC|EXPLAIN|SET|USE|OPTIMIZE|RENAME|EXCHANGE|TRUNCATE|ATTACH|DETACH|SYSTEM|KILL|CHECK|GRANT|REVOKE|EXISTS|DELETE|UPDATE|\()/i;

/** Does the text begin as no common statement does? */
export function mayBeExpression(text: string): boolean {
  return !statementWord.test(text.replace(leading, ''));
}

export function quoteString(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
