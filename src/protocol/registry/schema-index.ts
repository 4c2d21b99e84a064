import runtimeUri from 'ajv/dist/runtime/uri.js';
import { quote, type FaultList, type Path } from '../faults.js';
import { limits } from './limits.js';
import { isSchemaNode, references, schemaKeywords, type SchemaNode } from './schema-keywords.js';

export type Dialect = 'draft-07' | '2020-12';

const dialects: ReadonlyMap<string, Dialect> = new Map([
  ['http://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
]);
/** Addresses of the dialects' own schemas, which every schema may refer to. */
const META_SCHEMA = /^https?:\/\/json-schema\.org\/draft(?:-07|\/2020-12)\//;

export interface SchemaReference {
  readonly path: Path;
  /** Absolute address without fragment. */
  readonly document: string;
  /** Where nothing of JSON Schema stands, `$ref` may be plain data. */
  readonly isCertain: boolean;
}

/** What stands where in one schema. */
export interface SchemaIndex {
  /** Absolute addresses of the schema and of those embedded in it. */
  readonly resources: ReadonlySet<string>;
  readonly references: readonly SchemaReference[];
  readonly patterns: readonly { readonly path: Path; readonly pattern: string }[];
  /** Each schema object and the address that its references are relative to. */
  readonly bases: ReadonlyMap<SchemaNode, string>;
  /** Schema objects by address, and by address and anchor (`…#name`). */
  readonly targets: ReadonlyMap<string, SchemaNode>;
}

/** The dialect that `$schema` names, 2020-12 when it names none; `undefined` for any other. */
export function findDialect(schema: unknown): Dialect | undefined {
  const named = isSchemaNode(schema) ? schema['$schema'] : undefined;
  if (named === undefined) return '2020-12';
  return typeof named === 'string' ? dialects.get(named.replace(/#$/, '')) : undefined;
}

export function isMetaSchema(address: string): boolean {
  return META_SCHEMA.test(address);
}

export const ADDRESS_RULE = `makes an address of more than ${limits.maxAddressChars} characters, or one with control characters`;

/** Whether a schema can have this absolute address. */
export function isAddress(address: string): boolean {
  return address.length <= limits.maxAddressChars && !/[\p{Cc}\p{Surrogate}]/u.test(address);
}

/** An address relative to another, as the validator resolves it. */
export function resolveAddress(base: string, reference: string): { document: string; fragment: string } {
  const [document = '', fragment = ''] = splitFragment(runtimeUri.default.resolve(base, reference));
  return { document, fragment };
}

function splitFragment(address: string): [string, string] {
  const at = address.indexOf('#');
  return at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at + 1)];
}

/** Walks a schema once. Its text is bounded, so the walk is; `faults` gets what no schema may hold. */
export function indexSchema(schema: unknown, base: string, dialect: Dialect, faults: FaultList): SchemaIndex {
  const resources = new Set([base]);
  const found: SchemaReference[] = [];
  const patterns: { path: Path; pattern: string }[] = [];
  const bases = new Map<SchemaNode, string>();
  const targets = new Map<string, SchemaNode>();
  if (isSchemaNode(schema)) targets.set(base, schema);

  const visit = (value: unknown, path: Path, outer: string, isCertain: boolean): void => {
    if (!isSchemaNode(value)) return;
    const inner = path.length === 0 ? base : enter(value, path, outer, isCertain);
    if (isCertain) {
      bases.set(value, inner);
      anchor(value, inner);
      check(value, path);
    }
    for (const name of references) {
      const reference = value[name];
      if (typeof reference !== 'string') continue;
      const { document } = resolveAddress(inner, reference);
      found.push({ path: [...path, name], document, isCertain });
    }
    for (const [key, member] of Object.entries(value)) {
      if (schemaKeywords.data.has(key)) continue;
      const at = [...path, key];
      if (schemaKeywords.list.has(key) && Array.isArray(member))
        member.forEach((item, index) => visit(item, [...at, index], inner, isCertain));
      else if (schemaKeywords.map.has(key) && isSchemaNode(member))
        for (const [name, item] of Object.entries(member)) visit(item, [...at, name], inner, isCertain);
      else visit(member, at, inner, isCertain && schemaKeywords.one.has(key));
    }
  };

  /** The base of what is inside an embedded schema. */
  const enter = (value: SchemaNode, path: Path, outer: string, isCertain: boolean): string => {
    const id = value['$id'];
    // Draft-07 reads nothing beside a `$ref`, and an anchor out of an `$id` that is a fragment.
    if (typeof id !== 'string' || id.startsWith('#') || !isCertain) return outer;
    if (dialect === 'draft-07' && typeof value['$ref'] === 'string') return outer;
    const { document } = resolveAddress(outer, id);
    if (!isAddress(document)) {
      faults.add([...path, '$id'], 'address', ADDRESS_RULE);
      return outer;
    }
    if (resources.has(document))
      faults.add([...path, '$id'], 'uniqueId', `${quote(id)} is the id of two schemas`);
    else if (resources.size === limits.maxResources) {
      faults.add([...path, '$id'], 'maxResources', `is one of more than ${limits.maxResources} in a schema`);
      return outer;
    }
    resources.add(document);
    targets.set(document, value);
    return document;
  };

  const anchor = (value: SchemaNode, inner: string): void => {
    const id = value['$id'];
    if (dialect === 'draft-07' && typeof id === 'string' && id.startsWith('#'))
      targets.set(inner + id, value);
    for (const name of ['$anchor', '$dynamicAnchor'])
      if (typeof value[name] === 'string') targets.set(`${inner}#${value[name]}`, value);
  };

  const check = (value: SchemaNode, path: Path): void => {
    if (Object.hasOwn(value, '$async'))
      faults.add([...path, '$async'], 'unsupported', 'is not a keyword of JSON Schema');
    if (path.length > 0 && Object.hasOwn(value, '$schema') && findDialect(value) !== dialect)
      faults.add([...path, '$schema'], 'dialect', `must be the dialect of the whole schema, ${dialect}`);
    const patternNames = isSchemaNode(value['patternProperties'])
      ? Object.keys(value['patternProperties'])
      : [];
    const own: [Path, unknown][] = [
      [[...path, 'pattern'], value['pattern']],
      ...patternNames.map((name): [Path, unknown] => [[...path, 'patternProperties', name], name]),
    ];
    for (const [at, pattern] of own) {
      if (typeof pattern !== 'string') continue;
      if (pattern.length <= limits.maxPatternChars) patterns.push({ path: at, pattern });
      else faults.add(at, 'maxLength', `a pattern may have ${limits.maxPatternChars} characters`);
    }
  };

  visit(schema, [], base, true);
  return { resources, references: found, patterns, bases, targets };
}
