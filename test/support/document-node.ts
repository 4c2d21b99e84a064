/**
 * A document before it is spelled: richer than a JSON value, so that it can say what JSON.parse and a MessagePack
 * decoder would hide: the order and repetition of keys, number spellings, lone surrogates, binaries, odd keys.
 */
export type Node =
  | { readonly type: 'object'; readonly members: Member[] }
  | { readonly type: 'array'; readonly items: Node[] }
  | { readonly type: 'string'; readonly text: string }
  /** Spelled as in JSON, or as something close to it. */
  | { readonly type: 'number'; readonly spelling: string }
  | { readonly type: 'word'; readonly word: string }
  /** MessagePack only. */
  | { readonly type: 'binary'; readonly bytes: Uint8Array }
  | { readonly type: 'extension'; readonly code: number; readonly bytes: Uint8Array };

/** A key that is not a string is a fault in either form. */
export type Member = [key: string | Node, value: Node];

export const object = (members: Member[]): Node => ({ type: 'object', members });
export const array = (items: Node[]): Node => ({ type: 'array', items });
export const string = (text: string): Node => ({ type: 'string', text });
export const number = (spelling: string): Node => ({ type: 'number', spelling });
export const word = (text: string): Node => ({ type: 'word', word: text });
export const binary = (bytes: Uint8Array): Node => ({ type: 'binary', bytes });
export const extension = (code: number, bytes: Uint8Array): Node => ({ type: 'extension', code, bytes });

/** How documents are encoded; a line of NDJSON is `json`. */
export type Form = 'json' | 'msgpack';
