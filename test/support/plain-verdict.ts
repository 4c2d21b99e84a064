import { readFileSync } from 'node:fs';
import { decode, ExtensionCodec, ExtData } from '@msgpack/msgpack';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FieldError } from '#dist/errors/index.js';
import type { Form } from './document-node.js';

/** Keywords of faults that JSON Schema knows; the judge's others are rules on the text or on time. */
const SCHEMA_KEYWORDS = new Set(['type', 'required', 'enum', 'pattern', 'format']);
const TIME_KEYWORDS = new Set(['timeWindow', 'timeOrder']);
/** After these the judge stops reading. */
const STOP_KEYWORDS = new Set(['depth', 'keyType']);
const UNREADABLE_KEYWORDS = new Set(['syntax', 'utf8']);

export interface PlainVerdict {
  /** Where the judge's faults contradict the third opinion; `undefined` when they do not. */
  explain(bytes: Uint8Array, form: Form, faults: readonly FieldError[]): string | undefined;
}

/**
 * A third opinion that shares no code with the judge: `JSON.parse` or `@msgpack/msgpack`, and Ajv compiling the
 * schema at run time.
 */
export function createPlainVerdict(): PlainVerdict {
  const read = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(new URL(`../../schemas/${name}.json`, import.meta.url), 'utf8')) as Record<
      string,
      unknown
    >;
  const trace = read('trace');
  const required = (trace['required'] as string[]).filter((name) => name !== 'id');
  const ajv = new Ajv2020({ schemas: [read('base-types')] });
  addFormats.default(ajv, { mode: 'full' });
  const validate = ajv.compile({ ...trace, required });

  return {
    explain(bytes, form, faults) {
      const has = (keywords: ReadonlySet<string>): boolean =>
        faults.some(({ keyword }) => keywords.has(keyword));
      const parsed = form === 'json' ? parseJson(bytes) : parseMessagePack(bytes);
      const lexical = faults.filter(
        ({ keyword }) => !SCHEMA_KEYWORDS.has(keyword) && !TIME_KEYWORDS.has(keyword),
      );
      if (parsed === undefined)
        return lexical.length > 0 ? undefined : 'a parser cannot read what the judge read';
      // The MessagePack decoder does not look at UTF-8.
      const isUnreadable = form === 'json' ? has(UNREADABLE_KEYWORDS) : has(new Set(['syntax']));
      if (isUnreadable) return has(STOP_KEYWORDS) ? undefined : 'a parser reads what the judge cannot read';
      // A repeated key or __proto__ makes two parsers see different documents.
      if (lexical.length > 0) return undefined;
      const isValid = validate(parsed.value);
      // A timestamp extension beyond the year 9999 has no text that Ajv could judge.
      if (form === 'msgpack' && faults.length > 0 && !has(SCHEMA_KEYWORDS)) return undefined;
      if (isValid === !has(SCHEMA_KEYWORDS)) return undefined;
      return `Ajv says ${isValid ? 'valid' : ajv.errorsText(validate.errors)}`;
    },
  };
}

function parseJson(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** With ids and times as text; a binary or extension anywhere else is left as it is. */
function parseMessagePack(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    const value = decode(bytes, { extensionCodec: new TimesAsText() }) as unknown;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value };
    const span = value as Record<string, unknown>;
    for (const [key, member] of Object.entries(span)) {
      if (member instanceof Uint8Array && member.length === 16) span[key] = uuidText(member);
    }
    const metadata = span['metadata'] as Record<string, unknown> | null | undefined;
    const correlationId = metadata?.['correlation_id'];
    if (correlationId instanceof Uint8Array && correlationId.length === 16) {
      metadata!['correlation_id'] = uuidText(correlationId);
    }
    return { value };
  } catch {
    return undefined;
  }
}

class TimesAsText extends ExtensionCodec {
  override decode(data: Uint8Array, type: number, context: undefined): unknown {
    const value = type === -1 ? super.decode(data, type, context) : new ExtData(type, data);
    return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  }
}

function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
