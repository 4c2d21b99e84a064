import { describe, expect, it } from 'vitest';
import { decodeSidecar, encodeGroup } from '#dist/traces/spool/sidecar.js';
import { crc32c } from '../../support/crc32c.js';

/** The payload of a block frame as version 0.1.0 wrote it first, before receipts had content hashes. */
const FIRST_FORM = Buffer.from(
  '02000000030000000000000000002240050000000700000000000000000100000200000000010000' +
    '00008056febc784202000000' +
    '1111111111114111811111111111111111111111111111111111111111111111010000000200000007006465' +
    '6661756c74' +
    '2222222211114111811111111111111122222222222222222222222222222222020000000300000008006772' +
    'c3b6c39f6572',
  'hex',
);
const block = {
  block: new Uint8Array(5),
  rows: 3,
  crc32c: 7,
  seqFirst: 1n << 40n,
  seqLast: (1n << 40n) + 2n,
};
const receipts = [
  {
    receipt: '11111111-1111-4111-8111-111111111111',
    projectId: 'default',
    hash: '1'.repeat(32),
    accepted: 1,
    rejected: 2,
  },
  {
    receipt: '22222222-1111-4111-8111-111111111111',
    projectId: 'größer',
    hash: '2'.repeat(32),
    accepted: 2,
    rejected: 3,
  },
];

function payloadOf(given: typeof receipts): Buffer {
  const { bytes, frameBytes } = encodeGroup([{ ...block, receipts: given }], 9, 1.7e12, crc32c);
  return bytes.subarray(16, frameBytes);
}

describe('the record of a block', () => {
  it('is read as the first version wrote it', () => {
    expect(decodeSidecar(FIRST_FORM)).toEqual({
      kind: 'block',
      rows: 3,
      offset: 9,
      bytes: 5,
      crc32c: 7,
      seqFirst: block.seqFirst,
      seqLast: block.seqLast,
      appendedAtMs: 1.7e12,
      receipts,
    });
    expect(payloadOf(receipts)).toEqual(FIRST_FORM);
  });

  it('holds content hashes where earlier versions do not look', () => {
    const keyed = [receipts[0]!, { ...receipts[1]!, content: 'c'.repeat(32) }];
    const payload = payloadOf(keyed);
    expect(payload.subarray(0, FIRST_FORM.length)).toEqual(FIRST_FORM);
    expect(decodeSidecar(payload)).toMatchObject({ receipts: keyed });
  });

  it('ignores a content hash of no receipt, and one that is not whole', () => {
    const stray = Buffer.concat([FIRST_FORM, Buffer.alloc(20, 9), Buffer.alloc(19)]);
    expect(decodeSidecar(stray)).toMatchObject({ receipts });
  });
});
