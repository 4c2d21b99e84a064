import { createFaultList } from '../faults.js';
import { readStrictJson, type StrictDocument } from '../strict-json.js';
import { scanJson } from './json-text.js';

/** An escape that can be half a surrogate pair. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

const NONE: StrictDocument['faults'] = Object.freeze([]);

export interface JsonDocument extends StrictDocument {
  /** Of the text in UTF-8. */
  readonly sizeBytes: number;
}

/**
 * Reads one JSON text with the rules of `readStrictJson`, several times as fast. `JSON.parse` makes the objects; what
 * it lets pass in silence shows in figures that are cheap to have: an object with a repeated key has fewer members
 * than its text has colons. A text with anything unusual is read again by the strict reader, which names the faults.
 *
 * @returns The document, or `undefined` and at least one and at most `maxFaults` faults.
 */
export function readJson(text: string, maxFaults: number): JsonDocument {
  const seen = text.includes('\\') && SURROGATE_ESCAPE.test(text) ? undefined : scanJson(text);
  if (seen !== undefined) {
    const value = parse(text);
    if (value !== undefined && countMembers(value) === seen.colons)
      return { value, faults: NONE, sizeBytes: seen.sizeBytes };
  }
  if (!isWellFormed(text)) {
    const faults = createFaultList(maxFaults);
    faults.add('', 'loneSurrogate', 'has a lone surrogate, which no UTF-8 text can hold');
    return { value: undefined, faults: faults.faults, sizeBytes: Buffer.byteLength(text) };
  }
  const bytes = Buffer.from(text);
  const { value, faults } = readStrictJson(bytes, maxFaults);
  return { value: faults.length === 0 ? value : undefined, faults, sizeBytes: bytes.length };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Node has had it since version 20; the compiler's library of that year has not. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Is this JSON text, which need not be checked otherwise, nested beyond `MAX_DEPTH`? */
export function isTooDeep(text: string): boolean {
  return scanJson(text) === undefined;
}

/** Members of all objects; NaN when there is a `__proto__` key or a number that is not finite. */
function countMembers(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : NaN;
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item !== 'string') members += countMembers(item);
    return members;
  }
  for (const key in value) {
    if (key === '__proto__') return NaN;
    members += 1;
    const member = (value as Record<string, unknown>)[key];
    if (typeof member !== 'string') members += countMembers(member);
  }
  return members;
}
