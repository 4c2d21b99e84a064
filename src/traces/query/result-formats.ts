interface ResultFormat {
  /** Name in ClickHouse. */
  readonly name: string;
  readonly contentType: string;
}

const format = (name: string, contentType: string): ResultFormat => ({ name, contentType });
const JSON_LINES = 'application/x-ndjson; charset=utf-8';

/** Formats of query results, by the name that a client gives in any case. */
const formats = new Map<string, ResultFormat>(
  [
    format('JSON', 'application/json; charset=utf-8'),
    format('JSONCompact', 'application/json; charset=utf-8'),
    format('JSONEachRow', JSON_LINES),
    format('JSONCompactEachRow', JSON_LINES),
    format('JSONCompactEachRowWithNames', JSON_LINES),
    format('CSV', 'text/csv; charset=utf-8; header=absent'),
    format('CSVWithNames', 'text/csv; charset=utf-8; header=present'),
    format('TSV', 'text/tab-separated-values; charset=utf-8'),
    format('TSVWithNames', 'text/tab-separated-values; charset=utf-8'),
    format('Markdown', 'text/markdown; charset=utf-8'),
    format('PrettyCompact', 'text/plain; charset=utf-8'),
    format('Parquet', 'application/vnd.apache.parquet'),
    format('Arrow', 'application/vnd.apache.arrow.file'),
    format('ArrowStream', 'application/vnd.apache.arrow.stream'),
  ].map((f) => [f.name.toLowerCase(), f]),
);

export function findResultFormat(name: string): ResultFormat | undefined {
  return formats.get(name.toLowerCase());
}

export function resultFormatNames(): string[] {
  return [...formats.values()].map((f) => f.name);
}
