import { MplpError } from '../../errors/index.js';
import { quote } from '../faults.js';

/** The document types of the protocol. */
export const ProtocolType = Object.freeze({
  CONTEXT: 'context',
  PLAN: 'plan',
  CONFIRM: 'confirm',
  TRACE: 'trace',
  ROLE: 'role',
  EXTENSION: 'extension',
} as const);
export type ProtocolType = (typeof ProtocolType)[keyof typeof ProtocolType];

/** 1.0 is the protocol; 0.9 is the draft whose contexts and plans have other names (`context_id`, `title`, …). */
export type ProtocolVersion = '0.9' | '1.0';
export const protocolVersions: readonly ProtocolVersion[] = ['0.9', '1.0'];

export type JsonObject = Record<string, unknown>;

/** A document together with what it is. */
export interface ProtocolObject {
  readonly type: ProtocolType;
  readonly version: ProtocolVersion;
  readonly document: JsonObject;
  /** Size of the text or bytes it was read from. */
  readonly sizeBytes?: number;
}

const types: ReadonlySet<unknown> = new Set(Object.values(ProtocolType));

export function isProtocolType(value: unknown): value is ProtocolType {
  return types.has(value);
}

/** @throws MplpError MPLP_ERR_PROTOCOL_INVALID */
export function checkProtocolType(value: unknown, pointer = '/type'): ProtocolType {
  if (isProtocolType(value)) return value;
  const shown = typeof value === 'string' ? `, not ${quote(value)}` : '';
  throw refuse(pointer, 'enum', `must be one of ${[...types].join(', ')}${shown}`);
}

/** A document of a type, with the version that its members show. @throws MplpError MPLP_ERR_PROTOCOL_INVALID */
export function toProtocolObject(
  type: ProtocolType,
  document: unknown,
  pointer = '/document',
): ProtocolObject {
  if (!isJsonObject(document)) throw refuse(pointer, 'type', 'must be an object');
  return { type, version: versionOf(type, document), document };
}

/**
 * The version a document is written in. A 0.9 document has the draft's id and none of 1.0; one without any id
 * (the engine assigns it) is known by `title`, or for contexts by the absence of everything that 1.0 demands.
 */
function versionOf(type: ProtocolType, document: JsonObject): ProtocolVersion {
  const has = (name: string): boolean => Object.hasOwn(document, name);
  if (has('id')) return '1.0';
  if (type === 'context') {
    const isDraft = has('context_id') || (has('global_state') && !has('shared_state') && !has('status'));
    return isDraft ? '0.9' : '1.0';
  }
  if (type === 'plan') return has('plan_id') || (has('title') && !has('name')) ? '0.9' : '1.0';
  return '1.0';
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function refuse(pointer: string, keyword: string, message: string): MplpError {
  const subject = pointer === '' ? 'The document' : pointer;
  return new MplpError('MPLP_ERR_PROTOCOL_INVALID', `${subject} ${message}.`, {
    errors: [{ pointer, keyword, message }],
  });
}
