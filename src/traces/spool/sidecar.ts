import { FRAME_HEADER_BYTES, encodeFrame, sealFrame, type Crc32c } from './frames.js';
import type { ReceiptEntry, SpoolRecord } from './contract.js';
import type { StoredRecord } from './segment-source.js';

/*
 * Payloads of the frames in a sidecar (`<id>.idx`). The first byte is the kind, numbers are little-endian.
 * head   0 u8 kind 1 · 4 u32 format version · 8 f64 created, ms · 16 u16 length of the id · 18 id, UTF-8
 * block  0 u8 kind 2 · 4 u32 rows · 8 f64 offset in the .seg · 16 u32 length · 20 u32 CRC-32C of the block
 *        24 u64 lowest seq · 32 u64 highest seq · 40 f64 appended, ms · 48 u32 receipts · 52 receipts
 * seal   0 u8 kind 3 · 1 u8 changed · 4 u32 blocks · 8 f64 bytes · 16 f64 rows · 24 f64 sealed, ms
 * A receipt: 16 bytes id · 16 bytes hash · u32 accepted · u32 rejected · u16 length of the project · project, UTF-8
 * Behind the last receipt, for each that has one, to the end of the payload: u32 index of the receipt · 16 bytes
 * content hash. Optional: earlier versions neither write nor read it.
 */
export const SIDECAR_VERSION = 1;
const KIND_HEAD = 1;
const KIND_BLOCK = 2;
const KIND_SEAL = 3;
const BLOCK_BYTES = 52;
const RECEIPT_BYTES = 42;
const CONTENT_BYTES = 20;
const SEAL_BYTES = 32;
/** A sealed frame's whole length; the writer keeps as much room allocated, so sealing works on a full disk. */
export const SEAL_FRAME_BYTES = FRAME_HEADER_BYTES + SEAL_BYTES;

export interface SidecarHead {
  readonly kind: 'head';
  readonly version: number;
  readonly id: string;
  readonly createdAtMs: number;
}

export interface SidecarBlock extends StoredRecord {
  readonly kind: 'block';
  readonly appendedAtMs: number;
  readonly receipts: readonly ReceiptEntry[];
}

export interface SidecarSeal {
  readonly kind: 'seal';
  readonly changed: boolean;
  readonly blocks: number;
  readonly bytes: number;
  readonly rows: number;
  readonly sealedAtMs: number;
}

export function encodeHead(id: string, createdAtMs: number, crc32c: Crc32c): Buffer {
  const name = Buffer.from(id);
  const payload = Buffer.alloc(18 + name.length);
  payload[0] = KIND_HEAD;
  payload.writeUInt32LE(SIDECAR_VERSION, 4);
  payload.writeDoubleLE(createdAtMs, 8);
  payload.writeUInt16LE(name.length, 16);
  payload.set(name, 18);
  return encodeFrame(payload, crc32c);
}

export function encodeSeal(seal: Omit<SidecarSeal, 'kind'>, crc32c: Crc32c): Buffer {
  const payload = Buffer.alloc(SEAL_BYTES);
  payload[0] = KIND_SEAL;
  payload[1] = seal.changed ? 1 : 0;
  payload.writeUInt32LE(seal.blocks, 4);
  payload.writeDoubleLE(seal.bytes, 8);
  payload.writeDoubleLE(seal.rows, 16);
  payload.writeDoubleLE(seal.sealedAtMs, 24);
  return encodeFrame(payload, crc32c);
}

/** Frames for a group of records that will stand at `offset` and on, followed by room for the seal, in one buffer. */
export function encodeGroup(
  records: readonly SpoolRecord[],
  offset: number,
  appendedAtMs: number,
  crc32c: Crc32c,
): { readonly bytes: Buffer; readonly frameBytes: number } {
  let size = SEAL_FRAME_BYTES;
  for (const record of records) size += FRAME_HEADER_BYTES + BLOCK_BYTES + receiptsBytes(record.receipts);
  const into = Buffer.alloc(size);
  let at = 0;
  let position = offset;
  for (const record of records) {
    const payload = at + FRAME_HEADER_BYTES;
    into[payload] = KIND_BLOCK;
    into.writeUInt32LE(record.rows, payload + 4);
    into.writeDoubleLE(position, payload + 8);
    into.writeUInt32LE(record.block.byteLength, payload + 16);
    into.writeUInt32LE(record.crc32c, payload + 20);
    into.writeBigUInt64LE(record.seqFirst, payload + 24);
    into.writeBigUInt64LE(record.seqLast, payload + 32);
    into.writeDoubleLE(appendedAtMs, payload + 40);
    into.writeUInt32LE(record.receipts.length, payload + 48);
    const end = writeReceipts(into, payload + BLOCK_BYTES, record.receipts);
    sealFrame(into, at, end - payload, crc32c);
    position += record.block.byteLength;
    at = end;
  }
  return { bytes: into, frameBytes: at };
}

/** `undefined` for a payload this version cannot read; its checksum was right, so another version wrote it. */
export function decodeSidecar(payload: Buffer): SidecarHead | SidecarBlock | SidecarSeal | undefined {
  if (payload[0] === KIND_HEAD && payload.length >= 18) {
    return {
      kind: 'head',
      version: payload.readUInt32LE(4),
      createdAtMs: payload.readDoubleLE(8),
      id: payload.toString('utf8', 18, 18 + payload.readUInt16LE(16)),
    };
  }
  if (payload[0] === KIND_BLOCK && payload.length >= BLOCK_BYTES) {
    return {
      kind: 'block',
      rows: payload.readUInt32LE(4),
      offset: payload.readDoubleLE(8),
      bytes: payload.readUInt32LE(16),
      crc32c: payload.readUInt32LE(20),
      seqFirst: payload.readBigUInt64LE(24),
      seqLast: payload.readBigUInt64LE(32),
      appendedAtMs: payload.readDoubleLE(40),
      receipts: readReceipts(payload, BLOCK_BYTES, payload.readUInt32LE(48)),
    };
  }
  if (payload[0] === KIND_SEAL && payload.length >= SEAL_BYTES) {
    return {
      kind: 'seal',
      changed: payload[1] === 1,
      blocks: payload.readUInt32LE(4),
      bytes: payload.readDoubleLE(8),
      rows: payload.readDoubleLE(16),
      sealedAtMs: payload.readDoubleLE(24),
    };
  }
  return undefined;
}

export function receiptsBytes(receipts: readonly ReceiptEntry[]): number {
  let bytes = 0;
  for (const { projectId, content } of receipts) {
    bytes += RECEIPT_BYTES + Buffer.byteLength(projectId);
    if (content !== undefined) bytes += CONTENT_BYTES;
  }
  return bytes;
}

/** Returns the position behind what was written. */
export function writeReceipts(into: Buffer, offset: number, receipts: readonly ReceiptEntry[]): number {
  let at = offset;
  for (const entry of receipts) {
    at += into.write(entry.receipt.replaceAll('-', ''), at, 16, 'hex');
    at += into.write(entry.hash, at, 16, 'hex');
    at = into.writeUInt32LE(entry.accepted, at);
    at = into.writeUInt32LE(entry.rejected, at);
    const length = into.write(entry.projectId, at + 2);
    into.writeUInt16LE(length, at);
    at += 2 + length;
  }
  for (const [index, { content }] of receipts.entries()) {
    if (content === undefined) continue;
    at = into.writeUInt32LE(index, at);
    at += into.write(content, at, 16, 'hex');
  }
  return at;
}

/** Reads what `writeReceipts` wrote; `from` ends where that ended. */
export function readReceipts(from: Buffer, offset: number, count: number): ReceiptEntry[] {
  const receipts: ReceiptEntry[] = [];
  let at = offset;
  for (let index = 0; index < count; index++) {
    const projectBytes = from.readUInt16LE(at + 40);
    receipts.push({
      receipt: dashed(from.toString('hex', at, at + 16)),
      hash: from.toString('hex', at + 16, at + 32),
      accepted: from.readUInt32LE(at + 32),
      rejected: from.readUInt32LE(at + 36),
      projectId: from.toString('utf8', at + RECEIPT_BYTES, at + RECEIPT_BYTES + projectBytes),
    });
    at += RECEIPT_BYTES + projectBytes;
  }
  for (; at + CONTENT_BYTES <= from.length; at += CONTENT_BYTES) {
    const index = from.readUInt32LE(at);
    const entry = receipts[index];
    if (entry !== undefined) receipts[index] = { ...entry, content: from.toString('hex', at + 4, at + 20) };
  }
  return receipts;
}

const RECEIPT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HASH = /^[0-9a-f]{32}$/;

/** Whether the fixed-width encoding holds the entry without loss. */
export function isEncodable(entry: ReceiptEntry): boolean {
  const { receipt, hash, content = hash, projectId } = entry;
  return (
    RECEIPT.test(receipt) && HASH.test(hash) && HASH.test(content) && Buffer.byteLength(projectId) < 65_536
  );
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
