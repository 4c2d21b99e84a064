import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '#dist/traces/spool/frames.js';
import { createSpool, type DurableSpool } from '#dist/traces/spool/index.js';
import { encodeHead } from '#dist/traces/spool/sidecar.js';
import { unsyncedFiles } from '../../support/faulty-files.js';
import {
  copyFolder,
  drainSpool,
  makeRecord,
  openSpool,
  spoolDefaults,
  temporaryFolder,
  type TestRecord,
} from '../../support/spool-fixtures.js';

/** Folder of a spool that was killed with these records in one segment. */
interface KilledSpool {
  readonly dataDir: string;
  readonly name: string;
  readonly records: readonly TestRecord[];
}

async function killedSpool(count: number, sealed = false): Promise<KilledSpool> {
  const dataDir = await temporaryFolder();
  const killed = await temporaryFolder();
  const records = Array.from({ length: count }, (_, index) => makeRecord(150 + index, 2));
  const spool = await createSpool({ ...spoolDefaults, dataDir });
  let name = '';
  for (const record of records) name = (await spool.append(record)).segment;
  if (sealed) await spool.seal();
  copyFolder(dataDir, killed);
  await spool.close();
  // The segment that was made ready ahead is of no interest here.
  for (const file of readdirSync(`${killed}/spool`)) {
    if (/\.(seg|idx)$/.test(file) && !file.startsWith(name)) rmSync(`${killed}/spool/${file}`);
  }
  return { dataDir: killed, name, records };
}

const contentOf = (records: readonly TestRecord[]): Buffer =>
  Buffer.concat(records.map(({ block }) => block));

/** Opens, drains and closes; the content in order of the segments. */
async function recoverAndDrain(
  dataDir: string,
): Promise<{ content: Buffer; spool: DurableSpool; ids: string[] }> {
  const spool = await createSpool({ ...spoolDefaults, dataDir, files: unsyncedFiles() });
  try {
    const drained = await drainSpool(spool, 1);
    return {
      content: Buffer.concat(drained.map(({ content }) => content)),
      spool,
      ids: drained.map(({ segment }) => segment.id),
    };
  } finally {
    await spool.close();
  }
}

describe('a torn end (P2)', () => {
  const files = ['seg', 'idx'] as const;

  it.each(files)(
    'is cut to the last whole record when the .%s file ends at any byte',
    { timeout: 120_000 },
    async (extension) => {
      const { dataDir, name, records } = await killedSpool(5);
      const ends = endsOf(dataDir, name, records);
      const path = `${dataDir}/spool/${name}.${extension}`;
      const size = readFileSync(path).length;
      const scratch = await temporaryFolder();
      for (let length = 0; length <= size; length++) {
        rmSync(scratch, { recursive: true });
        cpSync(dataDir, scratch, { recursive: true });
        truncateSync(`${scratch}/spool/${name}.${extension}`, length);
        const whole = ends[extension].filter((end) => end <= length).length;
        const { content } = await recoverAndDrain(scratch);
        expect(content.equals(contentOf(records.slice(0, whole))), `${extension} cut at ${length}`).toBe(
          true,
        );
      }
    },
  );

  it.each(files)(
    'is cut when zeros or garbage follow or replace the last record of the .%s file',
    async (extension) => {
      const { dataDir, name, records } = await killedSpool(4);
      const path = `${dataDir}/spool/${name}.${extension}`;
      const whole = readFileSync(path);
      const ends = endsOf(dataDir, name, records)[extension];
      const garbage = Buffer.from(Array.from({ length: 997 }, (_, index) => (index * 151 + 7) & 255));
      for (const tail of [Buffer.alloc(4096), garbage]) {
        for (const [from, kept] of [
          [ends[3]!, 4],
          [ends[2]!, 3],
          [ends[2]! + 5, 3],
        ] as const) {
          const scratch = await temporaryFolder();
          cpSync(dataDir, scratch, { recursive: true });
          writeFileSync(
            `${scratch}/spool/${name}.${extension}`,
            Buffer.concat([whole.subarray(0, from), tail]),
          );
          const { content } = await recoverAndDrain(scratch);
          expect(content.equals(contentOf(records.slice(0, kept)))).toBe(true);
        }
      }
    },
  );

  it('is not reported as damage when it can only be an unfinished write', async () => {
    const { dataDir, name, records } = await killedSpool(4);
    const { seg, idx } = endsOf(dataDir, name, records);
    truncateSync(`${dataDir}/spool/${name}.seg`, seg[3]! - 10);
    const first = await recoverAndDrain(dataDir);
    expect(first.spool.recovery).toMatchObject({ tornRecords: 1, quarantinedRecords: 0, rows: 6 });
    const other = await killedSpool(4);
    truncateSync(`${other.dataDir}/spool/${other.name}.idx`, idx[2]! + 20);
    expect((await recoverAndDrain(other.dataDir)).spool.recovery).toMatchObject({
      quarantinedRecords: 0,
      rows: 6,
    });
  });

  it('accepts files that were preallocated with zeros', async () => {
    const { dataDir, name, records } = await killedSpool(3);
    for (const extension of files) {
      const path = `${dataDir}/spool/${name}.${extension}`;
      writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(64 * 1024)]));
    }
    const { content, spool } = await recoverAndDrain(dataDir);
    expect(content).toEqual(contentOf(records));
    expect(spool.recovery).toMatchObject({ quarantinedRecords: 0, tornRecords: 0 });
  });

  it('forgets the receipts of records that were cut, so that the client may send them again', async () => {
    const { dataDir, name, records } = await killedSpool(3);
    truncateSync(`${dataDir}/spool/${name}.seg`, endsOf(dataDir, name, records).seg[1]! + 1);
    const spool = await openSpool(dataDir);
    const known = records.map(
      ({ receipts }) => spool.receipts.findByHash('default', receipts[0]!.hash)?.status,
    );
    expect(known).toEqual(['spooled', 'spooled', undefined]);
  });
});

describe('damage (P3)', () => {
  it(
    'in any byte of the sidecar costs at most one record, which is quarantined and counted',
    { timeout: 120_000 },
    async () => {
      const { dataDir, name, records } = await killedSpool(5, true);
      const sidecar = readFileSync(`${dataDir}/spool/${name}.idx`);
      const scratch = await temporaryFolder();
      for (let at = 0; at < sidecar.length; at++) {
        rmSync(scratch, { recursive: true });
        cpSync(dataDir, scratch, { recursive: true });
        const flipped = Buffer.from(sidecar);
        flipped[at]! ^= 1 << (at % 8);
        writeFileSync(`${scratch}/spool/${name}.idx`, flipped);
        const { content, spool, ids } = await recoverAndDrain(scratch);
        const lost = records.filter(({ block }) => !content.includes(block));
        expect(lost.length, `bit flipped at ${at}`).toBeLessThanOrEqual(1);
        expect(content.equals(contentOf(records.filter((record) => !lost.includes(record))))).toBe(true);
        expect(spool.recovery.quarantinedRecords).toBe(lost.length);
        expect(ids).toEqual([name]);
        if (lost.length === 1) expect(quarantined(scratch).includes(lost[0]!.block)).toBe(true);
      }
    },
  );

  it('in a block costs that record only; the rest keeps its token and says that it changed', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    for (const index of records.keys()) {
      const scratch = await temporaryFolder();
      cpSync(dataDir, scratch, { recursive: true });
      const path = `${scratch}/spool/${name}.seg`;
      const bytes = readFileSync(path);
      bytes[contentOf(records.slice(0, index)).length + 50]! ^= 0x10;
      writeFileSync(path, bytes);
      const ledger = {
        stored: () => undefined,
        deadLettered: () => undefined,
        quarantined: (rows: number) => void counted.push(rows),
      };
      const counted: number[] = [];
      const spool = await openSpool(scratch, { ledger });
      const [drained] = await drainSpool(spool);
      expect(drained!.segment).toMatchObject({ id: name, changed: true, rows: 8 });
      expect(drained!.content).toEqual(contentOf(records.filter((_, other) => other !== index)));
      expect(counted).toEqual([2]);
      expect(spool.recovery).toMatchObject({ quarantinedRecords: 1, quarantinedRows: 2, tornRecords: 0 });
      expect(spool.health().status).toBe('degraded');
      expect(spool.receipts.findByHash('default', records[index]!.receipts[0]!.hash)).toBeUndefined();
    }
  });

  it('of lengths in the sidecar (0, huge, negative) never misleads', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    const { idx } = endsOf(dataDir, name, records);
    for (const value of [0, 0x7fffffff, 0xffffffff]) {
      const scratch = await temporaryFolder();
      cpSync(dataDir, scratch, { recursive: true });
      const sidecar = readFileSync(`${scratch}/spool/${name}.idx`);
      sidecar.writeUInt32LE(value, idx[1]! + 4);
      writeFileSync(`${scratch}/spool/${name}.idx`, sidecar);
      const { content, spool } = await recoverAndDrain(scratch);
      expect(content).toEqual(contentOf(records.filter((_, index) => index !== 2)));
      expect(spool.recovery.quarantinedRecords).toBe(1);
    }
  });

  it('of two swapped segment files is seen, and both are kept in the quarantine', async () => {
    const one = await killedSpool(3, true);
    const two = await killedSpool(3, true);
    const scratch = await temporaryFolder();
    cpSync(one.dataDir, scratch, { recursive: true });
    cpSync(`${two.dataDir}/spool`, `${scratch}/spool`, { recursive: true });
    const [a, b] = [`${scratch}/spool/${one.name}.seg`, `${scratch}/spool/${two.name}.seg`];
    renameSync(a, `${a}.x`);
    renameSync(b, a);
    renameSync(`${a}.x`, b);
    const { content, spool } = await recoverAndDrain(scratch);
    expect(content.length).toBe(0);
    expect(spool.recovery).toMatchObject({ quarantinedRecords: 6, quarantinedRows: 12 });
    for (const { block } of [...one.records, ...two.records])
      expect(quarantined(scratch).includes(block)).toBe(true);
  });

  it('keeps the tokens with their rows when two segments swapped names', async () => {
    const one = await killedSpool(2, true);
    const two = await killedSpool(2, true);
    const scratch = await temporaryFolder();
    cpSync(one.dataDir, scratch, { recursive: true });
    for (const extension of ['seg', 'idx']) {
      cpSync(`${one.dataDir}/spool/${one.name}.${extension}`, `${scratch}/spool/${two.name}.${extension}`);
      cpSync(`${two.dataDir}/spool/${two.name}.${extension}`, `${scratch}/spool/${one.name}.${extension}`);
    }
    const spool = await openSpool(scratch);
    const drained = await drainSpool(spool);
    const byId = new Map(drained.map(({ segment, content }) => [segment.id, content]));
    expect(byId.get(one.name)).toEqual(contentOf(one.records));
    expect(byId.get(two.name)).toEqual(contentOf(two.records));
  });

  it('loads a segment once when a copy of it lies beside it', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    const scratch = await temporaryFolder();
    cpSync(dataDir, scratch, { recursive: true });
    const copy = name.replace(/-(\d{14})-/, '-00000000000001-');
    for (const extension of ['seg', 'idx']) {
      cpSync(`${scratch}/spool/${name}.${extension}`, `${scratch}/spool/${copy}.${extension}`);
    }
    const { content, spool, ids } = await recoverAndDrain(scratch);
    expect(ids).toEqual([name]);
    expect(content).toEqual(contentOf(records));
    expect(spool.recovery.duplicateSegments).toBe(1);
    expect(existsSync(`${scratch}/spool/quarantine/${copy}.seg`)).toBe(true);
  });

  it.each([
    ['seg', 5],
    ['idx', 1],
  ] as const)('by a missing .%s file is reported, and what is left is kept', async (extension, count) => {
    const { dataDir, name } = await killedSpool(5, true);
    const scratch = await temporaryFolder();
    cpSync(dataDir, scratch, { recursive: true });
    rmSync(`${scratch}/spool/${name}.${extension}`);
    const { content, spool } = await recoverAndDrain(scratch);
    expect(content.length).toBe(0);
    expect(spool.recovery.quarantinedRecords).toBe(count);
    const other = extension === 'seg' ? 'idx' : 'seg';
    expect(existsSync(`${scratch}/spool/quarantine/${name}.${other}`)).toBe(true);
  });

  it('leaves foreign files and other format versions alone and reports them', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    const scratch = await temporaryFolder();
    cpSync(dataDir, scratch, { recursive: true });
    writeFileSync(`${scratch}/spool/notes.txt`, 'mine');
    writeFileSync(`${scratch}/spool/copy of ${name}.seg`, 'mine');
    const newer = name.replace(/-(\d{14})-/, '-00000000000009-');
    const { crc32c } = spoolDefaults;
    const payload = Buffer.from(encodeHead(newer, 0, crc32c).subarray(16));
    payload.writeUInt32LE(2, 4);
    writeFileSync(`${scratch}/spool/${newer}.idx`, encodeFrame(payload, crc32c));
    writeFileSync(`${scratch}/spool/${newer}.seg`, 'of the future');
    const { content, spool } = await recoverAndDrain(scratch);
    expect(content).toEqual(contentOf(records));
    expect(spool.recovery.foreign.sort()).toEqual([`copy of ${name}.seg`, 'notes.txt']);
    expect(spool.recovery.unknownVersion).toEqual([newer]);
    expect(readFileSync(`${scratch}/spool/${newer}.seg`, 'utf8')).toBe('of the future');
    expect(readFileSync(`${scratch}/spool/notes.txt`, 'utf8')).toBe('mine');
  });

  it('starts with empty, unreadable and damaged small files', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    const scratch = await temporaryFolder();
    cpSync(dataDir, scratch, { recursive: true });
    const other = name.replace(/-(\d{14})-/, '-00000000000002-');
    writeFileSync(`${scratch}/spool/${other}.seg`, '');
    writeFileSync(`${scratch}/spool/${other}.idx`, '');
    writeFileSync(`${scratch}/spool/spool.json`, '{"spoolId": 7');
    writeFileSync(`${scratch}/spool/lock`, '');
    writeFileSync(`${scratch}/receipts/2026010100-000001.receipts`, 'garbage');
    const { content, spool } = await recoverAndDrain(scratch);
    expect(content).toEqual(contentOf(records));
    expect(spool.spoolId).not.toBe(name.slice(0, 36));
    expect(existsSync(`${scratch}/spool/${other}.seg`)).toBe(false);
  });

  it('is found again by the same recovery after it was interrupted anywhere (K11)', async () => {
    const { dataDir, name, records } = await killedSpool(5, true);
    for (let failAt = 1; failAt < 60; failAt++) {
      const scratch = await temporaryFolder();
      cpSync(dataDir, scratch, { recursive: true });
      const path = `${scratch}/spool/${name}.seg`;
      const bytes = readFileSync(path);
      bytes[160]! ^= 1;
      writeFileSync(path, bytes);
      // Every call from the N-th on fails: what the disk looks like then is what a kill at that point leaves.
      const files = unsyncedFiles();
      let calls = 0;
      const changing = new Set([
        'open',
        'write',
        'rename',
        'unlink',
        'truncate',
        'dataSync',
        'syncDirectory',
        'makeDirectory',
      ]);
      for (const [operation, real] of Object.entries(files) as [
        keyof typeof files,
        (...given: unknown[]) => Promise<unknown>,
      ][]) {
        if (!changing.has(operation)) continue;
        Object.assign(files, {
          [operation]: (...given: unknown[]) =>
            ++calls >= failAt
              ? Promise.reject(Object.assign(new Error('killed'), { code: 'EIO' }))
              : real(...given),
        });
      }
      const interrupted = await createSpool({ ...spoolDefaults, dataDir: scratch, files }).catch(
        () => undefined,
      );
      await interrupted?.close();
      rmSync(`${scratch}/spool/lock`, { force: true });
      const { content, ids } = await recoverAndDrain(scratch);
      expect(ids).toEqual([name]);
      expect(content).toEqual(contentOf(records.filter((_, index) => index !== 1)));
      expect(quarantined(scratch).includes(bytes.subarray(150, 301))).toBe(true);
    }
  });
});

/** Where each record ends in the two files, read from a healthy pair. */
function endsOf(
  dataDir: string,
  name: string,
  records: readonly TestRecord[],
): { seg: number[]; idx: number[] } {
  const idxBytes = readFileSync(`${dataDir}/spool/${name}.idx`);
  const frames: number[] = [];
  for (let at = 0; idxBytes.readUInt32LE(at) !== 0;) {
    at += 16 + idxBytes.readUInt32LE(at + 4);
    frames.push(at);
    if (at + 16 > idxBytes.length) break;
  }
  return {
    seg: records.map((_, index) => contentOf(records.slice(0, index + 1)).length),
    idx: frames.slice(1, records.length + 1),
  };
}

function quarantined(dataDir: string): Buffer {
  const directory = `${dataDir}/spool/quarantine`;
  if (!existsSync(directory)) return Buffer.alloc(0);
  return Buffer.concat(readdirSync(directory).map((name) => readFileSync(`${directory}/${name}`)));
}
