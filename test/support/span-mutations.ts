/** One change to a span document, such as a client's bug or an attacker would make it. */
import { anyTime } from './date-spellings.js';
import {
  array,
  binary,
  extension,
  number,
  object,
  string,
  word,
  type Form,
  type Member,
  type Node,
} from './document-node.js';
import { ACTION_TYPES, freeValue, STATUSES, text } from './free-values.js';
import type { Random } from './random.js';

const ID_KEYS = ['id', 'trace_id', 'span_id', 'parent_span_id', 'context_id', 'agent_id', 'correlation_id'];
// prettier-ignore
const BAD_NUMBERS = [
  '1e309', '1e400', '-1e400', '1.7976931348623159e308', '1.797693134862315808e308', `1${'0'.repeat(309)}`,
  '9'.repeat(400), '01', '-01', '00', '1.', '.5', '-.5', '+1', '-', '1e', '1e+', '1.e5', '0x10', 'NaN',
  'Infinity', '-Infinity', '1_000', '1e5.5', '--1', '1 2', '０',
];

// prettier-ignore
const BAD_WORDS = [
  'True', 'nul', 'nulll', 'undefined', 'tru', 'falsey', '', "'x'", '/**/null', 'null//', '\u0000',
  '\u00a0null', '\ufeffnull', 'null\v',
];

// prettier-ignore
const LONE_SURROGATES = [
  '\ud800', '\udbff', '\udc00', '\udfff', 'a\ud83d', '\ude00z', '\ude00\ud83d', '\ud83d\ud83d\ude00',
  '\ud83dx\ude00',
];

/** A place of a value in a document. */
interface Slot {
  readonly key: string | Node | number;
  readonly node: Node;
  readonly set: (node: Node) => void;
  /** The members or items around it, and where in them. */
  readonly siblings: Member[] | Node[];
  readonly index: number;
}

function slotsOf(node: Node, out: Slot[] = []): Slot[] {
  if (node.type === 'object') {
    node.members.forEach((member, index) => {
      out.push({
        key: member[0],
        node: member[1],
        set: (value) => (member[1] = value),
        siblings: node.members,
        index,
      });
      slotsOf(member[1], out);
    });
  } else if (node.type === 'array') {
    node.items.forEach((item, index) => {
      out.push({
        key: index,
        node: item,
        set: (value) => (node.items[index] = value),
        siblings: node.items,
        index,
      });
      slotsOf(item, out);
    });
  }
  return out;
}

/** The document with one fault, or with a change that is none. */
export function mutate(root: Node, random: Random, form: Form): Node {
  if (root.type !== 'object') return root;
  const slots = slotsOf(root);
  const slot = slots.length > 0 ? random.pick(slots) : undefined;
  const [idSlot, timeSlot] = [ID_KEYS, ['start', 'end']].map((keys) => {
    const found = slots.filter(({ key }) => typeof key === 'string' && keys.includes(key));
    return found.length > 0 ? random.pick(found) : undefined;
  });
  const kind = random.below(20);
  if (kind < 5)
    timeSlot?.set(form === 'msgpack' && random.chance(0.3) ? oddTimestamp(random) : string(anyTime(random)));
  else if (kind < 7) idSlot?.set(oddId(idSlot.node, random));
  else if (kind < 9) slot?.set(anyValue(random, form));
  else if (kind === 9) slot?.siblings.splice(slot.index, 1);
  else if (kind === 10) renameOne(slots, random);
  else if (kind < 13) repeatKey(root, slots, random);
  else if (kind === 13) addMember(root, slots, random, ['__proto__', freeValue(random, 1)]);
  else if (kind === 14) addMember(root, slots, random, [text(random), string(random.pick(LONE_SURROGATES))]);
  else if (kind === 15) addMember(root, slots, random, [random.pick(LONE_SURROGATES), freeValue(random, 1)]);
  else if (kind === 16) addMember(root, slots, random, ['n', number(random.pick(BAD_NUMBERS))]);
  else if (kind === 17)
    addMember(root, slots, random, [
      random.chance(0.3) ? anyValue(random, form) : 'w',
      word(random.pick(BAD_WORDS)),
    ]);
  else if (kind === 18) addMember(root, slots, random, ['deep', tower(random)]);
  else return random.chance(0.3) ? anyValue(random, form) : wrongEnum(root, slots, random);
  return root;
}

function renameOne(slots: readonly Slot[], random: Random): void {
  const named = slots.filter(({ key }) => typeof key === 'string' && key.length > 0);
  if (named.length === 0) return;
  const { siblings, index, key } = random.pick(named);
  const old = key as string;
  const renamed = random.pick([
    old.toUpperCase(),
    `${old} `,
    ` ${old}`,
    old.slice(1),
    `${old}\u0000`,
    `${old}s`,
    old.replace('_', '-'),
    random.pick(ID_KEYS),
  ]);
  (siblings as Member[])[index]![0] = renamed;
}

function repeatKey(root: Node, slots: readonly Slot[], random: Random): void {
  const named = slots.filter(({ key }) => typeof key === 'string');
  if (named.length === 0 || root.type !== 'object') return;
  const { siblings, key, node } = random.pick(named);
  const copy: Member = [key as string, random.chance(0.5) ? node : freeValue(random, 1)];
  (siblings as Member[]).splice(random.below(siblings.length + 1), 0, copy);
}

/** Adds a member to the span or to any object in it. */
function addMember(root: Node, slots: readonly Slot[], random: Random, member: Member): void {
  const objects = [root, ...slots.map(({ node }) => node)].flatMap((node) =>
    node.type === 'object' ? [node] : [],
  );
  const { members } = random.pick(objects);
  members.splice(random.below(members.length + 1), 0, member);
}

function wrongEnum(root: Node, slots: readonly Slot[], random: Random): Node {
  const enums = slots.filter(({ key }) => key === 'type' || key === 'status');
  const odd = [
    'Execute',
    'EXECUTE',
    'execut',
    'executed',
    'execute ',
    '',
    'unset',
    'success\u0000',
    'cancel',
    'canceled',
    'complete',
    'success',
    'invoke',
  ];
  if (enums.length > 0) random.pick(enums).set(string(random.pick(odd)));
  return root;
}

function oddId(node: Node, random: Random): Node {
  // An id that was mutated before may be empty.
  const given = node.type === 'string' ? node.text : '';
  const plain = given === '' ? '5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60' : given;
  const at = random.below(plain.length);
  const swap = (character: string): string => plain.slice(0, at) + character + plain.slice(at + 1);
  return random.pick<() => Node>([
    () => string(plain.toUpperCase()),
    () => string(swap(plain[at]!.toUpperCase())),
    () => string(swap(random.pick(['g', '-', 'G', ' ', '０', 'ａ', '\u0000', '`', '/', ':', '@', '\u00e0']))),
    () => string(plain.slice(0, -1)),
    () => string(`${plain}0`),
    () => string(`${plain}\n`),
    () => string(`\ufeff${plain}`),
    () => string(`{${plain}}`),
    () => string(`urn:uuid:${plain}`),
    () => string(plain.replaceAll('-', '')),
    () => string(random.pick(['trace-123', '', 'null'])),
    () => binary(new Uint8Array(random.pick([0, 4, 15, 16, 17, 32]))),
    () => word('null'),
  ])();
}

/** Timestamp extensions that are not well-formed, of another type, or far away. */
function oddTimestamp(random: Random): Node {
  const view = new DataView(new ArrayBuffer(16));
  const nanos = random.pick([0, 1, 999_999_999, 1_000_000_000, 0x3fff_ffff]);
  const seconds = random.pick([
    0n,
    -1n,
    1_451_606_400n,
    1_451_606_399n,
    1_893_456_000n,
    1_893_456_001n,
    9_223_372_036n,
    9_223_372_037n,
    18_446_744_073n,
    253_402_300_799n,
    253_402_300_800n,
    -62_167_219_200n,
    -62_167_219_201n,
    -9_223_372_037n,
    (1n << 63n) - 1n,
    -(1n << 63n),
    1n << 34n,
  ]);
  const length = random.pick([0, 1, 2, 4, 8, 8, 12, 12, 12, 16]);
  if (length === 4) view.setUint32(0, Number(BigInt.asUintN(32, seconds)));
  else if (length === 8)
    view.setBigUint64(0, BigInt.asUintN(64, (BigInt(nanos) << 34n) | BigInt.asUintN(34, seconds)));
  else {
    view.setUint32(0, random.chance(0.1) ? random.next() : nanos);
    view.setBigInt64(4, seconds);
  }
  return extension(
    random.chance(0.1) ? random.pick([0, 1, -2, 127, -128]) : -1,
    new Uint8Array(view.buffer, 0, length),
  );
}

function anyValue(random: Random, form: Form): Node {
  const kind = random.below(form === 'msgpack' ? 10 : 8);
  if (kind === 8) return binary(new Uint8Array(random.pick([0, 1, 16, 300])));
  if (kind === 9) return oddTimestamp(random);
  if (kind === 7)
    return string(
      random.pick([
        ...ACTION_TYPES,
        ...STATUSES,
        '2020-06-15T12:34:56Z',
        '5f0c9b52-63a1-4f0d-9a3e-2b7c1d4e8f60',
      ]),
    );
  if (kind === 6) return string(anyTime(random));
  return freeValue(random, 2);
}

/** Objects and arrays in each other; the span around them adds one to four levels. */
function tower(random: Random): Node {
  const depth = random.chance(0.9) ? 59 + random.below(7) : random.pick([100, 300, 1000, 1030]);
  let node: Node = random.pick([word('null'), array([]), object([]), number('1')]);
  for (let level = 0; level < depth; level += 1)
    node = random.chance(0.5) ? array([node]) : object([['d', node]]);
  return node;
}
