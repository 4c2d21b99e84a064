import { isJsonObject, refuse, type JsonObject, type ProtocolObject } from './protocol-object.js';
import { transformObject } from './transform.js';

/** Most documents that one call merges. */
export const MAX_MERGED_DOCUMENTS = 100;
/** Members that tell which item of an array is which, the first that an item has. */
const IDENTITIES: readonly (readonly string[])[] = [
  ['id'],
  ['from_task', 'to_task'],
  ['name'],
  ['resource'],
];

/**
 * One document out of several of a type, from left to right. Objects are merged member by member and the later value
 * stands; items of arrays that are the same thing (`id`, else `from_task` and `to_task`, `name`, `resource`) are merged,
 * others are appended unless an equal one is there. The `id` is the first document's. 0.9 documents become 1.0 first.
 *
 * @throws MplpError MPLP_ERR_PROTOCOL_INVALID for no documents, too many, or documents of different types
 */
export function mergeObjects(objects: readonly ProtocolObject[]): ProtocolObject {
  const [first, ...others] = objects.map((object) => transformObject(object, '1.0'));
  if (first === undefined) throw refuse('/documents', 'minItems', 'must hold at least one document');
  if (objects.length > MAX_MERGED_DOCUMENTS)
    throw refuse('/documents', 'maxItems', `must hold at most ${MAX_MERGED_DOCUMENTS} documents`);
  others.forEach(({ type }, index) => {
    if (type !== first.type)
      throw refuse(
        `/documents/${index + 1}`,
        'type',
        `is a ${type}, the first is a ${first.type}: only one type can be merged`,
      );
  });
  const document = others.reduce((merged, other) => mergeMembers(merged, other.document), first.document);
  const id = Object.hasOwn(first.document, 'id') ? { id: first.document['id'] } : {};
  return { type: first.type, version: '1.0', document: { ...document, ...id } };
}

function mergeMembers(left: JsonObject, right: JsonObject): JsonObject {
  const merged: JsonObject = { ...left };
  for (const [key, value] of Object.entries(right))
    merged[key] = Object.hasOwn(left, key) ? mergeValues(left[key], value) : value;
  return merged;
}

function mergeValues(left: unknown, right: unknown): unknown {
  if (isJsonObject(left) && isJsonObject(right)) return mergeMembers(left, right);
  return Array.isArray(left) && Array.isArray(right) ? mergeItems(left, right) : right;
}

function mergeItems(left: readonly unknown[], right: readonly unknown[]): unknown[] {
  const merged = [...left];
  const places = new Map<string, number>();
  merged.forEach((item, index) => {
    const identity = identityOf(item);
    if (!places.has(identity)) places.set(identity, index);
  });
  for (const item of right) {
    const place = places.get(identityOf(item));
    if (place === undefined) merged.push(item);
    else merged[place] = mergeValues(merged[place], item);
  }
  return merged;
}

function identityOf(item: unknown): string {
  if (!isJsonObject(item)) return canonical(item);
  for (const names of IDENTITIES)
    if (names.every((name) => typeof item[name] === 'string'))
      return `${names.join()}=${JSON.stringify(names.map((name) => item[name]))}`;
  return canonical(item);
}

/** JSON text in which equal values are equal, whatever the order of their members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
