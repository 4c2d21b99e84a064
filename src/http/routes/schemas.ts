import {
  isSchemaId,
  summaryOf,
  type NewSchema,
  type ProtocolServices,
  type SchemaRecord,
  type SchemaSummary,
} from '../../protocol/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import {
  badRequest,
  checkEnvelope,
  checkQuery,
  limitOf,
  readProtocolBody,
  replyWith,
} from '../protocol-exchange.js';

const PATH = '/v1.0/schemas';
const MAX_LIMIT = 1_000;
const ENVELOPE = ['schema_id', 'schema'];

/** `/v1.0/schemas`: the protocol's schemas and those of the caller's project. */
export function createSchemaRoutes(services: ProtocolServices): Route[] {
  return [
    {
      method: 'GET',
      path: PATH,
      permission: 'schemas:read',
      handle: (request) => list(services, request),
    },
    {
      method: 'POST',
      path: PATH,
      permission: 'schemas:write',
      handle: (request) => register(services, request),
    },
    {
      method: 'GET',
      path: `${PATH}/{id}`,
      permission: 'schemas:read',
      handle: (request) => one(services, request),
    },
  ];
}

async function list(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request, ['limit', 'cursor']);
  const limit = limitOf(request, MAX_LIMIT);
  const after = afterOf(request.query.get('cursor'));
  const page = await services.registry.list(request.principal.projectId, after, limit);
  return replyWith(request, services, {
    schemas: page.schemas.map(onWire),
    next: page.next === undefined ? null : Buffer.from(page.next).toString('base64url'),
  });
}

/** `{schema_id, schema}`, or `{schemas: [{schema_id, schema}, …]}`: all of them or none. */
async function register(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const body = checkEnvelope(await readProtocolBody(request, services), [...ENVELOPE, 'schemas'], '');
  const several = body['schemas'];
  if (several !== undefined && !Array.isArray(several))
    throw badRequest('/schemas', 'type', 'must be an array of {schema_id, schema}');
  const news =
    several === undefined
      ? [newSchema(body, '')]
      : several.map((item, index) =>
          newSchema(checkEnvelope(item, ENVELOPE, `/schemas/${index}`), `/schemas/${index}`),
        );
  const { projectId, subject } = request.principal;
  const { records, created } = await services.registry.register(projectId, news, subject);
  const status = created ? 201 : 200;
  const [first] = records;
  if (several !== undefined || first === undefined)
    return replyWith(
      request,
      services,
      { schemas: records.map((record) => onWire(summaryOf(record))) },
      status,
    );
  return replyWith(request, services, onWire(summaryOf(first)), status, {
    location: `${PATH}/${encodeURIComponent(first.schemaId)}`,
    etag: etagOf(first),
  });
}

function newSchema(item: Readonly<Record<string, unknown>>, pointer: string): NewSchema {
  const { schema_id: schemaId, schema } = item;
  if (schemaId !== undefined && typeof schemaId !== 'string')
    throw badRequest(`${pointer}/schema_id`, 'type', 'must be a string');
  if (schema === undefined) throw badRequest(`${pointer}/schema`, 'required', 'is required');
  return { schemaId, schema, pointer: `${pointer}/schema` };
}

async function one(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const record = await services.registry.get(request.principal.projectId, request.params['id'] ?? '');
  const document = { ...onWire(summaryOf(record)), schema: JSON.parse(record.text) as unknown };
  return replyWith(request, services, document, 200, { etag: etagOf(record) });
}

function onWire({ schemaId, base, dialect, sizeBytes, createdAt }: SchemaSummary): object {
  return {
    schema_id: schemaId,
    address: base,
    dialect,
    size_bytes: sizeBytes,
    created_at: createdAt,
  };
}

function etagOf({ digest }: SchemaRecord): string {
  return `"${digest.slice(0, 32)}"`;
}

function afterOf(cursor: string | null): string | undefined {
  if (cursor === null) return undefined;
  const name = Buffer.from(cursor, 'base64url').toString();
  if (isSchemaId(name) && Buffer.from(name).toString('base64url') === cursor) return name;
  throw badRequest('?cursor', 'format', 'must be the next of an earlier page');
}
