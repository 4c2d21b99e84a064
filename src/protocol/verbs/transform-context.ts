import { renamed, withDefaults, withoutDefaults } from './members.js';
import { isJsonObject, type JsonObject } from './protocol-object.js';

/** What 1.0 demands of a context and the draft has no word for. */
const DEFAULTS = { status: 'active', lifecycle_stage: 'planning', shared_state: {} };

/** `context_id` becomes `id`, `metadata.last_updated` becomes `metadata.updated_at`. All else is in both versions. */
export function contextToCurrent(draft: JsonObject): JsonObject {
  return withDefaults(
    renameInMetadata(renamed(draft, 'context_id', 'id'), 'last_updated', 'updated_at'),
    DEFAULTS,
  );
}

export function contextToDraft(current: JsonObject): JsonObject {
  return renameInMetadata(
    renamed(withoutDefaults(current, DEFAULTS), 'id', 'context_id'),
    'updated_at',
    'last_updated',
  );
}

function renameInMetadata(document: JsonObject, from: string, to: string): JsonObject {
  const { metadata } = document;
  return isJsonObject(metadata) ? { ...document, metadata: renamed(metadata, from, to) } : document;
}
