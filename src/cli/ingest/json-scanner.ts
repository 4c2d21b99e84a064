import { BrokenFile, type ItemScanner, type ScannerState } from './item-scanner.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const NEWLINE = 0x0a;

/**
 * An array of spans, or one span or several after each other. Only brackets and strings are looked at, so that
 * a span which is no valid JSON inside still comes out whole and is refused by the engine with its own reason.
 */
export function createJsonScanner(state: ScannerState): ItemScanner {
  /** Counts the lines between two places, once each. */
  const countLines = (bytes: Buffer, from: number, to: number): void => {
    for (let at = bytes.indexOf(NEWLINE, from); at !== -1 && at < to; at = bytes.indexOf(NEWLINE, at + 1))
      state.line += 1;
  };

  return {
    state,
    find(bytes, from, isLast) {
      let at = from;
      let insideArray = state.insideArray;
      for (; at < bytes.length; at++) {
        const byte = bytes[at] ?? 0;
        if (isSpace(byte) || (byte === COMMA && insideArray)) continue;
        if (byte === ARRAY_OPEN && !insideArray) insideArray = true;
        else if (byte === ARRAY_CLOSE && insideArray) insideArray = false;
        else break;
      }
      if (at >= bytes.length) {
        if (isLast && insideArray) throw new BrokenFile('the array has no end', bytes.length);
        return undefined;
      }
      const end =
        bytes[at] === OBJECT_OPEN || bytes[at] === ARRAY_OPEN
          ? endOfNested(bytes, at)
          : endOfScalar(bytes, at, isLast);
      if (end === undefined) {
        if (isLast) throw new BrokenFile('the last span has no end', at);
        return undefined;
      }
      countLines(bytes, from, at);
      const line = state.line;
      countLines(bytes, at, end);
      state.insideArray = insideArray;
      return { start: at, end, next: end, line };
    },
  };
}

function endOfNested(bytes: Buffer, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const close = endOfString(bytes, at);
      if (close === undefined) return undefined;
      at = close - 1;
    } else if (byte === OBJECT_OPEN || byte === ARRAY_OPEN) depth += 1;
    else if (byte === OBJECT_CLOSE || byte === ARRAY_CLOSE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** A string, number or word where a span should be. */
function endOfScalar(bytes: Buffer, start: number, isLast: boolean): number | undefined {
  if (bytes[start] === QUOTE) return endOfString(bytes, start);
  let at = start + 1;
  while (at < bytes.length && !isSpace(bytes[at] ?? 0) && bytes[at] !== COMMA && bytes[at] !== ARRAY_CLOSE)
    at++;
  return at < bytes.length || isLast ? at : undefined;
}

function endOfString(bytes: Buffer, start: number): number | undefined {
  for (let quote = bytes.indexOf(QUOTE, start + 1); quote !== -1; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (bytes[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return undefined;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;
}
