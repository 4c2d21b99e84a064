import { refuse, type JsonObject, type ProtocolObject, type ProtocolVersion } from './protocol-object.js';
import { contextToCurrent, contextToDraft } from './transform-context.js';
import { planToCurrent, planToDraft } from './transform-plan.js';

type Change = (document: JsonObject) => JsonObject;

/** Only contexts and plans look different in the draft. */
const toCurrent: Partial<Record<string, Change>> = { context: contextToCurrent, plan: planToCurrent };
const toDraft: Partial<Record<string, Change>> = { context: contextToDraft, plan: planToDraft };

/**
 * The same document in another version of the protocol; what the other version does not know is kept under its name.
 * There and back gives an equal document, except that plain edges of a plan come back sorted by the task that waits.
 *
 * @throws MplpError MPLP_ERR_PROTOCOL_INVALID for an unknown version
 */
export function transformObject(object: ProtocolObject, target: ProtocolVersion): ProtocolObject {
  if (target !== '0.9' && target !== '1.0') throw refuse('/to', 'enum', 'must be "0.9" or "1.0"');
  if (object.version === target) return object;
  const change = (target === '1.0' ? toCurrent : toDraft)[object.type];
  return { type: object.type, version: target, document: change?.(object.document) ?? object.document };
}
