import { createFaultList } from '../faults.js';
import { MAX_DEPTH, readStrictJson, type StrictDocument } from '../strict-json.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** An escape that can be half a surrogate pair. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/**
 * Reads one JSON text with the rules of `readStrictJson`, several times as fast. `JSON.parse` makes the objects; what
 * it lets pass in silence shows in figures that are cheap to have: an object with a repeated key has fewer members
 * than its text has colons. A text with anything unusual is read again by the strict reader, which names the faults.
 *
 * @returns The document, or `undefined` and at least one and at most `maxFaults` faults.
 */
export function readJson(text: string, maxFaults: number): StrictDocument {
  if (!isWellFormed(text)) {
    const faults = createFaultList(maxFaults);
    faults.add('', 'loneSurrogate', 'has a lone surrogate, which no UTF-8 text can hold');
    return { value: undefined, faults: faults.faults };
  }
  const colons = text.includes('\\') && SURROGATE_ESCAPE.test(text) ? NaN : countColons(text);
  if (!Number.isNaN(colons)) {
    const value = parse(text);
    if (value !== undefined && countMembers(value) === colons) return { value, faults: [] };
  }
  const strict = readStrictJson(Buffer.from(text), maxFaults);
  return strict.faults.length === 0 ? strict : { value: undefined, faults: strict.faults };
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
  return Number.isNaN(countColons(text));
}

/** Colons outside strings; NaN when the text is nested too deep or a string has no end. */
function countColons(text: string): number {
  let colons = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        do at = text.indexOf('"', at + 1);
        while (at >= 0 && isEscaped(text, at));
        if (at < 0) return NaN;
        break;
      case COLON:
        colons += 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > MAX_DEPTH) return NaN;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
    }
  }
  return colons;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
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
