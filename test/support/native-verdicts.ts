import type { FieldError } from '#dist/errors/index.js';
import type { DecodeOptions, DecodeResult, BodyForm, SpanDecoder } from '#dist/native/index.js';
import type { SpanJudge } from '#dist/protocol/index.js';
import { spanWindow } from './date-spellings.js';
import type { Form } from './document-node.js';
import type { SpanDocument } from './span-documents.js';

export interface Comparison {
  /** The judge's faults of a document, remembered. */
  faultsOf(document: SpanDocument): readonly FieldError[];
  /** What the two sides say differently about one body, with the bytes in hexadecimal; `undefined` when they agree. */
  compareAlone(document: SpanDocument, maxSpanBytes?: number): string | undefined;
  compareBatch(documents: readonly SpanDocument[], body: BatchBody): string | undefined;
  /** An array that a document breaks is malformed as a whole, and nothing of it is stored. */
  compareBrokenArray(valid: SpanDocument, broken: SpanDocument): string | undefined;
}

export type BatchBody = 'ndjson' | 'json array' | 'msgpack sequence' | 'msgpack array';

const NEWLINE = 0x0a;

interface Decoded {
  readonly result: DecodeResult;
  readonly block: Uint8Array;
}

/** Compares the native decoder's verdicts with the judge's, body form by body form. */
export function createComparison(
  decoder: SpanDecoder,
  createJudge: (maxSpanBytes: number) => SpanJudge,
  defaultMaxSpanBytes: number,
): Comparison {
  const defaultJudge = createJudge(defaultMaxSpanBytes);
  const decode = (body: Uint8Array, form: BodyForm, maxSpanBytes: number): Decoded => {
    const options: DecodeOptions = {
      projectId: 'p',
      seqBase: 0n,
      receivedAtSeconds: 1,
      maxSpanBytes,
      ...spanWindow,
    };
    const result = decoder.decode(withSlack(body), body.length, form, options);
    const { rows } = decoder;
    const block = Buffer.alloc(decoder.maxBlockBytes);
    const { bytes } = decoder.take(block);
    if (rows !== result.accepted) throw new Error(`${rows} rows of ${result.accepted} accepted spans`);
    return { result, block: block.subarray(0, bytes) };
  };
  const verdicts = new WeakMap<SpanDocument, readonly FieldError[]>();
  const faultsOf = (document: SpanDocument): readonly FieldError[] => {
    const faults = verdicts.get(document) ?? defaultJudge.judge(document.bytes, document.form, spanWindow);
    verdicts.set(document, faults);
    return faults;
  };

  return {
    faultsOf,

    compareAlone(document, maxSpanBytes = defaultMaxSpanBytes) {
      const faults =
        maxSpanBytes === defaultMaxSpanBytes
          ? faultsOf(document)
          : createJudge(maxSpanBytes).judge(document.bytes, document.form, spanWindow);
      // Alone, an array would be a body of many spans, so it goes into one more.
      const body = isArray(document) ? wrapInArray([document], document.form) : document.bytes;
      const { result } = decode(body, document.form, maxSpanBytes);
      const isAccepted = result.malformed === undefined && result.total === 1 && result.accepted === 1;
      if (isAccepted === (faults.length === 0)) return undefined;
      return `${document.form} ${hex(document.bytes)} (at most ${maxSpanBytes} bytes)\njudge: ${show(faults)}\nnative: ${show(result)}`;
    },

    compareBatch(documents, body) {
      const fitting = documents.filter((document) => fits(document, body));
      const bytes = join(fitting, body);
      const form = body === 'ndjson' ? 'ndjson' : body.startsWith('json') ? 'json' : 'msgpack';
      const { result, block } = decode(bytes, form, defaultMaxSpanBytes);
      const refused = triples(result.refused);
      const report = (what: string): string => `${body}: ${what}\n${hex(bytes)}\nnative: ${show(result)}`;
      if (result.malformed !== undefined) return report('malformed');
      if (result.total !== fitting.length) return report(`${result.total} spans seen of ${fitting.length}`);
      for (const [index, document] of fitting.entries()) {
        const range = refused.get(index);
        if ((range === undefined) !== (faultsOf(document).length === 0)) {
          return report(`span ${index} is ${hex(document.bytes)}\njudge: ${show(faultsOf(document))}`);
        }
        if (range === undefined) continue;
        refused.delete(index);
        const found = trim(bytes.subarray(...range), document.form);
        if (!Buffer.from(found).equals(trim(document.bytes, document.form))) {
          return report(`span ${index} is ${hex(document.bytes)}, the range given is ${hex(found)}`);
        }
      }
      if (refused.size > 0) return report('refusals of spans that are not there');
      const valid = fitting.filter((document) => faultsOf(document).length === 0);
      const alone = decode(join(valid, body), form, defaultMaxSpanBytes);
      if (Buffer.compare(alone.block, block) === 0) return undefined;
      return report('the refused spans left a trace in the rows of the others');
    },

    compareBrokenArray(valid, broken) {
      const { form } = broken;
      const body = wrapInArray([valid, broken], form);
      const isBroken =
        form === 'json' ? !isJson(body) : faultsOf(broken).some(({ keyword }) => keyword === 'syntax');
      if (!isBroken) return undefined;
      const { result } = decode(body, form, defaultMaxSpanBytes);
      if (result.malformed !== undefined && result.accepted === 0) return undefined;
      return `a broken array of ${form} was read\n${hex(body)}\nnative: ${show(result)}`;
    },
  };
}

/** Whether a document is one item of such a body whatever its faults, so that its neighbours must not notice it. */
function fits(document: SpanDocument, body: BatchBody): boolean {
  const { bytes, form, isBroken } = document;
  switch (body) {
    case 'ndjson':
      return form === 'json' && !bytes.includes(NEWLINE) && trim(bytes, form).length > 0;
    case 'json array':
      return form === 'json' && isJson(bytes);
    case 'msgpack sequence':
      return form === 'msgpack' && !isBroken && isMap(bytes[0]);
    case 'msgpack array':
      return form === 'msgpack' && !isBroken;
  }
}

function join(documents: readonly SpanDocument[], body: BatchBody): Uint8Array {
  const items = documents.map(({ bytes }) => bytes);
  if (body === 'ndjson') {
    const endings = ['\n', '\r\n', '\n\n', ' \n', '\n \t\r\n'];
    return Buffer.concat(
      items.flatMap((item, index) => [item, Buffer.from(endings[index % endings.length]!)]),
    );
  }
  if (body === 'msgpack sequence') return Buffer.concat(items);
  return wrapInArray(documents, body === 'json array' ? 'json' : 'msgpack');
}

function wrapInArray(documents: readonly SpanDocument[], form: Form): Uint8Array {
  const items = documents.map(({ bytes }) => bytes);
  if (form === 'json') {
    const spaced = items.flatMap((item, index) => [Buffer.from(index === 0 ? '[' : ','), item]);
    return Buffer.concat([...(items.length === 0 ? [Buffer.from('[')] : spaced), Buffer.from(']')]);
  }
  const header = Buffer.alloc(5, 0xdd);
  header.writeUInt32BE(items.length, 1);
  return Buffer.concat([header, ...items]);
}

/** Slack that would change the verdict if it were read: quotes, digits, brackets. */
function withSlack(body: Uint8Array): Uint8Array {
  const slack = Buffer.from('"}]}0,{"id":1}}]]"');
  const copy = Buffer.alloc(body.length + 80);
  copy.set(body);
  for (let at = body.length; at < copy.length; at += 1) copy[at] = slack[(at - body.length) % slack.length]!;
  return copy;
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function isArray({ bytes, form }: SpanDocument): boolean {
  if (form === 'json') return trim(bytes, form)[0] === 0x5b;
  const first = bytes[0] ?? 0;
  return (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd;
}

function isMap(first = 0): boolean {
  return (first & 0xf0) === 0x80 || first === 0xde || first === 0xdf;
}

function trim(bytes: Uint8Array, form: Form): Uint8Array {
  if (form === 'msgpack') return bytes;
  const isSpace = (byte: number): boolean =>
    byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE;
  let [start, end] = [0, bytes.length];
  while (start < end && isSpace(bytes[start]!)) start += 1;
  while (start < end && isSpace(bytes[end - 1]!)) end -= 1;
  return bytes.subarray(start, end);
}

function triples(numbers: Uint32Array): Map<number, [start: number, end: number]> {
  const map = new Map<number, [number, number]>();
  for (let at = 0; at < numbers.length; at += 3) map.set(numbers[at]!, [numbers[at + 1]!, numbers[at + 2]!]);
  return map;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const show = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (part instanceof Uint32Array ? [...part] : part));
