/**
 * Span documents for judging: valid ones with everything that may vary, mutated ones, hostile ones, in both forms.
 * Everything follows from a seed.
 */
import fc from 'fast-check';
import { validTime } from './date-spellings.js';
import {
  array,
  binary,
  extension,
  object,
  string,
  type Form,
  type Member,
  type Node,
} from './document-node.js';
import { ACTION_TYPES, freeValue, list, STATUSES, text, unknownMembers } from './free-values.js';
import { writeJson } from './json-writer.js';
import { writeMessagePack } from './msgpack-writer.js';
import { createRandom, type Random } from './random.js';
import { mutate } from './span-mutations.js';
import { breakBytes } from './byte-mutations.js';

export interface SpanDocument {
  readonly form: Form;
  readonly bytes: Uint8Array;
  /** Whether the bytes were changed after writing, so that they may not even be one item. */
  readonly isBroken: boolean;
  /** Remakes the document: `makeSpanDocument(seed, form)`. */
  readonly seed: number;
}

/** Seeds of documents for fast-check properties, evenly drawn: a counterexample is its seed, nothing shrinks it. */
export const documentSeeds: fc.Arbitrary<number> = fc.noShrink(
  fc.noBias(fc.integer({ min: 0, max: 0xffff_ffff })),
);

/** Of ten documents about three are meant to be valid, five have a fault or two, two are broken as bytes. */
export function makeSpanDocument(seed: number, form: Form): SpanDocument {
  const random = createRandom(seed);
  const kind = random.below(10);
  let node = validSpan(random, form);
  if (kind >= 3) node = mutate(node, random, form);
  if (kind >= 7 && random.chance(0.3)) node = mutate(node, random, form);
  const written = write(node, random, form);
  const isBroken = kind >= 8;
  return { form, bytes: isBroken ? breakBytes(written, random, form) : written, isBroken, seed };
}

/** A document without any fault. */
export function makeValidSpan(seed: number, form: Form): Uint8Array {
  const random = createRandom(seed);
  return write(validSpan(random, form), random, form);
}

/** A document without any fault that may stand in a line of NDJSON. */
export function makeLeadingSpan(form: Form): SpanDocument {
  for (let seed = 0; ; seed += 1) {
    const bytes = makeValidSpan(seed, form);
    if (!bytes.includes(0x0a)) return { form, bytes, isBroken: false, seed };
  }
}

function write(node: Node, random: Random, form: Form): Uint8Array {
  if (form === 'msgpack') return writeMessagePack(node, random, random.pick([0, 0, 0.5, 1]));
  const style = { space: random.pick([0, 0, 0.1, 0.6]), escape: random.pick([0, 0, 0.05, 1]) };
  return Buffer.from(writeJson(node, random, style));
}

function validSpan(random: Random, form: Form): Node {
  const maybe = (probability: number, key: string, make: () => Node): Member[] =>
    random.chance(probability) ? [[key, make()]] : [];
  const id = (): Node => uuidNode(random, form);
  const [start, end] = orderedTimes(random, form);
  const extra = (probability: number): Member[] => (random.chance(probability) ? unknownMembers(random) : []);
  const free = (): Node => object(unknownMembers(random));
  const span: Member[] = [
    ...maybe(0.7, 'id', id),
    ['trace_id', id()],
    ['span_id', id()],
    ...maybe(0.5, 'parent_span_id', id),
    ['context_id', id()],
    ['agent_id', id()],
    [
      'action',
      object(
        shuffle(random, [
          ['name', string(text(random))],
          ['type', string(random.pick(ACTION_TYPES))],
          ...maybe(0.5, 'parameters', free),
          ...maybe(0.3, 'duration', () => string(random.pick(['1.5s', '', 'PT1S', text(random)]))),
          ...extra(0.1),
        ]),
      ),
    ],
    [
      'timestamp',
      object(shuffle(random, [['start', start], ...maybe(0.7, 'end', () => end), ...extra(0.1)])),
    ],
    ...maybe(0.7, 'result', () =>
      object(
        shuffle(random, [
          ...maybe(0.8, 'status', () => string(random.pick(STATUSES))),
          ...maybe(0.4, 'output', free),
          ...maybe(0.3, 'error', free),
          ...maybe(0.3, 'metrics', free),
          ...extra(0.1),
        ]),
      ),
    ),
    ...maybe(0.5, 'metadata', () =>
      object(
        shuffle(random, [
          ...maybe(0.6, 'tags', free),
          ...maybe(0.3, 'annotations', () => array(list(random, 4, () => freeValue(random, 3)))),
          ...maybe(0.4, 'correlation_id', id),
          ...extra(0.1),
        ]),
      ),
    ),
    ...extra(0.3),
  ];
  return object(shuffle(random, span));
}

function uuidNode(random: Random, form: Form): Node {
  const hex = Array.from({ length: 4 }, () => random.next().toString(16).padStart(8, '0')).join('');
  if (form === 'msgpack' && random.chance(0.4)) return binary(Buffer.from(hex, 'hex'));
  if (random.chance(0.02)) return string('00000000-0000-0000-0000-000000000000');
  return string(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
}

/** Two valid times, the later one last. Plain `Z` spellings of one length, so that text order is time order. */
function orderedTimes(random: Random, form: Form): [Node, Node] {
  if (form === 'msgpack' && random.chance(0.4))
    return [timestampNode(random, 1_500_000_000), timestampNode(random, 1_700_000_000)];
  if (random.chance(0.4))
    return [string(`2016-0${1 + random.below(9)}-15T12:00:00Z`), string(validTime(random))];
  const times = [0, 1].map(() => new Date(Date.UTC(2017, 0, 1) + random.next() * 80).toISOString()).sort();
  return [string(times[0]!), string(times[1]!)];
}

/** The timestamp extension in one of its lengths, at `seconds` or a little later. */
function timestampNode(random: Random, seconds: number): Node {
  const view = new DataView(new ArrayBuffer(12));
  const at = BigInt(seconds + random.below(100_000_000));
  const nanos = BigInt(random.pick([0, 1, 500_000_000, 999_999_999, 123_000_000, 123_456_000]));
  const length = random.pick([4, 8, 12]);
  if (length === 4) view.setUint32(0, Number(at));
  else if (length === 8) view.setBigUint64(0, (nanos << 34n) | at);
  else {
    view.setUint32(0, Number(nanos));
    view.setBigInt64(4, at);
  }
  return extension(-1, new Uint8Array(view.buffer, 0, length));
}

function shuffle<T>(random: Random, items: T[]): T[] {
  if (random.chance(0.5)) return items;
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = random.below(index + 1);
    [items[index], items[other]] = [items[other]!, items[index]!];
  }
  return items;
}
