const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/**
 * Calls `visit` for each member of a JSON object with the raw text of its key (quotes included) and value, without
 * reading the value: numbers and strings stay as they are written. `text` must be a valid JSON object.
 */
export function forEachMember(text: string, visit: (key: string, value: string) => void): void {
  let at = text.indexOf('{') + 1;
  for (;;) {
    const keyStart = text.indexOf('"', at);
    if (keyStart < 0) return;
    const keyEnd = endOfString(text, keyStart);
    const valueStart = text.indexOf(':', keyEnd) + 1;
    const valueEnd = endOfValue(text, valueStart);
    visit(text.slice(keyStart, keyEnd), text.slice(valueStart, valueEnd).trim());
    if (text.charCodeAt(valueEnd) !== COMMA) return;
    at = valueEnd + 1;
  }
}

/** Calls `visit` with the raw text of each element of a JSON array. `text` must be a valid JSON array. */
export function forEachElement(text: string, visit: (element: string) => void): void {
  let at = text.indexOf('[') + 1;
  for (;;) {
    const end = endOfValue(text, at);
    const element = text.slice(at, end).trim();
    if (element !== '') visit(element);
    if (text.charCodeAt(end) !== COMMA) return;
    at = end + 1;
  }
}

/** Index behind the closing quote of the string that opens at `at`. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; ; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE || i >= text.length) return i + 1;
  }
}

/** Index of the comma or bracket that ends the value which begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 0) return i;
      depth -= 1;
    } else if (code === COMMA && depth === 0) return i;
  }
  return text.length;
}
