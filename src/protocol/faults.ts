import type { FieldError } from '../errors/index.js';

/** Keys and indices from the document's root to a value. */
export type Path = readonly (string | number)[];

const MAX_TOKEN_CHARS = 80;
const MAX_POINTER_CHARS = 500;

/** Thrown inside the readers where reading on makes no sense; the fault is in the list already. */
export class Unreadable extends Error {}

/**
 * Faults of one document, up to a bound: hostile input must not buy a long report. Pointers and echoed input
 * are cut to a length that is enough to find the place.
 */
export interface FaultList {
  readonly faults: readonly FieldError[];
  readonly isFull: boolean;
  add(path: Path | string, keyword: string, message: string): void;
}

export function createFaultList(maxFaults: number): FaultList {
  const faults: FieldError[] = [];
  return {
    faults,
    get isFull() {
      return faults.length >= maxFaults;
    },
    add(path, keyword, message) {
      if (faults.length >= maxFaults) return;
      const pointer = typeof path === 'string' ? cut(path, MAX_POINTER_CHARS) : toPointer(path);
      faults.push({ pointer, keyword, message });
    },
  };
}

/** The same list, for a part of the document: what is added there stands at `pointer` and below. */
export function faultsAt(faults: FaultList, pointer: string): FaultList {
  if (pointer === '') return faults;
  return {
    faults: faults.faults,
    get isFull() {
      return faults.isFull;
    },
    add(path, keyword, message) {
      faults.add(pointer + (typeof path === 'string' ? path : toPointer(path)), keyword, message);
    },
  };
}

/** RFC 6901 pointer of a path. A key of more than 80 characters, and a pointer of more than 500, end in `…`. */
export function toPointer(path: Path): string {
  const tokens = path.map((token) => `/${escapeToken(cut(String(token), MAX_TOKEN_CHARS))}`);
  return cut(tokens.join(''), MAX_POINTER_CHARS);
}

/** Input quoted for a message: as JSON text, at most about 80 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(cut(text, MAX_TOKEN_CHARS));
}

function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Cuts to a length, and makes what is left well-formed: the cut, or the input, may hold half a surrogate pair. */
function cut(text: string, maxChars: number): string {
  const short = text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
  return short.replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
}
