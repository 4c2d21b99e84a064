import { createHash } from 'node:crypto';
import { MplpError, type FieldError } from '../../errors/index.js';
import { createFaultList, faultsAt, quote, type FaultList } from '../faults.js';
import { readJson } from '../formats/json-reader.js';
import { limits } from './limits.js';
import {
  ADDRESS_RULE,
  findDialect,
  indexSchema,
  isAddress,
  isMetaSchema,
  resolveAddress,
  type SchemaReference,
} from './schema-index.js';
import { isSchemaNode } from './schema-keywords.js';
import { isSchemaId, type SchemaRecord } from './schema-store.js';

/** A schema that a caller wants to register, or to judge one document by. */
export interface NewSchema {
  /** Its name; its `$id` unless given. */
  readonly schemaId?: string | undefined;
  /** An object or a boolean. */
  readonly schema: unknown;
  /** Where it stands in what the caller sent: faults of it point there and below. @default '' */
  readonly pointer?: string;
}

/** A schema that was looked at and is not registered yet. */
export interface SchemaDraft {
  readonly record: SchemaRecord;
  readonly references: readonly SchemaReference[];
  readonly pointer: string;
}

const MAX_FAULTS = 100;
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * Looks at a new schema as far as that is cheap: size, depth, dialect, ids.
 *
 * @throws MplpError MPLP_ERR_PROTOCOL_SCHEMA_INVALID
 */
export function draftSchema({ schemaId, schema, pointer = '' }: NewSchema): SchemaDraft {
  const faults = faultsAt(createFaultList(MAX_FAULTS), pointer);
  const text = toText(schema, faults);
  const own = isSchemaNode(schema) && typeof schema['$id'] === 'string' ? schema['$id'] : undefined;
  const name = schemaId ?? own?.replace(/#$/, '');
  checkName(name, faults);
  const dialect = findDialect(schema);
  if (dialect === undefined)
    faults.add('/$schema', 'dialect', 'must be the address of JSON Schema draft-07 or 2020-12');
  if (text === undefined || name === undefined || dialect === undefined || faults.faults.length > 0)
    throw invalidSchema(faults.faults);
  const base = baseOf(name, own);
  if (isMetaSchema(base) || base.includes('#'))
    faults.add('/$id', 'reserved', `${quote(base)} cannot be the address of a schema of yours`);
  else if (!isAddress(base)) faults.add('/$id', 'address', ADDRESS_RULE);
  if (faults.faults.length > 0) throw invalidSchema(faults.faults);
  const index = indexSchema(JSON.parse(text), base, dialect, faults);
  if (index.references.length > limits.maxReferences)
    faults.add('', 'maxReferences', `may hold ${limits.maxReferences} references`);
  if (faults.faults.length > 0) throw invalidSchema(faults.faults);
  const outside = index.references.filter(
    ({ document }) => !index.resources.has(document) && !isMetaSchema(document),
  );
  return {
    record: {
      schemaId: name,
      base,
      dialect,
      text,
      digest: createHash('sha256').update(`${base}\n${text}`).digest('hex'),
      resources: [...index.resources],
      references: index.references.length,
      refersTo: [...new Set(outside.map(({ document }) => document))],
      createdAt: new Date().toISOString(),
    },
    references: outside,
    pointer,
  };
}

export function invalidSchema(faults: readonly FieldError[]): MplpError {
  const text = faults
    .slice(0, 5)
    .map(({ pointer, message }) => `${pointer} ${message}`.trim())
    .join('; ');
  return new MplpError('MPLP_ERR_PROTOCOL_SCHEMA_INVALID', `The schema cannot be used: ${text}.`, {
    errors: faults,
  });
}

/** JSON text of a schema that keeps the limits. It is measured before it is read or walked. */
function toText(schema: unknown, faults: FaultList): string | undefined {
  if (!isSchemaNode(schema) && typeof schema !== 'boolean') {
    faults.add('', 'type', 'must be an object or a boolean');
    return undefined;
  }
  let text: string;
  try {
    text = JSON.stringify(schema);
  } catch {
    faults.add('', 'type', 'is not a JSON value: it holds itself, or is nested too deep');
    return undefined;
  }
  if (text.length > limits.maxSchemaBytes || Buffer.byteLength(text) > limits.maxSchemaBytes) {
    faults.add('', 'maxBytes', `may have ${limits.maxSchemaBytes} bytes as JSON text`);
    return undefined;
  }
  const { value, faults: lexical } = readJson(text, MAX_FAULTS);
  for (const fault of lexical) faults.add(fault.pointer, fault.keyword, fault.message);
  if (lexical.length === 0 && countValues(value) > limits.maxSchemaValues)
    faults.add('', 'maxValues', `may hold ${limits.maxSchemaValues} values, nested ones included`);
  return text;
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + countValues(inner), 1);
}

function checkName(name: string | undefined, faults: FaultList): void {
  if (name === undefined) faults.add('/$id', 'required', 'is required where no schema_id names the schema');
  else if (typeof name !== 'string' || !isSchemaId(name))
    faults.add(
      '/$id',
      'schemaId',
      `the id must have 1 to ${limits.maxSchemaIdChars} characters and no control characters`,
    );
}

/** A name that is no address gets one, so that relative references between such schemas work too. */
function baseOf(name: string, own: string | undefined): string {
  const fallback = ABSOLUTE.test(name) ? name : `mplp-schema:///${encodeURIComponent(name)}`;
  return own === undefined ? resolveAddress('', fallback).document : resolveAddress(fallback, own).document;
}
