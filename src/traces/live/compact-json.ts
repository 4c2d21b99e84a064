import type { BodyForm } from '../../native/contract.js';
import { msgpackToJson } from './msgpack-json.js';

const LF = 10;
const CR = 13;
const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;

/**
 * The JSON text of one accepted span on a single line, in memory of its own. The client's bytes are kept as they are
 * unless a line break in them would end a server-sent event early; then white space between tokens goes.
 */
export function compactSpan(form: BodyForm, span: Uint8Array): Buffer {
  if (form === 'msgpack') return Buffer.from(msgpackToJson(span));
  const copy = Buffer.from(span);
  return copy.includes(LF) || copy.includes(CR) ? withoutWhiteSpace(copy) : copy;
}

/** Works in place. The text is known to be valid JSON, so control characters occur only between tokens. */
function withoutWhiteSpace(text: Buffer): Buffer {
  let to = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (inString) {
      text[to++] = byte;
      if (byte === BACKSLASH) text[to++] = text[++at] as number;
      else if (byte === QUOTE) inString = false;
    } else if (byte > SPACE) {
      text[to++] = byte;
      inString = byte === QUOTE;
    }
  }
  return text.subarray(0, to);
}
