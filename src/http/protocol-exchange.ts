import { MplpError, unsupportedContentType, type FieldError } from '../errors/index.js';
import {
  isJsonObject,
  readDocumentValue,
  type DocumentFormat,
  type JsonObject,
  type ProtocolServices,
} from '../protocol/index.js';
import type { HttpReply, HttpRequest } from './contract.js';
import { json } from './replies.js';
import { mediaTypeOf } from './request-document.js';

/** Room for a document of the largest size and for what stands around it. */
export const MAX_PROTOCOL_BODY_BYTES = 2 * 1024 * 1024;

const JSON_TYPES = ['', 'application/json'];
const MSGPACK_TYPES = ['application/msgpack', 'application/x-msgpack', 'application/vnd.msgpack'];
const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/**
 * The value in the body of a request to a protocol endpoint: JSON, MessagePack, or YAML, which is read in a thread.
 *
 * @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE; MPLP_ERR_PROTOCOL_MALFORMED with every fault
 */
export async function readProtocolBody(request: HttpRequest, services: ProtocolServices): Promise<unknown> {
  const format = bodyFormatOf(request);
  const bytes = await request.body(MAX_PROTOCOL_BODY_BYTES);
  return format === 'yaml'
    ? services.readYaml(decodeUtf8(bytes), request.principal.projectId)
    : readDocumentValue(bytes, format);
}

/** By its `Content-Type`, JSON without one. @throws MplpError MPLP_ERR_HTTP_UNSUPPORTED_MEDIA_TYPE */
export function bodyFormatOf(request: HttpRequest): DocumentFormat {
  const type = mediaTypeOf(request);
  if (JSON_TYPES.includes(type)) return 'json';
  if (MSGPACK_TYPES.includes(type)) return 'msgpack';
  if (YAML_TYPES.includes(type)) return 'yaml';
  throw unsupportedContentType(
    type,
    'Documents are taken as application/json, application/yaml or application/msgpack.',
  );
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badRequest('', 'utf8', 'is not valid UTF-8');
  }
}

/** The body as an object with no other members than these. @throws MplpError as `readProtocolBody`; …_HTTP_BAD_REQUEST */
export async function readEnvelope(
  request: HttpRequest,
  services: ProtocolServices,
  names: readonly string[],
): Promise<JsonObject> {
  return checkEnvelope(await readProtocolBody(request, services), names, '');
}

export function checkEnvelope(value: unknown, names: readonly string[], pointer: string): JsonObject {
  if (!isJsonObject(value)) throw badRequest(pointer, 'type', `must be an object of ${names.join(', ')}`);
  for (const name of Object.keys(value))
    if (!names.includes(name))
      throw badRequest(
        `${pointer}/${pointerToken(name)}`,
        'unknown',
        `is not among the members here: ${names.join(', ') || 'none'}`,
      );
  return value;
}

function pointerToken(name: string): string {
  return name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Refuses query parameters that the resource does not have. */
export function checkQuery(request: HttpRequest, names: readonly string[] = []): void {
  for (const name of request.query.keys())
    if (!names.includes(name)) throw badRequest(`?${name}`, 'unknown', 'is not a parameter of this resource');
}

const DEFAULT_LIMIT = 50;

/** `limit` of a list: 50 unless given. @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST */
export function limitOf(request: HttpRequest, maxLimit: number): number {
  const text = request.query.get('limit');
  const limit = text === null ? DEFAULT_LIMIT : /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= maxLimit) return limit;
  throw badRequest('?limit', 'range', `must be a whole number from 1 to ${maxLimit}`);
}

/** A document as the client prefers it: YAML where `Accept` names it before JSON, else JSON (or MessagePack). */
export async function replyWith(
  request: HttpRequest,
  services: ProtocolServices,
  document: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpReply> {
  const reply = prefersYaml(request.header('accept'))
    ? yamlReply(await services.writeYaml(document, request.principal.projectId))
    : json(document);
  return { ...reply, status, headers: { ...reply.headers, ...headers } };
}

function yamlReply(text: string): HttpReply {
  return { status: 200, headers: { 'content-type': 'application/yaml; charset=utf-8' }, body: text };
}

function prefersYaml(accept: string): boolean {
  const best = new Map<string, number>();
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) || 0;
    const kind = YAML_TYPES.includes(type) ? 'yaml' : /json|msgpack/.test(type) ? 'other' : '';
    best.set(kind, Math.max(best.get(kind) ?? 0, quality));
  }
  const yaml = best.get('yaml') ?? 0;
  return yaml > 0 && yaml > (best.get('other') ?? 0);
}

export function badRequest(pointer: string, keyword: string, message: string): MplpError {
  const subject = pointer === '' ? 'The body' : pointer;
  const errors: FieldError[] = [{ pointer, keyword, message }];
  return new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `${subject} ${message}.`, { errors });
}
