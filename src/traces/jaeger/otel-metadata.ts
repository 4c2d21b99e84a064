import { isObject } from './key-values.js';

/** `metadata.otel`: what an OTLP span said and MPLP has no place for, in the spelling of OTLP's JSON. */
export interface OtelMetadata {
  readonly resource?: OtelAttributes;
  readonly scope?: OtelAttributes & { readonly name?: string; readonly version?: string };
  readonly kind?: number;
  readonly traceState?: string;
  readonly flags?: number;
  readonly attributes?: unknown;
  readonly events?: unknown;
  readonly links?: unknown;
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface OtelAttributes {
  readonly attributes?: unknown;
}

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

/** `undefined` for spans that did not come in as OTLP. Members of another type than expected are left out. */
export function findOtel(metadata: unknown): OtelMetadata | undefined {
  const otel = isObject(metadata) ? metadata['otel'] : undefined;
  if (!isObject(otel)) return undefined;
  const objects = ['resource', 'scope', 'status'];
  const numbers = ['kind', 'flags'];
  return Object.fromEntries(
    Object.entries(otel).filter(([name, value]) =>
      objects.includes(name) ? isObject(value) : numbers.includes(name) ? typeof value === 'number' : true,
    ),
  ) as OtelMetadata;
}

/** `server` and so on; '' when the span did not say. */
export function otelKind(otel: OtelMetadata): string {
  return KINDS[otel.kind ?? 0] ?? '';
}
