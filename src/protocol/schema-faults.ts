import type { ErrorObject } from 'ajv';
import { quote, type FaultList } from './faults.js';

const UUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
const VERSION_PATTERN = '^\\d+\\.\\d+(\\.\\d+)?$';
const MAX_NAMED_VALUES = 20;
const MAX_TEXT_CHARS = 300;
const UUID_IN_CAPITALS = new RegExp(UUID_PATTERN, 'i');

/**
 * Adds what an Ajv validator found in `document`, said so that the sender knows what to change. A value that has
 * a fault already gets no second one: the first reader's word says more.
 */
export function addSchemaFaults(faults: FaultList, errors: readonly ErrorObject[], document: unknown): void {
  for (const error of errors) {
    if (faults.isFull) return;
    const pointer = error.keyword === 'required' ? missingPointer(error) : error.instancePath;
    if (faults.faults.some((fault) => fault.pointer === pointer)) continue;
    faults.add(
      pointer,
      error.keyword,
      describe(error, error.propertyName ?? valueAt(document, error.instancePath)),
    );
  }
}

function missingPointer(error: ErrorObject): string {
  const name = String(error.params['missingProperty']);
  return `${error.instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function describe(error: ErrorObject, value: unknown): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'type':
      return `must be ${withArticle(String(error.params['type']).replaceAll(',', ' or '))}, not ${nameType(value)}`;
    case 'enum':
      return `must be one of ${list(error.params['allowedValues'] as unknown[])}, not ${show(value)}`;
    case 'pattern':
      return describePattern(String(error.params['pattern']), String(value));
    case 'format':
      if (error.params['format'] !== 'date-time')
        return `must be of the format ${quote(String(error.params['format']))}, not ${show(value)}`;
      return `must be an RFC 3339 date-time with a time zone, such as "2026-01-31T12:00:00.123Z", not ${show(value)}`;
    default:
      return error.message === undefined ? 'is not valid' : short(error.message);
  }
}

function describePattern(pattern: string, value: string): string {
  if (pattern === VERSION_PATTERN) return `must be a version such as "1.0" or "1.0.2", not ${quote(value)}`;
  if (pattern !== UUID_PATTERN) return `must match the pattern ${short(pattern)}, not ${quote(value)}`;
  if (UUID_IN_CAPITALS.test(value)) return `ids are lower-case UUIDs: send ${quote(value.toLowerCase())}`;
  const example = '"5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60"';
  return `ids are lower-case UUIDs (8-4-4-4-12 hexadecimal digits) such as ${example}, not ${quote(value)}`;
}

function list(values: readonly unknown[]): string {
  const named = values.slice(0, MAX_NAMED_VALUES).map(show).join(', ');
  return values.length <= MAX_NAMED_VALUES
    ? named
    : `${named} (and ${values.length - MAX_NAMED_VALUES} more)`;
}

/** Text out of a schema, which may be a user's. */
function short(text: string): string {
  return text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS - 1)}…`;
}

function show(value: unknown): string {
  return typeof value === 'string' ? quote(value) : nameType(value);
}

function nameType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return withArticle(Array.isArray(value) ? 'array' : typeof value);
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** The value at a pointer that a validator made for this document. */
function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    value = (value as Record<string, unknown>)[token.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value;
}
