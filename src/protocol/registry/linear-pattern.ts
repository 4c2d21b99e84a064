import { RE2JS } from 're2js';

/** White space of ECMA-262, as members of an RE2 class. */
const SPACE =
  '\\x09-\\x0d\\x20\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const NO_SPACE =
  '\\x00-\\x08\\x0e-\\x1f\\x21-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
const NO_LINE_END = '[^\\n\\r\\x{2028}\\x{2029}]';

export interface LinearPattern {
  /** Is there a match anywhere in the text? In time linear in the text. */
  test(text: string): boolean;
  /** The pattern itself: Ajv takes two patterns with the same text for one. */
  toString(): string;
}

/**
 * A regular expression of JSON Schema (ECMA-262 with the flag `u`) on RE2, which knows no backtracking: no pattern
 * takes more than linear time. What RE2 has no word for (lookaround, backreferences, more than 1,000 repetitions) is
 * refused; `\s`, `\S` and `.` are spelled out, since RE2 means less by them.
 *
 * @throws Error with the reason, for the author of the pattern
 */
export function compileLinearPattern(pattern: string): LinearPattern {
  try {
    new RegExp(pattern, 'u');
  } catch {
    throw new Error('is not a regular expression of ECMA-262 (flag u)');
  }
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(spellOut(pattern)));
    return { test: (text) => compiled.test(text), toString: () => pattern };
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'it cannot be compiled';
    throw new Error(
      `cannot run in linear time, so lookaround, backreferences and large repetitions are refused: ${reason}`,
    );
  }
}

function spellOut(pattern: string): string {
  let result = '';
  let isInClass = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      const next = pattern.charAt(at + 1);
      at += 1;
      if (next === 's') result += isInClass ? SPACE : `[${SPACE}]`;
      else if (next === 'S') result += isInClass ? NO_SPACE : `[^${SPACE}]`;
      else if (isInClass && next === 'b') result += '\\x08';
      else result += character + next;
      continue;
    }
    if (character === '[' && !isInClass) isInClass = true;
    // RE2 reads `[:` in a class as the start of a named one.
    else if (character === '[') {
      result += '\\[';
      continue;
    } else if (character === ']') isInClass = false;
    result += character === '.' && !isInClass ? NO_LINE_END : character;
  }
  return result;
}
