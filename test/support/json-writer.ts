import type { Member, Node } from './document-node.js';
import type { Random } from './random.js';

/** How free one document is with what JSON leaves open; probabilities. */
export interface JsonStyle {
  readonly space: number;
  readonly escape: number;
}

const SHORT_ESCAPES = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['/', '\\/'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** JSON text of a node, with white space and escapes chosen at random. Lone surrogates come out as escapes. */
export function writeJson(node: Node, random: Random, style: JsonStyle): string {
  const space = (): string => {
    if (!random.chance(style.space)) return '';
    return random.pick([' ', '  ', '\t', '\r', ' \t ', '\n', '\r\n']);
  };
  const wrap = (open: string, close: string, parts: string[]): string =>
    `${open}${space()}${parts.map((part) => `${part}${space()}`).join(`,${space()}`)}${close}`;
  const writeMember = ([key, value]: Member): string =>
    `${typeof key === 'string' ? quoted(key) : write(key)}${space()}:${space()}${write(value)}`;
  const write = (value: Node): string => {
    switch (value.type) {
      case 'object':
        return wrap('{', '}', value.members.map(writeMember));
      case 'array':
        return wrap('[', ']', value.items.map(write));
      case 'string':
        return quoted(value.text);
      case 'number':
        return value.spelling;
      case 'word':
        return value.word;
      default:
        return quoted(Buffer.from(value.bytes).toString('hex'));
    }
  };
  const quoted = (text: string): string => {
    let out = '"';
    for (const character of text) out += spellCharacter(character, random, style.escape);
    return `${out}"`;
  };
  return `${space()}${write(node)}${space()}`;
}

function spellCharacter(character: string, random: Random, escape: number): string {
  const code = character.codePointAt(0) ?? 0;
  const isRawAllowed =
    code >= 0x20 && character !== '"' && character !== '\\' && (code < 0xd800 || code > 0xdfff);
  if (isRawAllowed && !random.chance(escape)) return character;
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined && random.chance(0.5)) return short;
  return Array.from({ length: character.length }, (_, index) => {
    const hex = character.charCodeAt(index).toString(16).padStart(4, '0');
    return `\\u${random.chance(0.5) ? hex : hex.toUpperCase()}`;
  }).join('');
}
