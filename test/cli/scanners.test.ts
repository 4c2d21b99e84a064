import { createHash } from 'node:crypto';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBody, readBatches, type Batch } from '#dist/cli/ingest/batches.js';
import { BrokenFile, type SpanForm } from '#dist/cli/ingest/item-scanner.js';

async function* inChunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : (sizes[i % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const limits = { maxSpans: 3, maxBytes: 1024 };

async function readAll(
  bytes: Buffer,
  form: SpanForm,
  sizes: readonly number[] = [],
  from?: Batch,
): Promise<Batch[]> {
  const batches: Batch[] = [];
  const start = from?.end ?? 0;
  for await (const batch of readBatches(
    inChunks(bytes.subarray(start), sizes),
    form,
    limits,
    from?.end,
    from?.next,
  ))
    batches.push(batch);
  return batches;
}

const textsOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(({ items }) => items.map((item) => item.toString('latin1')));
const linesOf = (batches: readonly Batch[]): number[] => batches.flatMap(({ lines }) => [...lines]);

/** Objects with what makes splitting hard: brackets, quotes and backslashes in strings, nesting. */
const documents = fc.array(
  fc.dictionary(fc.constantFrom('a', '"', '\\', '[', '}', 'name'), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 4,
  }),
  { maxLength: 12 },
);
const chunkSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const spaces = fc.constantFrom('', ' ', '\n', '\r\n', '\t ', '\n\n');

describe.each(['ndjson', 'json', 'msgpack'] as const)('a file of %s', (form) => {
  function write(values: readonly unknown[], space: string): { bytes: Buffer; items: string[] } {
    if (form === 'msgpack') {
      const items = values.map((value) => Buffer.from(encode(value)));
      // An array of the first half, the rest one after another.
      const half = items.slice(0, Math.floor(items.length / 2));
      const head = Buffer.from([0xdc, half.length >> 8, half.length & 0xff]);
      return { bytes: Buffer.concat([head, ...items]), items: items.map((item) => item.toString('latin1')) };
    }
    const items = values.map((value) => JSON.stringify(value));
    const latin = items.map((item) => Buffer.from(item).toString('latin1'));
    if (form === 'ndjson')
      return {
        bytes: Buffer.from(items.map((item) => `${item}\n${space.replace(/[^\n\r]/g, '')}`).join('')),
        items: latin,
      };
    return {
      bytes: Buffer.from(`${space}[${space}${items.join(`${space},${space}`)}${space}]${space}`),
      items: latin,
    };
  }

  it('is cut into its spans, byte for byte, however it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(documents, spaces, chunkSizes, async (values, space, sizes) => {
        const { bytes, items } = write(values, space);
        const whole = await readAll(bytes, form);
        expect(textsOf(whole)).toEqual(items);
        const pieces = await readAll(bytes, form, sizes);
        expect(textsOf(pieces)).toEqual(items);
        expect(linesOf(pieces)).toEqual(linesOf(whole));
        expect(pieces.map(({ start, end, hash }) => ({ start, end, hash }))).toEqual(
          whole.map(({ start, end, hash }) => ({ start, end, hash })),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('can be gone on with behind any batch', async () => {
    await fc.assert(
      fc.asyncProperty(documents, spaces, chunkSizes, async (values, space, sizes) => {
        const { bytes } = write(values, space);
        const whole = await readAll(bytes, form);
        for (const [i, batch] of whole.entries()) {
          const hash = createHash('sha256').update(bytes.subarray(batch.start, batch.end)).digest('hex');
          expect(batch.hash).toBe(hash);
          const rest = await readAll(bytes, form, sizes, batch);
          expect(textsOf(rest)).toEqual(textsOf(whole.slice(i + 1)));
          expect(linesOf(rest)).toEqual(linesOf(whole.slice(i + 1)));
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('lines', () => {
  it('of NDJSON count blank ones, which are not sent', async () => {
    const batches = await readAll(Buffer.from('{"a":1}\n\n  \r\n{"a":2}\r\n{"a":3}'), 'ndjson');
    expect(textsOf(batches)).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
    expect(linesOf(batches)).toEqual([1, 4, 5]);
  });

  it('of JSON are where each span starts', async () => {
    const batches = await readAll(Buffer.from('[\n  {"a":\n 1},\n  {"b": "x\\"]"}\n]\n'), 'json', [5]);
    expect(textsOf(batches)).toEqual(['{"a":\n 1}', '{"b": "x\\"]"}']);
    expect(linesOf(batches)).toEqual([2, 4]);
  });
});

describe('bodies', () => {
  it('hold the items of a batch as they stand in the file', async () => {
    const [ndjson] = await readAll(Buffer.from('{"a": 1.0}\n{"b":2}\n'), 'ndjson');
    expect(encodeBody(ndjson?.items ?? [], 'ndjson').toString()).toBe('{"a": 1.0}\n{"b":2}\n');
    const [json] = await readAll(Buffer.from('[ {"a": 1.0}, {"b":2} ]'), 'json');
    expect(encodeBody(json?.items ?? [], 'json').toString()).toBe('[{"a": 1.0},{"b":2}]');
  });
});

describe('a broken file', () => {
  const cases: readonly (readonly [SpanForm, Buffer])[] = [
    ['json', Buffer.from('[{"a":1},{"b":2')],
    ['json', Buffer.from('[{"a":1},')],
    ['msgpack', Buffer.concat([Buffer.from(encode({ a: 1 })), Buffer.from([0x81, 0xa1])])],
    ['msgpack', Buffer.concat([Buffer.from([0x93]), Buffer.from(encode({ a: 1 }))])],
    ['msgpack', Buffer.concat([Buffer.from(encode({ a: 1 })), Buffer.from([0xc1])])],
  ];
  it.each(cases)('of %s gives what is whole, then says where it ends', async (form, bytes) => {
    const items: number[] = [];
    const read = async (): Promise<void> => {
      for await (const batch of readBatches(inChunks(bytes, [4]), form, limits))
        items.push(batch.items.length);
    };
    await expect(read()).rejects.toSatisfy(
      (error) => error instanceof BrokenFile && error.offset > 0 && error.offset <= bytes.length,
    );
    expect(items).toEqual([1]);
  });
});
