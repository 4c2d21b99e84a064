import {
  checkProtocolType,
  documentFormats,
  isJsonObject,
  protocolLimits,
  protocolVersions,
  toProtocolObject,
  type DocumentFormat,
  type ProtocolObject,
  type ProtocolServices,
  type ProtocolVersion,
  type ValidationResult,
} from '../../protocol/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import {
  badRequest,
  bodyFormatOf,
  checkEnvelope,
  checkQuery,
  MAX_PROTOCOL_BODY_BYTES,
  readEnvelope,
  replyWith,
} from '../protocol-exchange.js';

const PERMISSION = 'protocol:use';
const CONTENT_TYPES: Readonly<Record<DocumentFormat, string>> = {
  json: 'application/json; charset=utf-8',
  yaml: 'application/yaml; charset=utf-8',
  msgpack: 'application/msgpack',
};

type Handler = (services: ProtocolServices, request: HttpRequest) => Promise<HttpReply>;

/** `POST /v1.0/protocol/…`: parse, validate, validate/batch, serialize, transform, merge. Nothing is stored. */
export function createProtocolRoutes(services: ProtocolServices): Route[] {
  const handlers: Readonly<Record<string, Handler>> = {
    parse,
    validate,
    'validate/batch': validateBatch,
    serialize,
    transform,
    merge,
  };
  return Object.entries(handlers).map(([name, handle]) => ({
    method: 'POST',
    path: `/v1.0/protocol/${name}`,
    permission: PERMISSION,
    handle: (request) => handle(services, request),
  }));
}

/** The document itself with `?type=`, or `{type, format, input}` with the document as text (MessagePack in base64). */
async function parse(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request, ['type']);
  const inUrl = request.query.get('type');
  if (inUrl !== null) {
    const type = checkProtocolType(inUrl, '?type');
    const format = bodyFormatOf(request);
    return replyWith(
      request,
      services,
      described(
        await services.parse(
          await request.body(MAX_PROTOCOL_BODY_BYTES),
          type,
          format,
          request.principal.projectId,
        ),
      ),
    );
  }
  const { type, format, input } = await readEnvelope(request, services, ['type', 'format', 'input']);
  const known = checkProtocolType(type);
  if (typeof input !== 'string') throw badRequest('/input', 'type', 'must be a string');
  const as = formatOf(format ?? 'json');
  const text = as === 'msgpack' ? fromBase64(input) : input;
  return replyWith(
    request,
    services,
    described(await services.parse(text, known, as, request.principal.projectId)),
  );
}

async function validate(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const item = await readEnvelope(request, services, ['type', 'schema_id', 'document']);
  return replyWith(request, services, onWire(await verdict(services, request, item, '')));
}

async function validateBatch(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { items } = await readEnvelope(request, services, ['items']);
  if (!Array.isArray(items) || items.length === 0 || items.length > protocolLimits.maxBatchItems)
    throw badRequest('/items', 'maxItems', `must hold 1 to ${protocolLimits.maxBatchItems} items`);
  const envelopes = items.map((item, index) =>
    checkEnvelope(item, ['type', 'schema_id', 'document'], `/items/${index}`),
  );
  const results: unknown[] = [];
  for (const [index, item] of envelopes.entries()) {
    if (request.signal.aborted) break;
    results.push(onWire(await verdict(services, request, item, `/items/${index}`)));
  }
  return replyWith(request, services, { results });
}

/** `{type, document}` by the type's schema and rules, `{schema_id, document}` by a registered schema. */
async function verdict(
  services: ProtocolServices,
  request: HttpRequest,
  item: Readonly<Record<string, unknown>>,
  pointer: string,
): Promise<ValidationResult> {
  const { type, schema_id: schemaId, document } = item;
  if ((type === undefined) === (schemaId === undefined))
    throw badRequest(pointer, 'oneOf', 'must have either type or schema_id');
  if (document === undefined) throw badRequest(`${pointer}/document`, 'required', 'is required');
  if (schemaId === undefined) {
    const known = checkProtocolType(type, `${pointer}/type`);
    // What is no object is a document with a fault, not a bad request.
    if (isJsonObject(document))
      return services.engine.validate(toProtocolObject(known, document, `${pointer}/document`));
    return services.registry.validate(
      request.principal.projectId,
      document,
      `https://mplp.dev/schemas/v1.0/${known}.json`,
    );
  }
  if (typeof schemaId !== 'string') throw badRequest(`${pointer}/schema_id`, 'type', 'must be a string');
  return services.registry.validate(request.principal.projectId, document, schemaId);
}

/** Answers with the document itself, in the format that was asked for. */
async function serialize(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { type, document, format } = await readEnvelope(request, services, ['type', 'document', 'format']);
  const object = toProtocolObject(checkProtocolType(type), document);
  const as = formatOf(format);
  const written = await services.serialize(object, as, request.principal.projectId);
  // Asked for by name: as bytes it stays JSON, whatever `Accept` says.
  const body = typeof written === 'string' ? Buffer.from(written) : written;
  return { status: 200, headers: { 'content-type': CONTENT_TYPES[as] }, body };
}

async function transform(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { type, document, to } = await readEnvelope(request, services, ['type', 'document', 'to']);
  if (!protocolVersions.includes(to as ProtocolVersion))
    throw badRequest('/to', 'enum', `must be one of ${protocolVersions.join(', ')}`);
  const object = toProtocolObject(checkProtocolType(type), document);
  return replyWith(request, services, described(services.engine.transform(object, to as ProtocolVersion)));
}

async function merge(services: ProtocolServices, request: HttpRequest): Promise<HttpReply> {
  checkQuery(request);
  const { type, documents } = await readEnvelope(request, services, ['type', 'documents']);
  const known = checkProtocolType(type);
  if (!Array.isArray(documents)) throw badRequest('/documents', 'type', 'must be an array of documents');
  const objects = documents.map((document, index) =>
    toProtocolObject(known, document, `/documents/${index}`),
  );
  return replyWith(request, services, described(services.engine.merge(objects)));
}

function described({ type, version, document }: ProtocolObject): object {
  return { type, version, document };
}

function onWire({ valid, errors, warnings, metadata }: ValidationResult): object {
  return {
    valid,
    errors,
    warnings,
    metadata: {
      schema_id: metadata.schemaId,
      validation_time_ms: metadata.validationTime,
      data_size_bytes: metadata.dataSize,
    },
  };
}

function formatOf(value: unknown): DocumentFormat {
  if (documentFormats.includes(value as DocumentFormat)) return value as DocumentFormat;
  throw badRequest('/format', 'enum', `must be one of ${documentFormats.join(', ')}`);
}

function fromBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw badRequest('/input', 'base64', 'must be base64 (RFC 4648), since MessagePack is no text');
  return Buffer.from(text, 'base64');
}
