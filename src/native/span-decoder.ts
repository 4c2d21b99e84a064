import type { Block, BodyForm, DecodeOptions, DecodeResult, SpanDecoder, TailFilter } from './contract.js';

/**
 * The decoder as the addon has it. Numbers go in and out through `exchange`, one slot of 8 bytes each, because
 * reading and setting properties from native code costs several times what decoding one span does.
 */
export interface RawSpanDecoder {
  readonly exchange: ArrayBuffer;
  setProject(projectId: string): void;
  decode(body: Uint8Array, length: number, form: number): void;
  refused(): Uint32Array;
  matches(): Uint32Array;
  matchesDropped(): Uint32Array;
  reason(): string;
  rows(): number;
  maxBlockBytes(): number;
  take(into: Uint8Array): void;
  discard(): void;
  setTailFilters(filters: readonly TailFilter[], maxMatchesPerBody: number): void;
}

/** The slots, in the order of `Slot` in native/addon.cc. The first three are 64 bit integers, the others doubles. */
export const slotNames = [
  'seqBase',
  'minTimeUnixNano',
  'maxTimeUnixNano',
  'receivedAtSeconds',
  'maxSpanBytes',
  'total',
  'accepted',
  'refused',
  'matches',
  'matchesDropped',
  'malformed',
  'malformedOffset',
  'rows',
  'bytes',
  'crc32c',
] as const;

const slot = Object.fromEntries(slotNames.map((name, i) => [name, i])) as Record<
  (typeof slotNames)[number],
  number
>;
/** In the order of `BodyForm` in native/span_decoder.h. */
const formNumbers: Readonly<Record<BodyForm, number>> = {
  json: 0,
  ndjson: 1,
  msgpack: 2,
  'otlp-protobuf': 3,
  'otlp-json': 4,
};
const noNumbers = new Uint32Array(0);

export function wrapSpanDecoder(raw: RawSpanDecoder): SpanDecoder {
  const integers = new BigUint64Array(raw.exchange);
  const numbers = new Float64Array(raw.exchange);
  const at = (i: number): number => numbers[i] as number;
  let project: string | undefined;

  return {
    decode(body: Uint8Array, length: number, form: BodyForm, options: DecodeOptions): DecodeResult {
      if (options.projectId !== project) {
        raw.setProject(options.projectId);
        project = options.projectId;
      }
      integers[slot.seqBase] = options.seqBase;
      integers[slot.minTimeUnixNano] = options.minTimeUnixNano;
      integers[slot.maxTimeUnixNano] = options.maxTimeUnixNano;
      numbers[slot.receivedAtSeconds] = options.receivedAtSeconds;
      numbers[slot.maxSpanBytes] = options.maxSpanBytes;
      raw.decode(body, length, formNumbers[form]);
      return {
        total: at(slot.total),
        accepted: at(slot.accepted),
        refused: at(slot.refused) === 0 ? noNumbers : raw.refused(),
        malformed:
          at(slot.malformed) === 0 ? undefined : { offset: at(slot.malformedOffset), reason: raw.reason() },
        matches: at(slot.matches) === 0 ? noNumbers : raw.matches(),
        matchesDropped: at(slot.matchesDropped) === 0 ? noNumbers : raw.matchesDropped(),
      };
    },
    get rows(): number {
      return raw.rows();
    },
    get maxBlockBytes(): number {
      return raw.maxBlockBytes();
    },
    take(into: Uint8Array): Block {
      raw.take(into);
      return { rows: at(slot.rows), bytes: at(slot.bytes), crc32c: at(slot.crc32c) };
    },
    discard: () => raw.discard(),
    setTailFilters: (filters, maxMatchesPerBody) => raw.setTailFilters(filters, maxMatchesPerBody),
  };
}
