/** Where JSON Schema (draft-07 and 2020-12) has schemas inside a schema, and where it has plain data. */
export const schemaKeywords = {
  one: new Set([
    'not',
    'if',
    'then',
    'else',
    'items',
    'contains',
    'propertyNames',
    'additionalItems',
    'additionalProperties',
    'unevaluatedItems',
    'unevaluatedProperties',
    'contentSchema',
  ]),
  list: new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']),
  map: new Set([
    'properties',
    'patternProperties',
    '$defs',
    'definitions',
    'dependentSchemas',
    'dependencies',
  ]),
  data: new Set([
    'enum',
    'const',
    'default',
    'examples',
    '$vocabulary',
    'required',
    'type',
    'dependentRequired',
  ]),
} as const;

/** The keywords whose schemas apply to the same value as the schema they stand in. */
export const inPlace = {
  one: ['not', 'if', 'then', 'else'],
  list: ['allOf', 'anyOf', 'oneOf'],
  map: ['dependentSchemas', 'dependencies'],
} as const;

export const references = ['$ref', '$dynamicRef'] as const;

export type SchemaNode = Record<string, unknown>;

export function isSchemaNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
