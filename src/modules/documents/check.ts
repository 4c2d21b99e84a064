import { randomUUID } from 'node:crypto';
import {
  createProtocolEngine,
  isJsonObject,
  toProtocolObject,
  type JsonObject,
  type ProtocolType,
} from '../../protocol/index.js';
import { invalid, invalidWith } from './faults.js';

const engine = createProtocolEngine();
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PROTOCOL_VERSION = '1.0';

export interface CheckOptions {
  readonly type: ProtocolType;
  /** What a document has when its sender leaves it out. */
  readonly defaults: JsonObject;
  /** The id that the document must have; a new one when there is neither this nor its own. */
  readonly id?: string;
}

/**
 * A document as it may be stored: completed, judged by its schema and the protocol's rules. 0.9 documents are taken too.
 *
 * @throws MplpError MPLP_ERR_MODULES_INVALID with every fault
 */
export function checkDocument(value: unknown, options: CheckOptions): JsonObject {
  if (!isJsonObject(value)) throw invalid('', 'type', 'must be an object');
  const { document } = engine.transform(toProtocolObject(options.type, value, ''), PROTOCOL_VERSION);
  const completed: JsonObject = { ...options.defaults, ...document };
  if (completed['id'] === undefined) completed['id'] = options.id ?? randomUUID();
  else if (options.id !== undefined && completed['id'] !== options.id)
    throw invalid('/id', 'const', `must be ${options.id}, the id in the path`);
  checkAgain(completed, options.type);
  return completed;
}

/** Judges a document that the engine changed. @throws MplpError MPLP_ERR_MODULES_INVALID with every fault */
export function checkAgain(document: JsonObject, type: ProtocolType): void {
  const { valid, errors } = engine.validate({ type, version: PROTOCOL_VERSION, document });
  if (!valid) throw invalidWith(errors);
  refuseNul(document, '');
}

/** Postgres has no U+0000 in its texts. @throws MplpError MPLP_ERR_MODULES_INVALID */
export function refuseNul(value: unknown, pointer: string): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw invalid(pointer, 'characters', 'must not contain U+0000');
  } else if (Array.isArray(value)) value.forEach((item, index) => refuseNul(item, `${pointer}/${index}`));
  else if (isJsonObject(value))
    for (const [key, item] of Object.entries(value)) {
      const inner = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      refuseNul(key, inner);
      refuseNul(item, inner);
    }
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
