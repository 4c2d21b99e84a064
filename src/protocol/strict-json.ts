import { createFaultList, quote, Unreadable, type FaultList } from './faults.js';
import type { FieldError } from '../errors/index.js';

/** Levels of objects and arrays a document may have; the outermost counts as one. */
export const MAX_DEPTH = 64;

/** A number as it was spelled. */
export class NumberText {
  constructor(readonly text: string) {}
}

export interface StrictDocument {
  /** The document; `undefined` when it cannot be read to its end. Objects have no prototype. */
  readonly value: unknown;
  readonly faults: readonly FieldError[];
}

/**
 * Reads one JSON text (RFC 8259) and lists what `JSON.parse` lets pass in silence: repeated keys, `__proto__`
 * keys, lone surrogates, numbers that no double can hold, nesting beyond `MAX_DEPTH`, invalid UTF-8. Reading
 * goes on after a fault unless the text is not JSON from there on or the list is full. Time is linear in the text and the stack
 * is bounded by the depth limit, whatever the input. With `keepsNumbers`, numbers come as `NumberText`.
 */
export function readStrictJson(bytes: Uint8Array, maxFaults: number, keepsNumbers = false): StrictDocument {
  const faults = createFaultList(maxFaults);
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    const offset = findInvalidUtf8(bytes);
    faults.add('', 'utf8', `is not valid UTF-8 at byte ${offset}`);
    return { value: undefined, faults: faults.faults };
  }
  const reader = new Reader(text, faults, keepsNumbers);
  try {
    return { value: reader.readDocument(), faults: faults.faults };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { value: undefined, faults: faults.faults };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of UTF-8 bytes, a byte order mark kept; `undefined` when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader {
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly text: string,
    private readonly faults: FaultList,
    private readonly keepsNumbers: boolean,
  ) {}

  readDocument(): unknown {
    if (this.text.startsWith('\u{feff}'))
      this.fail('starts with a byte order mark, which JSON does not allow');
    this.skipSpace();
    if (this.at === this.text.length) this.fail('is empty');
    const value = this.readValue();
    this.skipSpace();
    if (this.at < this.text.length) this.fail(`has more text after its end: ${this.here()}`);
    return value;
  }

  private readValue(): unknown {
    switch (this.text[this.at]) {
      case '{':
        return this.readObject();
      case '[':
        return this.readArray();
      case '"':
        return this.readString();
      case 't':
        return this.readWord('true', true);
      case 'f':
        return this.readWord('false', false);
      case 'n':
        return this.readWord('null', null);
      default:
        return this.readNumber();
    }
  }

  private readObject(): Record<string, unknown> {
    this.enter();
    const object = Object.create(null) as Record<string, unknown>;
    if (this.tryTake('}')) return object;
    do {
      this.skipSpace();
      if (this.text[this.at] !== '"') this.fail(`needs a key in double quotes, not ${this.here()}`);
      const key = this.readString();
      this.path.push(key);
      if (key === '__proto__') this.note('protoKey', 'the key __proto__ is not allowed');
      else if (key in object) this.note('duplicateKey', 'the key is in this object more than once');
      if (!this.tryTake(':')) this.fail(`needs a colon after the key, not ${this.here()}`);
      this.skipSpace();
      object[key] = this.readValue();
      this.path.pop();
    } while (this.tryTake(','));
    if (!this.tryTake('}')) this.fail(`needs a comma or } here, not ${this.here()}`);
    return object;
  }

  private readArray(): unknown[] {
    this.enter();
    const array: unknown[] = [];
    if (this.tryTake(']')) return array;
    do {
      this.skipSpace();
      this.path.push(array.length);
      array.push(this.readValue());
      this.path.pop();
    } while (this.tryTake(','));
    if (!this.tryTake(']')) this.fail(`needs a comma or ] here, not ${this.here()}`);
    return array;
  }

  /** Steps over the opening bracket. The path is as long as the number of containers around this one. */
  private enter(): void {
    if (this.path.length >= MAX_DEPTH) {
      this.faults.add(this.path, 'depth', `is nested deeper than ${MAX_DEPTH} levels`);
      throw new Unreadable();
    }
    this.at += 1;
  }

  private readString(): string {
    const { text } = this;
    let value = '';
    let start = this.at + 1;
    let hasSurrogateEscape = false;
    for (let at = start; ; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.at = at + 1;
        value += text.slice(start, at);
        break;
      }
      if (code === 0x5c) {
        this.at = at;
        const escaped = this.readEscape();
        hasSurrogateEscape ||= escaped >= '\u{d800}' && escaped <= '\u{dfff}';
        value += text.slice(start, at) + escaped;
        start = this.at;
        at = start - 1;
      } else if (!(code >= 0x20)) {
        this.at = at;
        if (at >= text.length) this.fail('ends inside a string');
        this.fail(`has an unescaped control character in a string: ${this.here()}`);
      }
    }
    // Raw text was valid UTF-8, so only escapes can have left half a pair.
    if (hasSurrogateEscape && /\p{Surrogate}/u.test(value)) {
      this.note('loneSurrogate', `has a lone surrogate escape in the string ${quote(value)}`);
    }
    return value;
  }

  /** Reads one escape; half a surrogate pair comes back as it is. */
  private readEscape(): string {
    const letter = this.text[this.at + 1] ?? '';
    const simple = ESCAPES[letter];
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    HEX4.lastIndex = this.at + 2;
    const hex = letter === 'u' ? HEX4.exec(this.text)?.[0] : undefined;
    if (hex === undefined) this.fail(`has an unknown escape in a string: ${this.here()}`);
    this.at += 6;
    return String.fromCharCode(parseInt(hex, 16));
  }

  private readNumber(): number | NumberText {
    NUMBER.lastIndex = this.at;
    const spelled = NUMBER.exec(this.text)?.[0];
    if (spelled === undefined) this.fail(`needs a value here, not ${this.here()}`);
    this.at += spelled.length;
    const value = Number(spelled);
    if (!Number.isFinite(value)) {
      this.note('number', `the number ${quote(spelled)} is beyond what a double can hold`);
    }
    return this.keepsNumbers ? new NumberText(spelled) : value;
  }

  private readWord<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail(`needs a value here, not ${this.here()}`);
    this.at += word.length;
    return value;
  }

  /** Steps over white space and, if it comes next, the character. */
  private tryTake(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  /** What stands at the current place, for a message. */
  private here(): string {
    return this.at >= this.text.length
      ? 'the end of the text'
      : quote(this.text.slice(this.at, this.at + 20));
  }

  /** Lists a fault. When the list is full, the rest of the input can change nothing and is not read. */
  private note(keyword: string, message: string): void {
    this.faults.add(this.path, keyword, message);
    if (this.faults.isFull) throw new Unreadable();
  }

  private fail(what: string): never {
    const offset = Buffer.byteLength(this.text.slice(0, this.at));
    this.faults.add(this.path, 'syntax', `is not valid JSON at byte ${offset}: ${what}`);
    throw new Unreadable();
  }
}

/** Offset of the first byte that starts no well-formed sequence (Unicode 15, table 3-7). */
function findInvalidUtf8(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return at;
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  // The second byte has a narrower range after four of the first ones: no overlong forms, surrogates, or more than U+10FFFF.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index] ?? 0;
    if (byte < (index === 1 ? least : 0x80) || byte > (index === 1 ? most : 0xbf)) return 0;
  }
  return length;
}
