import { isJsonObject, refuse, type JsonObject, type ProtocolObject } from './protocol-object.js';
import { transformObject } from './transform.js';

/** Most documents that one call merges. */
export const MAX_MERGED_DOCUMENTS = 100;
/** Members that tell which item of an array is which: the first set that an item has. */
const IDENTITIES: readonly { readonly has: readonly string[]; readonly by: readonly string[] }[] = [
  { has: ['id'], by: ['id'] },
  { has: ['from_task', 'to_task', 'type'], by: ['from_task', 'to_task', 'type'] },
  // A capability: a skill and a permission may share a name.
  { has: ['name', 'type', 'level'], by: ['name', 'type'] },
  { has: ['name'], by: ['name'] },
  { has: ['resource'], by: ['resource'] },
];

/**
 * One document out of several of a type, from left to right. Objects are merged member by member and the later value
 * stands; items of arrays that are the same thing (`id`, else the edge, the capability, `name`, `resource`) are merged,
 * others are appended unless an equal one is there; where an array repeats a thing, the second meets the second. The `id` is the first document's. 0.9 documents become 1.0 first.
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
  const places = new Map(identitiesOf(left).map((identity, index) => [identity, index]));
  identitiesOf(right).forEach((identity, index) => {
    const place = places.get(identity);
    if (place === undefined) merged.push(right[index]);
    else merged[place] = mergeValues(merged[place], right[index]);
  });
  return merged;
}

/** What each item is, and the how many-th of it. */
function identitiesOf(items: readonly unknown[]): string[] {
  const counts = new Map<string, number>();
  return items.map((item) => {
    const identity = identityOf(item);
    const count = (counts.get(identity) ?? 0) + 1;
    counts.set(identity, count);
    return `${count} ${identity}`;
  });
}

function identityOf(item: unknown): string {
  const found = isJsonObject(item)
    ? IDENTITIES.find(({ has }) => has.every((name) => typeof item[name] === 'string'))
    : undefined;
  if (found === undefined) return canonical(item);
  return `${found.by.join()}=${JSON.stringify(found.by.map((name) => (item as JsonObject)[name]))}`;
}

/** JSON text in which equal values are equal, whatever the order of their members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
