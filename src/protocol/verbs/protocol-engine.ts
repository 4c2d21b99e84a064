import {
  documentFormats,
  readSizedDocument,
  writeDocument,
  type DocumentFormat,
} from '../formats/formats.js';
import type { ValidationResult } from '../validation-result.js';
import { mergeObjects } from './merge.js';
import {
  checkProtocolType,
  refuse,
  toProtocolObject,
  type ProtocolObject,
  type ProtocolType,
  type ProtocolVersion,
} from './protocol-object.js';
import { transformObject } from './transform.js';
import { validateObject } from './validate.js';
import { createVerbMeter, type PerformanceMetrics, type VerbMeter } from './verb-meter.js';

/**
 * What can be done to protocol documents without storing them. Every call is synchronous and works on the caller's
 * thread; what is given is never changed, and results may share parts with it.
 */
export interface ProtocolEngine {
  /**
   * Reads a document; it need not be valid. JSON unless a format is given; MessagePack comes as bytes.
   *
   * @throws MplpError MPLP_ERR_PROTOCOL_MALFORMED when it cannot be read, MPLP_ERR_PROTOCOL_INVALID when it is no object
   */
  parse(input: string | Uint8Array, type: ProtocolType, format?: DocumentFormat): ProtocolObject;
  /** The type's schema, then the rules that a schema cannot say. Never throws on a document. */
  validate(object: ProtocolObject): ValidationResult;
  /** Text for JSON and YAML, bytes for MessagePack. */
  serialize(object: ProtocolObject, format?: 'json' | 'yaml'): string;
  serialize(object: ProtocolObject, format: DocumentFormat): string | Uint8Array;
  /** The document in the 0.9 draft's shape or in that of 1.0. @throws MplpError MPLP_ERR_PROTOCOL_INVALID */
  transform(object: ProtocolObject, target: ProtocolVersion): ProtocolObject;
  /** One 1.0 document out of several of a type; later values stand. @throws MplpError MPLP_ERR_PROTOCOL_INVALID */
  merge(objects: readonly ProtocolObject[]): ProtocolObject;
  /** What the calls have cost so far. */
  getPerformanceMetrics(): PerformanceMetrics;
}

/** @param meter counts the calls; one of its own unless given. */
export function createProtocolEngine(meter: VerbMeter = createVerbMeter()): ProtocolEngine {
  return {
    parse: (input, type, format = 'json') =>
      meter.measure('parse', () => {
        checkProtocolType(type);
        const { value, sizeBytes } = readSizedDocument(input, checkFormat(format));
        const { version, document } = toProtocolObject(type, value, '');
        return { type, version, document, sizeBytes };
      }),
    validate: (object) => meter.measure('validate', () => validateObject(object)),
    serialize: ((object, format = 'json') =>
      meter.measure('serialize', () =>
        writeDocument(object.document, checkFormat(format)),
      )) as ProtocolEngine['serialize'],
    transform: (object, target) => meter.measure('transform', () => transformObject(object, target)),
    merge: (objects) => meter.measure('merge', () => mergeObjects(objects)),
    getPerformanceMetrics: () => meter.read(),
  };
}

function checkFormat(format: DocumentFormat): DocumentFormat {
  if (documentFormats.includes(format)) return format;
  throw refuse('/format', 'enum', `must be one of ${documentFormats.join(', ')}`);
}
