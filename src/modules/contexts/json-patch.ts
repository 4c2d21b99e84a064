import { isDeepStrictEqual } from 'node:util';

/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * A JSON Patch (RFC 6902) that makes `after` of `before`. Objects are compared member by member, arrays item by item from
 * the start, so time is linear in the documents; an item inserted at the front of an array replaces those behind it.
 */
export function createPatch(before: unknown, after: unknown): PatchOperation[] {
  const operations: PatchOperation[] = [];
  compare(before, after, '', operations);
  return operations;
}

function compare(before: unknown, after: unknown, path: string, operations: PatchOperation[]): void {
  if (Array.isArray(before) && Array.isArray(after)) return compareArrays(before, after, path, operations);
  if (isObject(before) && isObject(after)) return compareObjects(before, after, path, operations);
  if (!isDeepStrictEqual(before, after)) operations.push({ op: 'replace', path, value: after });
}

function compareObjects(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: string,
  operations: PatchOperation[],
): void {
  for (const [name, value] of Object.entries(before)) {
    const inner = `${path}/${escape(name)}`;
    if (Object.hasOwn(after, name)) compare(value, after[name], inner, operations);
    else operations.push({ op: 'remove', path: inner });
  }
  for (const [name, value] of Object.entries(after))
    if (!Object.hasOwn(before, name)) operations.push({ op: 'add', path: `${path}/${escape(name)}`, value });
}

function compareArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  operations: PatchOperation[],
): void {
  const common = Math.min(before.length, after.length);
  for (let i = 0; i < common; i++) compare(before[i], after[i], `${path}/${i}`, operations);
  // From the end, since each removal moves those behind it.
  for (let i = before.length - 1; i >= common; i--) operations.push({ op: 'remove', path: `${path}/${i}` });
  for (const value of after.slice(common)) operations.push({ op: 'add', path: `${path}/-`, value });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
