import type { JsonObject } from './protocol-object.js';

/** A copy in which a member has another name, in the same place; unchanged where the new name is taken. */
export function renamed(object: JsonObject, from: string, to: string): JsonObject {
  if (!Object.hasOwn(object, from) || Object.hasOwn(object, to)) return object;
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key === from ? to : key, value]));
}

/** A copy that has the members of `defaults` wherever it has none. */
export function withDefaults(object: JsonObject, defaults: JsonObject): JsonObject {
  const missing = Object.entries(defaults).filter(([key]) => !Object.hasOwn(object, key));
  return missing.length === 0 ? object : { ...object, ...Object.fromEntries(missing) };
}

/** A copy without the members that are what `withDefaults` would put there. */
export function withoutDefaults(object: JsonObject, defaults: JsonObject): JsonObject {
  const isDefault = ([key, value]: [string, unknown]): boolean =>
    Object.hasOwn(defaults, key) && JSON.stringify(value) === JSON.stringify(defaults[key]);
  return Object.fromEntries(Object.entries(object).filter((entry) => !isDefault(entry)));
}

export function without(object: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
}
