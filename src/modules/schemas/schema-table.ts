import { createHash, randomUUID } from 'node:crypto';
import type { SchemaRecord, SchemaSummary, SchemaUsage } from '../../protocol/index.js';
import { eventOfChange } from '../../store/events/index.js';
import type { Sql } from '../../store/postgres/index.js';

interface Row {
  readonly schema_id: string;
  readonly base: string;
  readonly dialect: SchemaRecord['dialect'];
  readonly content: string;
  readonly digest: string;
  readonly resources: readonly string[];
  readonly refers_to: readonly string[];
  readonly reference_count: number;
  readonly created_at: Date;
}

const COLUMNS = `schema_id, base, dialect, content, encode(sha256, 'hex') AS digest, resources, refers_to, reference_count,
  created_at`;

/** An address as indexes hold it: SHA-256, hexadecimal. */
export function hashAddress(address: string): string {
  return createHash('sha256').update(address).digest('hex');
}

export async function selectByName(
  sql: Sql,
  projectId: string,
  schemaIds: readonly string[],
): Promise<SchemaRecord[]> {
  const rows = await sql<Row[]>`
    SELECT ${sql.unsafe(COLUMNS)} FROM schemas
    WHERE project_id = ${projectId}
      AND schema_id IN (SELECT json_array_elements_text(${JSON.stringify(schemaIds)}::text::json))`;
  return rows.map(toRecord);
}

/** @param hashes see `hashAddress` */
export async function selectByAddress(
  sql: Sql,
  projectId: string,
  hashes: readonly string[],
): Promise<SchemaRecord[]> {
  const rows = await sql<Row[]>`
    SELECT ${sql.unsafe(COLUMNS)} FROM schemas
    WHERE project_id = ${projectId} AND id IN (
      SELECT schema_row_id FROM schema_addresses
      WHERE project_id = ${projectId} AND address_sha256 IN (
        SELECT decode(json_array_elements_text(${JSON.stringify(hashes)}::text::json), 'hex')))`;
  return rows.map(toRecord);
}

export async function selectSummaries(
  sql: Sql,
  projectId: string,
  after: string,
  limit: number,
): Promise<SchemaSummary[]> {
  const rows = await sql<(Pick<Row, 'schema_id' | 'base' | 'dialect' | 'created_at'> & { bytes: number })[]>`
    SELECT schema_id, base, dialect, octet_length(content) AS bytes, created_at FROM schemas
    WHERE project_id = ${projectId} AND schema_id > ${after} ORDER BY schema_id LIMIT ${limit}`;
  return rows.map((row) => ({
    schemaId: row.schema_id,
    base: row.base,
    dialect: row.dialect,
    sizeBytes: row.bytes,
    createdAt: row.created_at.toISOString(),
  }));
}

export async function selectUsage(sql: Sql, projectId: string): Promise<SchemaUsage> {
  const [row] = await sql<{ schemas: number; bytes: number }[]>`
    SELECT count(*) AS schemas, coalesce(sum(octet_length(content)), 0)::bigint AS bytes
    FROM schemas WHERE project_id = ${projectId}`;
  return { schemas: row?.schemas ?? 0, bytes: row?.bytes ?? 0 };
}

/** One registers at a time in a project: what was looked at stays true until the transaction ends. */
export async function lockProject(sql: Sql, projectId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`schemas of ${projectId}`}, 0))`;
}

/** With its event, in the caller's transaction. @returns the record as it is kept */
export async function insertSchema(
  sql: Sql,
  projectId: string,
  record: SchemaRecord,
  actor: string | undefined,
): Promise<SchemaRecord> {
  const { schemaId, base, dialect, text, digest, resources, refersTo, references } = record;
  const id = randomUUID();
  const data = { schema_id: schemaId, address: base, dialect, sha256: digest };
  const event = { projectId, type: 'schema.registered', subjectId: id, data, actor };
  const [row] = await sql<{ created_at: Date }[]>`
    WITH changed AS (
      INSERT INTO schemas (project_id, id, schema_id, base, dialect, content, sha256, resources, refers_to,
        reference_count, created_by)
      VALUES (${projectId}, ${id}, ${schemaId}, ${base}, ${dialect}, ${text}, decode(${digest}, 'hex'),
        ${JSON.stringify(resources)}::text::json, ${JSON.stringify(refersTo)}::text::json, ${references},
        ${actor ?? null})
      RETURNING version, created_at),
    addresses AS (
      INSERT INTO schema_addresses (project_id, address_sha256, schema_row_id)
      SELECT ${projectId}, decode(json_array_elements_text(${JSON.stringify(resources.map(hashAddress))}::text::json), 'hex'),
        ${id}::uuid),
    ${eventOfChange(sql, event, true)}
    SELECT created_at FROM changed`;
  return row === undefined ? record : { ...record, createdAt: row.created_at.toISOString() };
}

function toRecord(row: Row): SchemaRecord {
  return {
    schemaId: row.schema_id,
    base: row.base,
    dialect: row.dialect,
    text: row.content,
    digest: row.digest,
    resources: row.resources,
    references: row.reference_count,
    refersTo: row.refers_to,
    createdAt: row.created_at.toISOString(),
  };
}
