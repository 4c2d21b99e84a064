import { quoteString, type ClickHouseReader } from '../query/index.js';

const MAX_NAMES = 50_000;

export interface Operation {
  readonly name: string;
  readonly spanKind: string;
}

/** All names of services, sorted. Reads `service_operations` only, never the spans. */
export async function listServices(reader: ClickHouseReader, projectId: string): Promise<string[]> {
  const rows = await reader.rows<[string]>(
    `SELECT service_name FROM ${reader.database}.service_operations
    WHERE project_id = ${quoteString(projectId)} GROUP BY service_name ORDER BY service_name LIMIT ${MAX_NAMES}`,
  );
  return rows.map(([name]) => name);
}

/** The operations of a service, sorted; of all services when `service` is '', of all kinds when `spanKind` is ''. */
export async function listOperations(
  reader: ClickHouseReader,
  projectId: string,
  service: string,
  spanKind: string,
): Promise<Operation[]> {
  const conditions = [`project_id = ${quoteString(projectId)}`];
  if (service !== '') conditions.push(`service_name = ${quoteString(service)}`);
  if (spanKind !== '') conditions.push(`span_kind = ${quoteString(spanKind)}`);
  const rows = await reader.rows<[string, string]>(
    `SELECT operation, span_kind FROM ${reader.database}.service_operations WHERE ${conditions.join(' AND ')}
    GROUP BY operation, span_kind ORDER BY operation, span_kind LIMIT ${MAX_NAMES}`,
  );
  return rows.map(([name, kind]) => ({ name, spanKind: kind }));
}
