/**
 * The ids that the engine gave to spans without one. They follow from project, trace and span, so the table does not keep
 * them; this is the algorithm of native/hot/span_sink.h and native/hot/hash.h in SQL. It may never change.
 */

const MASK = (1n << 64n) - 1n;
const GOLDEN = 0x9e3779b97f4a7c15n;

function splitmix(x: bigint): bigint {
  x = (x + GOLDEN) & MASK;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return x ^ (x >> 31n);
}

function foldMultiply(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

const MIX_A = splitmix(1n);
const MIX_B = splitmix(2n);
const SECRET = Array.from({ length: 40 }, (_, i) => splitmix((0x6d706c70n + BigInt(i) * GOLDEN) & MASK));
const secret = (place: number): bigint => SECRET[place] as bigint;

/** `content_hash` of native/hot/hash.h as [high, low]. For short texts: it takes its time. */
export function contentHash(bytes: Uint8Array): [high: bigint, low: bigint] {
  const lanes = SECRET.slice(0, 8);
  const padded = Buffer.alloc(Math.ceil(bytes.length / 64) * 64);
  padded.set(bytes);
  for (let stripe = 0; stripe * 64 < padded.length; stripe++) {
    const data = Array.from({ length: 8 }, (_, j) => padded.readBigUInt64LE(stripe * 64 + j * 8));
    const added = data.map((word, j) => {
      const keyed = word ^ secret(8 + (stripe % 16) + j);
      return (keyed & 0xffffffffn) * (keyed >> 32n);
    });
    for (let j = 0; j < 8; j++)
      lanes[j] = ((lanes[j] as bigint) + (added[j] as bigint) + (data[j ^ 1] as bigint)) & MASK;
    if (stripe % 16 === 15 && (stripe + 1) * 64 <= bytes.length)
      for (let j = 0; j < 8; j++) {
        const lane = lanes[j] as bigint;
        lanes[j] = ((lane ^ (lane >> 47n) ^ secret(32 + j)) * 0x9e3779b1n) & MASK;
      }
  }
  const finish = (key: number, start: bigint): bigint => {
    let sum = start & MASK;
    for (let j = 0; j < 8; j += 2)
      sum += foldMultiply(
        (lanes[j] as bigint) ^ secret(key + j),
        (lanes[j + 1] as bigint) ^ secret(key + j + 1),
      );
    sum &= MASK;
    sum = ((sum ^ (sum >> 32n)) * 0xd6e8feb86659fd93n) & MASK;
    sum = ((sum ^ (sum >> 29n)) * GOLDEN) & MASK;
    return sum ^ (sum >> 32n);
  };
  const size = BigInt(bytes.length);
  return [finish(1, size * GOLDEN), finish(17, (~size & MASK) * 0xc2b2ae3d27d4eb4fn)];
}

/** The id of a row `s` of `spans`. */
export function idColumn(projectId: string): string {
  const [projectHigh, projectLow] = contentHash(Buffer.from(projectId));
  const number = (value: bigint) => `toUInt64(${value})`;
  const high = (uuid: string) => `toUInt64(bitShiftRight(toUInt128(${uuid}), 64))`;
  const low = (uuid: string) => `toUInt64(bitAnd(toUInt128(${uuid}), toUInt128(${MASK})))`;
  const xor = (...terms: string[]) => terms.reduce((a, b) => `bitXor(${a}, ${b})`);
  const fold = (name: string, a: string, b: string) =>
    `bitXor(toUInt64(bitAnd((toUInt128(${a}) * toUInt128(${b}) AS ${name}), toUInt128(${MASK}))), toUInt64(bitShiftRight(${name}, 64)))`;
  const mix = (name: string, x: string) => {
    const step = (from: string, shift: number) => `bitXor(${from}, bitShiftRight(${from}, ${shift}))`;
    const added = `(${x} + ${number(GOLDEN)} AS ${name}_0)`;
    const first = `(bitXor(${added}, bitShiftRight(${name}_0, 30)) * ${number(0xbf58476d1ce4e5b9n)} AS ${name}_1)`;
    const second = `(bitXor(${first}, bitShiftRight(${name}_1, 27)) * ${number(0x94d049bb133111ebn)} AS ${name}_2)`;
    return step(`${name}_2`, 31).replace(`${name}_2`, second);
  };
  const foldHigh = fold(
    'id_product_high',
    xor(high('s.trace_id'), number(projectHigh)),
    xor(low('s.span_id'), number(MIX_A)),
  );
  const foldLow = fold(
    'id_product_low',
    xor(low('s.trace_id'), number(projectLow)),
    xor(high('s.span_id'), number(MIX_B)),
  );
  const rotated = `bitOr(bitShiftLeft((${foldLow} AS id_low), 32), bitShiftRight(id_low, 32))`;
  const idHigh = mix('id_mix_high', xor(foldHigh, high('s.span_id'), rotated));
  const idLow = mix('id_mix_low', xor('id_low', low('s.span_id'), `(${idHigh} AS id_high)`));
  const versioned = (bits: string, clear: bigint, set: bigint) =>
    `bitOr(bitAnd(${bits}, ${number(~clear & MASK)}), ${number(set)})`;
  const text =
    `lower(concat(leftPad(hex(${versioned('id_high', 0xf000n, 0x4000n)}), 16, '0'), ` +
    `leftPad(hex(${versioned('id_low_mixed', 3n << 62n, 1n << 63n)}), 16, '0')))`;
  const dashed = `concat(substring(id_text, 1, 8), '-', substring(id_text, 9, 4), '-', substring(id_text, 13, 4), '-', substring(id_text, 17, 4), '-', substring(id_text, 21))`;
  const bound = text.replace('id_low_mixed', `(${idLow} AS id_low_mixed)`);
  return `if(bitTest(s.fields, 0), s.id, toUUID(${dashed.replace('id_text', `(${bound} AS id_text)`)}))`;
}
