/**
 * The `id` of a row `s` of `spans`. A span that came without one has the name-based UUID (RFC 9562, version 5) of its span
 * id, as text in lower case, in the namespace of its trace id; the table holds zeros then. Rows of engines that made
 * another id hold that one.
 */
const DIGEST = 'SHA1(concat(UUIDStringToNum(toString(s.trace_id)), toString(s.span_id)))';
const half = (from: number) => `reinterpretAsUInt64(reverse(substring(${DIGEST}, ${from}, 8)))`;
const HIGH = `bitOr(bitAnd(${half(1)}, 0xffffffffffff0fff), 0x5000)`;
const LOW = `bitOr(bitAnd(${half(9)}, 0x3fffffffffffffff), 0x8000000000000000)`;

export const ID_COLUMN =
  `if(bitTest(s.fields, 0) OR s.id != toUUID('00000000-0000-0000-0000-000000000000'), s.id, ` +
  `reinterpretAsUUID(concat(reinterpretAsFixedString(${HIGH}), reinterpretAsFixedString(${LOW}))))`;
