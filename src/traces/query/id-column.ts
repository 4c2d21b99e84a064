/**
 * The `id` of a row `s` of `spans`. A span that came without one has the first bits of SHA-1 over the bytes of its trace id and
 * the text of its span id, in the shape of a UUIDv4, the one version that the published MPLP schemas accept; the table
 * holds zeros then. Rows of engines that made another id hold that one.
 */
const DIGEST = 'SHA1(concat(UUIDStringToNum(toString(s.trace_id)), toString(s.span_id)))';
const half = (from: number) => `reinterpretAsUInt64(reverse(substring(${DIGEST}, ${from}, 8)))`;
const HIGH = `bitOr(bitAnd(${half(1)}, 0xffffffffffff0fff), 0x4000)`;
const LOW = `bitOr(bitAnd(${half(9)}, 0x3fffffffffffffff), 0x8000000000000000)`;

export const ID_COLUMN =
  `if(bitTest(s.fields, 0) OR s.id != toUUID('00000000-0000-0000-0000-000000000000'), s.id, ` +
  `reinterpretAsUUID(concat(reinterpretAsFixedString(${HIGH}), reinterpretAsFixedString(${LOW}))))`;
