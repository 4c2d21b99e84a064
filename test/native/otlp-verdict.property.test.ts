/**
 * The native decoder accepts an OpenTelemetry span exactly when the judge does, whatever was done to its bytes. OTLP_SEED
 * repeats a run, OTLP_DOCUMENTS makes a longer one.
 */
import { expect, test } from 'vitest';
import { loadNative, type BodyForm } from '#dist/native/index.js';
import { createSpanJudge, type OtlpForm } from '#dist/protocol/index.js';
import { breakBytes } from '../support/byte-mutations.js';
import { decode } from '../support/native-block.js';
import { makeRequest, requestBytes, requestJson, spanBytes, type OtlpRequest } from '../support/otlp-documents.js';
import { message } from '../support/protobuf-writer.js';
import { createRandom, type Random } from '../support/random.js';

const native = loadNative();
const seedBase = Number(process.env['OTLP_SEED'] ?? Date.now() % 0x7fff_ffff);
const documents = Number(process.env['OTLP_DOCUMENTS'] ?? 1200);
const maxSpanBytes = 6000;
const window = { minTimeUnixNano: 1_737_999_632_200_000_000n, maxTimeUnixNano: 1_737_999_632_800_000_000n };
const judge = createSpanJudge({ maxSpanBytes });
const decoder = native.createSpanDecoder();
decoder.setTailFilters([{ projectId: 'project' }], 10_000);

/** Decodes the body and asks the judge about each span that was refused. Says what they disagree about. */
function contradiction(body: Uint8Array, form: OtlpForm): { text?: string; refused: number; accepted: number } {
  const result = decode(decoder, body, form as BodyForm, { maxSpanBytes, ...window });
  decoder.discard();
  const counts = { refused: result.refused.length / 3, accepted: result.accepted };
  const spans = judge.openOtlp(body, body.length, form);
  for (let i = 0; i < result.refused.length; i += 3) {
    const [index, start, end] = [0, 1, 2].map((n) => result.refused[i + n]!) as [number, number, number];
    if (spans.judge(start, end, window).length === 0)
      return { ...counts, text: `span ${index} at [${start}, ${end}) is refused natively only` };
  }
  for (let i = 0; i < result.matches.length; i += 3) {
    const [start, end] = [result.matches[i + 1]!, result.matches[i + 2]!];
    const faults = spans.judge(start, end, window);
    if (faults.length > 0)
      return { ...counts, text: `the span at [${start}, ${end}) has ${JSON.stringify(faults)}` };
  }
  return counts;
}

/** Scraps that upset readers of protobuf. */
// prettier-ignore
const SCRAPS = [
  '00', '07', '0b', '0c', 'ffffffffffffffffff01', 'ffffffffffffffffff02', '80808080808080808080', '8a00', '0affffffff0f',
  '0a00', '1200', '0a0100', '3a00', '4a00', '4a020a00', '4a021200', '4a0412022a00', '5a00', '6a00', '7a00', '7a021803', '8501ffffffff',
  '1a01ff', '2a02c328', '2200', '22080000000000000000', '0a1000000000000000000000000000000000', '12080000000000000000',
  '390000000000000000', '39ffffffffffffffff', '41ffffffffffffffff', '410100000000000000', '30ffffffffffffffffff01',
];

function breakProtobuf(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const scrap = Buffer.from(random.pick(SCRAPS), 'hex');
  switch (random.below(5)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), scrap, bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes, scrap]);
    case 3:
      return Buffer.concat([scrap, bytes]);
    default: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8);
      return copy;
    }
  }
}

/** A body whose frame holds, around spans, resources and scopes that were damaged. */
function damagedProtobuf(request: OtlpRequest, random: Random): Uint8Array {
  const maybe = (bytes: Uint8Array, chance: number) =>
    random.chance(chance) ? breakProtobuf(bytes, random) : bytes;
  return message(
    ...request.resourceSpans.map((outer) => {
      const resource = requestBytes({ resourceSpans: [{ ...outer, scopeSpans: [] }] });
      // The resource is the first field of the only message.
      const inner = resource.subarray(resource.length < 130 ? 2 : resource.length < 16386 ? 3 : 4);
      const head = outer.resource === undefined ? [] : [firstContent(inner)];
      return [
        1,
        'bytes',
        message(
          ...head.map((bytes) => [1, 'bytes', maybe(bytes, 0.1)] as const),
          ...outer.scopeSpans.map(
            (scope) =>
              [
                2,
                'bytes',
                message(
                  [1, 'bytes', maybe(message([1, 'bytes', scope.scope?.name ?? 'n']), 0.1)],
                  ...scope.spans.map(
                    (span) => [2, 'bytes', maybe(spanBytes(span, { random: undefined }), 0.5)] as const,
                  ),
                ),
              ] as const,
          ),
        ),
      ] as const;
    }),
  );
}

function firstContent(bytes: Uint8Array): Uint8Array {
  let size = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return bytes.subarray(at, at + size);
  }
}

const JSON_CHANGES: [RegExp, string[]][] = [
  [/"traceId":"[^"]*"/, ['"traceId":""', '"traceId":"00000000000000000000000000000000"', '"traceId":5', '"traceId":"0g"']],
  [/"spanId":"[^"]*"/, ['"spanId":null', '"span_id":"0000000000000000"', '"spanId":"11","spanId":"12"']],
  [/"parentSpanId":"[^"]*"/, ['"parentSpanId":"0000000000000000"', '"parentSpanId":"1"', '"parent_span_id":null']],
  [/"startTimeUnixNano":"[^"]*"/, ['"startTimeUnixNano":"18446744073709551616"', '"startTimeUnixNano":1.5', '"startTimeUnixNano":-1']],
  [/"kind":-?\d+/, ['"kind":"SPAN_KIND_SERVER"', '"kind":2147483648', '"kind":-2147483648', '"kind":"2"']],
  [/"stringValue":"/, ['"boolValue":true,"stringValue":"', '"x":{"__proto__":1},"stringValue":"', '"stringValue":null,"string_value":"']],
  [/"intValue":"[^"]*"/, ['"intValue":"9223372036854775808"', '"intValue":"-9223372036854775808"', '"intValue":1e3', '"intValue":""']],
  [/"boolValue":(true|false)/, ['"boolValue":0', '"boolValue":"true"', '"boolValue":null']],
  [/"bytesValue":"[^"]*"/, ['"bytesValue":"a"', '"bytesValue":"ab=="', '"bytesValue":"_-8"', '"bytesValue":"a==="', '"bytesValue":"ab="']],
  [/"doubleValue":[^,}]*/, ['"doubleValue":"1.5e3"', '"doubleValue":"nan"', '"doubleValue":"-Infinity"', '"doubleValue":1e-400', '"doubleValue":" 1"']],
  [/"values":\[/, ['"values":[null,', '"values":null,"x":[', '"values":[{},']],
  [/"attributes":\[/, ['"attributes":[5,', '"attributes":{},"y":[', '"attributes":[{"value":{"intValue":1},"key":"z"},']],
  [/"code":-?\d+/, ['"code":"STATUS_CODE_OK"', '"code":null', '"code":1.0']],
  [/"flags":\d+/, ['"flags":4294967296', '"flags":-1', '"flags":-0', '"flags":"7"']],
  [/"name":"/, ['"name":"\\ud800', '"name":["x"],"n":"', '"Name":1,"name":"']],
];

function damagedJson(text: string, random: Random): Buffer {
  for (let i = random.below(4); i > 0; i -= 1) {
    const [pattern, choices] = random.pick(JSON_CHANGES);
    const places = [...text.matchAll(new RegExp(pattern, 'g'))];
    if (places.length === 0) continue;
    const place = random.pick(places);
    text =
      text.slice(0, place.index) + random.pick(choices) + text.slice(place.index + place[0].length);
  }
  const bytes = Buffer.from(text);
  return random.chance(0.2) ? Buffer.from(breakBytes(bytes, random, 'json')) : bytes;
}

test.each<OtlpForm>(['otlp-protobuf', 'otlp-json'])('native decoder and judge give the same verdict (%s)', (form) => {
  let refused = 0;
  let accepted = 0;
  for (let i = 0; i < documents; i += 1) {
    const random = createRandom(seedBase + i);
    const request = makeRequest(random);
    const body =
      form === 'otlp-json'
        ? damagedJson(requestJson(request, random.chance(0.5) ? random : undefined), random)
        : random.chance(0.7)
          ? damagedProtobuf(request, random)
          : breakProtobuf(requestBytes(request, random), random);
    const found = contradiction(body, form);
    if (found.text !== undefined)
      throw new Error(`seed ${seedBase + i}: ${found.text}: ${Buffer.from(body).toString('hex')}`);
    refused += found.refused;
    accepted += found.accepted;
  }
  // Documents of one kind only would prove little.
  expect(accepted).toBeGreaterThan(documents * 0.5);
  expect(refused).toBeGreaterThan(documents * 0.1);
}, 120_000);
