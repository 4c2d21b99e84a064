import { findUuid } from '../query/index.js';
import { ValueFault } from './go-duration.js';

const UPPER_HALF_ZERO = /^0{16}/;

/** A trace or span id as Jaeger writes it: 32 hex digits, or 16 where the upper eight bytes are zero. */
export function jaegerId(uuid: string): string {
  const digits = uuid.replaceAll('-', '');
  return UPPER_HALF_ZERO.test(digits) ? digits.slice(16) : digits;
}

/** The UUID of an id given as up to 32 hex digits (leading zeros may be missing) or as a UUID. Throws `ValueFault`. */
export function uuidOfJaegerId(text: string): string {
  const uuid = findUuid(text);
  if (uuid !== undefined) return uuid;
  if (text.length > 32)
    throw new ValueFault(`TraceID cannot be longer than 32 hex characters: ${text.slice(0, 64)}`);
  const padded = /^[0-9a-f]+$/i.test(text) ? findUuid(text.padStart(32, '0')) : undefined;
  if (padded !== undefined) return padded;
  throw new ValueFault(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
}
