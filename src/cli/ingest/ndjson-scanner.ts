import type { ItemScanner, ScannerState } from './item-scanner.js';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** One span a line; lines of blanks are skipped. */
export function createNdjsonScanner(state: ScannerState): ItemScanner {
  return {
    state,
    find(bytes, from, isLast) {
      let start = from;
      let line = state.line;
      for (;;) {
        const newline = bytes.indexOf(NEWLINE, start);
        if (newline === -1 && (!isLast || start >= bytes.length)) return undefined;
        const lineEnd = newline === -1 ? bytes.length : newline;
        const end = bytes[lineEnd - 1] === RETURN && lineEnd > start ? lineEnd - 1 : lineEnd;
        const next = newline === -1 ? bytes.length : newline + 1;
        if (!isBlank(bytes, start, end)) {
          state.line = line + 1;
          return { start, end, next, line };
        }
        if (newline === -1) return undefined;
        line += 1;
        start = next;
      }
    },
  };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x09 && byte !== RETURN) return false;
  }
  return true;
}
