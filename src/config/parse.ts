import { isIP } from 'node:net';
import type { OptionSpec } from './options.js';

const byteUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

/** Turns what a flag, a variable or a file holds into the option's value, or says what was expected. */
export function parseOption(spec: OptionSpec, raw: unknown): { value: unknown } | { fault: string } {
  const text = typeof raw === 'string' ? raw.trim() : String(raw);
  switch (spec.type) {
    case 'integer':
    case 'bytes': {
      const value = spec.type === 'bytes' ? parseBytes(text) : /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      const expected = spec.type === 'bytes' ? 'a size such as 67108864 or 64MiB' : 'a whole number';
      if (!Number.isSafeInteger(value)) return { fault: expected };
      if (spec.min !== undefined && value < spec.min) return { fault: `${expected}, at least ${spec.min}` };
      if (spec.max !== undefined && value > spec.max) return { fault: `${expected}, at most ${spec.max}` };
      return { value };
    }
    case 'listener': {
      if (/^(off|0)$/i.test(text)) return { value: undefined };
      if (/^auto$/i.test(text)) return { value: 0 };
      const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
      return port >= 1 && port <= 65_535
        ? { value: port }
        : { fault: 'a port between 1 and 65535, `auto` or `off`' };
    }
    case 'networks': {
      const networks = text.split(',').map((network) => network.trim());
      return networks.every(isNetwork)
        ? { value: networks }
        : { fault: 'networks such as 10.1.0.0/16 or fd00:1::/32, with commas between them' };
    }
    case 'boolean':
      if (/^(true|1|yes|on)$/i.test(text)) return { value: true };
      if (/^(false|0|no|off)$/i.test(text)) return { value: false };
      return { fault: 'true or false' };
    case 'enum':
      return spec.values?.includes(text) === true
        ? { value: text }
        : { fault: `one of ${spec.values?.join(', ') ?? ''}` };
    case 'url': {
      const schemes = spec.schemes ?? ['http', 'https'];
      return schemes.some((scheme) => isUrl(text, scheme))
        ? { value: text }
        : { fault: `a ${schemes.map((scheme) => `${scheme}://`).join(' or ')} address` };
    }
    case 'secret':
      return text.length >= 16 && !/\s/.test(text)
        ? { value: text }
        : { fault: 'at least 16 characters without white space' };
    case 'string':
      return text === '' ? { fault: 'a text that is not empty' } : { value: text };
  }
}

/** A list of hosts, as PostgreSQL takes it, is judged by its first one. */
function isUrl(text: string, scheme: string): boolean {
  const first = text.replace(/^([a-z]+:\/\/(?:[^@/?]*@)?[^,/?]*),[^/?]*/i, '$1');
  return URL.canParse(first) && new URL(first).protocol === `${scheme}:`;
}

function isNetwork(text: string): boolean {
  const [, address = '', prefix = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128);
}

function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = byteUnits.get(match?.[2]?.toLowerCase() ?? '?');
  return match === null || unit === undefined ? NaN : Math.round(Number(match[1]) * unit);
}
