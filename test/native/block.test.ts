/** Taking and discarding blocks, tail filters, checksums and hashes. */
import { expect, test } from 'vitest';
import { loadNative, type DecodeOptions, type DecodeResult } from '#dist/native/index.js';
import { decode, decodeOptions, leastSpan, takeBlock, uuid } from '../support/native-block.js';
import { crc32c } from '../support/crc32c.js';
import { createRandom } from '../support/random.js';

const native = loadNative();
const span = JSON.stringify(leastSpan);

test('take writes the block once, with its checksum, and opens a new one', () => {
  const decoder = native.createSpanDecoder();
  expect(decoder.rows).toBe(0);
  decode(decoder, `${span}\n${span}`, 'ndjson');
  expect(decoder.rows).toBe(2);
  const into = new Uint8Array(new SharedArrayBuffer(decoder.maxBlockBytes + 100)).fill(0xaa);
  const block = decoder.take(into);
  expect(block.rows).toBe(2);
  expect(block.bytes).toBeLessThanOrEqual(into.length - 100);
  expect(block.crc32c).toBe(crc32c(into.subarray(0, block.bytes)));
  expect([...into.subarray(-100)]).toEqual(Array.from({ length: 100 }, () => 0xaa));
  expect(decoder.rows).toBe(0);
  expect(decoder.take(into)).toEqual({ rows: 0, bytes: 0, crc32c: 0 });

  decode(decoder, `${span}\n${span}`, 'ndjson');
  expect(Buffer.from(takeBlock(decoder))).toEqual(Buffer.from(into.subarray(0, block.bytes)));
});

test('a buffer that is too small leaves the block open', () => {
  const decoder = native.createSpanDecoder();
  decode(decoder, span, 'json');
  const size = decoder.maxBlockBytes;
  expect(() => decoder.take(new Uint8Array(size - 1))).toThrow(RangeError);
  expect(decoder.rows).toBe(1);
  expect(takeBlock(decoder).length).toBeGreaterThan(0);
});

test('discard forgets the block', () => {
  const decoder = native.createSpanDecoder();
  const fresh = native.createSpanDecoder();
  decode(decoder, JSON.stringify({ ...leastSpan, action: { name: 'secret', type: 'invoke' } }), 'json');
  decoder.discard();
  expect(decoder.rows).toBe(0);
  for (const one of [decoder, fresh]) decode(one, span, 'json');
  expect(Buffer.from(takeBlock(decoder))).toEqual(Buffer.from(takeBlock(fresh)));
});

test('nothing of refused spans and malformed bodies is in the block', () => {
  const decoder = native.createSpanDecoder();
  const fresh = native.createSpanDecoder();
  const other = JSON.stringify({
    ...leastSpan,
    action: { name: 'other', type: 'invoke' },
    metadata: { tags: { secret: 'x' } },
    vendor: 1,
  });
  decode(decoder, span, 'json');
  expect(decode(decoder, `[${other},${other}`, 'json', { projectId: 'gone' }).malformed).toBeDefined();
  decode(decoder, `${other.replace('{', '{"trace_id":1,')}\n${other.slice(0, -1)}`, 'ndjson', {
    projectId: 'gone',
  });
  decode(decoder, span, 'json');
  decode(fresh, span, 'json');
  decode(fresh, span, 'json');
  expect(Buffer.from(takeBlock(decoder))).toEqual(Buffer.from(takeBlock(fresh)));
});

test('the length cuts the body, and slack behind it is not read as part of it', () => {
  const decoder = native.createSpanDecoder();
  const body = Buffer.from(`${span}\n${span}${'}'.repeat(100)}`);
  const one = decoder.decode(body, span.length, 'ndjson', decodeOptions);
  expect([one.total, one.accepted]).toEqual([1, 1]);
  for (const length of [-1, body.length + 1, Number.NaN, 2 ** 40]) {
    expect(() => decoder.decode(body, length, 'ndjson', decodeOptions)).toThrow(RangeError);
  }
  expect(() => decoder.decode('text' as never, 1, 'json', decodeOptions)).toThrow(TypeError);
  expect(() => decoder.decode(body, 1, 'xml' as never, decodeOptions)).toThrow(TypeError);
});

test('tail filters: which spans match which, and what is dropped beyond the bound', () => {
  const decoder = native.createSpanDecoder();
  const line = (agent: number, name: string, status?: string): string =>
    JSON.stringify({
      ...leastSpan,
      agent_id: uuid(agent),
      action: { name, type: 'invoke' },
      ...(status !== undefined && { result: { status } }),
    });
  const lines = [
    line(1, 'a', 'success'),
    line(2, 'a', 'failure'),
    line(1, 'b'),
    line(2, 'b', 'failure'),
    '{}',
  ];
  const body = lines.join('\n');
  const run = (options: Partial<DecodeOptions> = {}): DecodeResult =>
    decode(decoder, body, 'ndjson', options);
  expect(run().matches).toHaveLength(0);
  decoder.setTailFilters(
    [
      { projectId: 'project' },
      { projectId: 'other' },
      { projectId: 'project', agentId: uuid(2), contextId: uuid(3), action: 'b', status: 'failure' },
      { projectId: 'project', status: 'unset' },
      { projectId: 'project', agentId: 'no id' },
      { projectId: 'project', status: 'no status' },
      { projectId: 'project', contextId: uuid(99) },
      { projectId: 'project', action: 'a' },
    ],
    3,
  );
  const starts = lines.map((_, i) => lines.slice(0, i).join('\n').length + (i > 0 ? 1 : 0));
  const range = (i: number): number[] => [starts[i]!, starts[i]! + lines[i]!.length];
  const result = run();
  expect([...result.matches]).toEqual([
    0b10000001,
    ...range(0),
    0b10000001,
    ...range(1),
    0b1001,
    ...range(2),
  ]);
  expect([...result.matchesDropped]).toEqual([1, 0, 1, 0, 0, 0, 0, 0]);
  expect([...run({ projectId: 'other' }).matches]).toEqual([2, ...range(0), 2, ...range(1), 2, ...range(2)]);
  expect(run({ projectId: 'third' }).matches).toHaveLength(0);
  decoder.setTailFilters([], 3);
  expect(run().matches).toHaveLength(0);
  expect(() =>
    decoder.setTailFilters(
      Array.from({ length: 33 }, () => ({ projectId: 'p' })),
      1,
    ),
  ).toThrow(RangeError);
});

test('crc32c: known values, and every length against the plain algorithm', () => {
  expect(native.crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(native.crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(native.crc32c(new Uint8Array(0))).toBe(0);
  const random = createRandom(1);
  const bytes = Uint8Array.from({ length: 40_000 }, () => random.below(256));
  for (const length of [
    1, 7, 8, 9, 63, 64, 255, 767, 768, 769, 1023, 4096, 12_287, 12_288, 12_289, 13_100, 39_999,
  ]) {
    const part = bytes.subarray(1, 1 + length);
    expect(native.crc32c(part)).toBe(crc32c(part));
    const middle = length >> 1;
    expect(native.crc32c(part.subarray(middle), native.crc32c(part.subarray(0, middle)))).toBe(
      native.crc32c(part),
    );
  }
});

test('contentHash never changes: receipts on disk hold it', () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 131 + (i >> 3)) & 255);
  const hashes = [0, 1, 63, 64, 65, 1023, 1024, 1025, 5000].map((n) => native.contentHash(bytes, n));
  expect(hashes).toEqual([
    '1e41ab19affa2b389289caa726f73ce1',
    'ff238c8749034b07adc7893164283c07',
    '0408e868ffd856df6782abb9e6d6df33',
    'c0f9ef7f1f6c768796e7d76765cbb13a',
    'f951734667b4be902c9c234034396518',
    'a05c116fab8c79b34c7eacf1f65584f3',
    '046262cf597c06913799a8b92b63af56',
    '650e7f782e07d55a5503217c31c79aff',
    '3552d323ec78701ece2e2acf4fc96736',
  ]);
});

test('contentHash: every bit of the body and its length count', () => {
  const body = new Uint8Array(200);
  const seen = new Set<string>();
  for (let length = 0; length <= 200; length += 1) seen.add(native.contentHash(body, length));
  for (let bit = 0; bit < 1600; bit += 1) {
    const changed = body.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const hash = native.contentHash(changed, 200);
    expect(hash).toMatch(/^[0-9a-f]{32}$/);
    seen.add(hash);
  }
  expect(seen.size).toBe(201 + 1600);
});
