import { MplpError, type FieldError } from '../../errors/index.js';
import { dateTimeToUnixNano } from '../../protocol/index.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/;

/**
 * Lower-case dashed form of an id: a UUID, dashed or as the 32 hex digits of an OpenTelemetry trace id, or the 16 hex
 * digits of a span id, which are the lower half of a UUID. In any case; `undefined` when it is none of these.
 */
export function findUuid(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (UUID.test(lower)) return lower;
  if (!HEX.test(lower)) return undefined;
  const hex = lower.padStart(32, '0');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/**
 * Reads query parameters and remembers what is wrong with them, so that one answer names every fault.
 * Each reader returns `undefined` when the parameter is absent or wrong; `finish` throws when one was wrong.
 */
export class ParameterReader {
  private readonly errors: FieldError[] = [];

  constructor(
    private readonly query: URLSearchParams,
    allowed: (name: string) => boolean,
    allowedText: string,
  ) {
    for (const name of new Set(query.keys())) {
      if (!allowed(name))
        this.refuse(name, 'unknown', `is not a parameter of this resource; it takes ${allowedText}`);
      else if (query.getAll(name).length > 1) this.refuse(name, 'unique', 'is given more than once');
    }
  }

  refuse(name: string, keyword: string, message: string): undefined {
    this.errors.push({ pointer: `?${name}`, keyword, message });
    return undefined;
  }

  text(name: string, maxCharacters = 1024): string | undefined {
    const value = this.query.get(name);
    if (value === null) return undefined;
    if (value.length >= 1 && value.length <= maxCharacters) return value;
    return this.refuse(name, 'length', `must have 1 to ${maxCharacters} characters`);
  }

  uuid(name: string): string | undefined {
    const value = this.query.get(name);
    if (value === null) return undefined;
    return findUuid(value) ?? this.refuse(name, 'format', 'is not a UUID');
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.query.get(name);
    if (value === null) return undefined;
    return (
      values.find((v) => v === value) ?? this.refuse(name, 'enum', `must be one of ${values.join(', ')}`)
    );
  }

  integer(name: string, min: number, max: number): number | undefined {
    const value = this.query.get(name);
    if (value === null) return undefined;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    return this.refuse(name, 'range', `must be a whole number from ${min} to ${max}`);
  }

  /** RFC 3339 with any offset, or milliseconds since the epoch. Nanoseconds since the epoch come back. */
  time(name: string): bigint | undefined {
    const value = this.query.get(name);
    if (value === null) return undefined;
    return (
      findUnixNano(value) ??
      this.refuse(name, 'format', 'must be an RFC 3339 time or milliseconds since the epoch')
    );
  }

  /** Throws `MPLP_ERR_HTTP_BAD_REQUEST` with all faults. */
  finish(): void {
    if (this.errors.length === 0) return;
    const text = this.errors.map((e) => `${e.pointer.slice(1)} ${e.message}`).join('; ');
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The parameters are not valid: ${text}.`, {
      errors: this.errors,
    });
  }
}

const NANOS_PER_MILLISECOND = 1_000_000n;

function findUnixNano(text: string): bigint | undefined {
  if (/^-?\d{1,15}$/.test(text)) return BigInt(text) * NANOS_PER_MILLISECOND;
  return Number.isNaN(Date.parse(text.toUpperCase())) ? undefined : dateTimeToUnixNano(text);
}
