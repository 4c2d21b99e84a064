import { encode } from '@msgpack/msgpack';
import { stringify } from 'yaml';
import { MplpError, type FieldError } from '../../errors/index.js';
import { readMessagePackSpan } from '../msgpack-span.js';
import { decodeUtf8, type StrictDocument } from '../strict-json.js';
import { readJson, type JsonDocument } from './json-reader.js';
import { readYaml } from './yaml-reader.js';

/** How a document is written. */
export type DocumentFormat = 'json' | 'yaml' | 'msgpack';
export const documentFormats: readonly DocumentFormat[] = ['json', 'yaml', 'msgpack'];

/** Faults of one document that are named in one answer. */
export const MAX_DOCUMENT_FAULTS = 20;

/**
 * The value that a text or bytes stand for. JSON and YAML may come as text or as UTF-8 bytes, MessagePack as bytes.
 * Numbers are doubles in every format.
 *
 * @throws MplpError MPLP_ERR_PROTOCOL_MALFORMED with a fault for each place that cannot be read
 */
export function readDocumentValue(input: string | Uint8Array, format: DocumentFormat): unknown {
  return readSizedDocument(input, format).value;
}

/** The same, with the size of what was read: text counts in UTF-8. */
export function readSizedDocument(
  input: string | Uint8Array,
  format: DocumentFormat,
): { readonly value: unknown; readonly sizeBytes: number } {
  const { value, faults, sizeBytes } = read(input, format);
  if (faults.length > 0) throw malformed(faults);
  return {
    value,
    sizeBytes: sizeBytes ?? (typeof input === 'string' ? Buffer.byteLength(input) : input.length),
  };
}

export function malformed(faults: readonly FieldError[]): MplpError {
  const text = faults.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ');
  return new MplpError('MPLP_ERR_PROTOCOL_MALFORMED', `The document cannot be read: ${text}.`, {
    errors: faults,
  });
}

function read(input: string | Uint8Array, format: DocumentFormat): StrictDocument & Partial<JsonDocument> {
  if (format === 'msgpack') {
    if (typeof input === 'string') return refused('type', 'MessagePack comes as bytes, not as text');
    return readMessagePackSpan(input, MAX_DOCUMENT_FAULTS);
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (text === undefined) return refused('utf8', 'is not valid UTF-8');
  return format === 'json' ? readJson(text, MAX_DOCUMENT_FAULTS) : readYaml(text, MAX_DOCUMENT_FAULTS);
}

function refused(keyword: string, message: string): StrictDocument {
  return { value: undefined, faults: [{ pointer: '', keyword, message }] };
}

/** The document as JSON text, YAML text or MessagePack bytes; reading them back gives an equal document. */
export function writeDocument(document: unknown, format: 'json' | 'yaml'): string;
export function writeDocument(document: unknown, format: DocumentFormat): string | Uint8Array;
export function writeDocument(document: unknown, format: DocumentFormat): string | Uint8Array {
  switch (format) {
    case 'json':
      return JSON.stringify(document);
    case 'msgpack':
      return encode(document, { ignoreUndefined: true, maxDepth: 1000 });
    case 'yaml':
      return stringify(document, {
        version: '1.2',
        schema: 'core',
        aliasDuplicateObjects: false,
        lineWidth: 0,
      });
  }
}
