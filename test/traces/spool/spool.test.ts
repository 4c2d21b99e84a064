import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import {
  copyFolder,
  drainSpool,
  makeReceipt,
  makeRecord,
  openSpool,
  temporaryFolder,
} from '../../support/spool-fixtures.js';
import { faultyFiles, unsyncedFiles } from '../../support/faulty-files.js';

const segmentFiles = (dataDir: string): string[] =>
  readdirSync(`${dataDir}/spool`).filter((name) => /\.(seg|idx|done)$/.test(name));

describe('append', () => {
  it('puts blocks one after another into a segment and hands the segment out once', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const records = Array.from({ length: 20 }, () => makeRecord(200, 3));
    const commits = await Promise.all(records.map((record) => spool.append(record)));
    expect(new Set(commits.map(({ segment }) => segment)).size).toBe(1);
    expect(spool.pressure()).toMatchObject({
      accepts: true,
      code: 'ok',
      unstoredBytes: 4000,
      unstoredRows: 60,
    });

    const drained = await drainSpool(spool);
    expect(drained).toHaveLength(1);
    expect(drained[0]!.segment).toMatchObject({
      id: commits[0]!.segment,
      rows: 60,
      bytes: 4000,
      recovered: false,
    });
    expect(drained[0]!.content).toEqual(Buffer.concat(records.map(({ block }) => block)));
    await Promise.all(commits.map(({ stored }) => stored));
    expect(spool.pressure()).toMatchObject({ unstoredBytes: 0, unstoredRows: 0, oldestUnstoredAgeMs: 0 });
  });

  it('syncs both files once for all appends that wait together', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files });
    await spool.append(makeRecord());
    const before = faulty.calls.get('dataSync')!;
    await Promise.all(Array.from({ length: 100 }, () => spool.append(makeRecord())));
    expect(faulty.calls.get('dataSync')! - before).toBe(2);
  });

  it('acknowledges only after the data, the sidecar and the directory entry are synced', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files });
    let synced = 0;
    let directorySyncs = 0;
    faulty.decide = (operation) => {
      if (operation === 'dataSync') synced++;
      if (operation === 'syncDirectory') directorySyncs++;
      return undefined;
    };
    await spool.append(makeRecord());
    expect(synced).toBe(2);
    expect(directorySyncs).toBe(1);
  });

  it('does not sync before it acknowledges when durability is memory', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files, durability: 'memory' });
    const before = faulty.calls.get('dataSync');
    await spool.append(makeRecord());
    expect(faulty.calls.get('dataSync')).toBe(before);
  });

  it('refuses receipts that its encoding cannot hold, and takes the next record', async () => {
    const spool = await openSpool(await temporaryFolder());
    await expect(spool.append(makeRecord(10, 1, [{ ...makeReceipt(), hash: 'short' }]))).rejects.toThrow(
      TypeError,
    );
    await expect(spool.append(makeRecord(10, 1, [{ ...makeReceipt(), receipt: 'x' }]))).rejects.toThrow(
      TypeError,
    );
    await expect(spool.append(makeRecord(10, 1, [{ ...makeReceipt(), content: 'short' }]))).rejects.toThrow(
      TypeError,
    );
    await expect(spool.append(makeRecord())).resolves.toBeDefined();
    expect(spool.pressure().unstoredRows).toBe(1);
  });

  it('answers that it is closing after close, and close may be repeated', async () => {
    const spool = await openSpool(await temporaryFolder());
    const pending = spool.append(makeRecord());
    await Promise.all([spool.close(), spool.close()]);
    await expect(pending).resolves.toBeDefined();
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_DRAINING' });
  });
});

describe('segments', () => {
  it('are sealed when the next record would make them larger than the limit', async () => {
    const spool = await openSpool(await temporaryFolder(), {
      spoolSegmentBytes: 4096,
      spoolSegmentAgeMs: 60_000,
    });
    for (let count = 0; count < 10; count++) await spool.append(makeRecord(1000));
    await spool.seal();
    const drained = await drainSpool(spool);
    expect(drained.map(({ segment }) => segment.bytes)).toEqual([4000, 4000, 2000]);
    const ids = drained.map(({ segment }) => segment.id);
    expect(ids).toEqual([...ids].sort());
    expect(ids.every((id) => id.startsWith(spool.spoolId))).toBe(true);
  });

  it('hold one record at least, however large it is', async () => {
    const spool = await openSpool(await temporaryFolder(), { spoolSegmentBytes: 4096 });
    await Promise.all([
      spool.append(makeRecord(10_000)),
      spool.append(makeRecord(100)),
      spool.append(makeRecord(9000)),
    ]);
    await spool.seal();
    expect((await drainSpool(spool)).map(({ segment }) => segment.bytes)).toEqual([10_000, 100, 9000]);
  });

  it('hold at most a million rows, so that one insert stays one block', async () => {
    const spool = await openSpool(await temporaryFolder());
    for (let count = 0; count < 3; count++) await spool.append(makeRecord(100, 400_000));
    await spool.seal();
    expect((await drainSpool(spool)).map(({ segment }) => segment.rows)).toEqual([800_000, 400_000]);
  });

  it('are not sealed by age while nobody asks for them', async () => {
    const spool = await openSpool(await temporaryFolder(), { spoolSegmentAgeMs: 1 });
    const first = await spool.append(makeRecord());
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = await spool.append(makeRecord());
    expect(second.segment).toBe(first.segment);
    expect((await drainSpool(spool)).map(({ segment }) => segment.rows)).toEqual([2]);
  });

  it('tell their records from the sidecar', async () => {
    const spool = await openSpool(await temporaryFolder());
    const records = [makeRecord(100, 2), makeRecord(200, 5)];
    for (const record of records) await spool.append(record);
    const segment = (await spool.take(AbortSignal.timeout(1000)))!;
    expect(await spool.records(segment)).toEqual(
      records.map(({ block, rows, crc32c, seqFirst, seqLast }, index) => ({
        offset: index === 0 ? 0 : 100,
        bytes: block.byteLength,
        rows,
        crc32c,
        seqFirst,
        seqLast,
      })),
    );
  });

  it('leave no file behind when they are stored', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    await spool.append(makeRecord());
    await drainSpool(spool);
    await spool.close();
    expect(segmentFiles(dataDir)).toEqual([]);
  });

  it('are handed out again after a restart under the same id when they were not completed', async () => {
    const dataDir = await temporaryFolder();
    const first = await openSpool(dataDir);
    const record = makeRecord();
    const { segment } = await first.append(record);
    expect((await first.take(AbortSignal.timeout(1000)))!.id).toBe(segment);
    await first.close();
    const second = await openSpool(dataDir);
    expect(second.spoolId).toBe(first.spoolId);
    const drained = await drainSpool(second);
    expect(drained).toHaveLength(1);
    expect(drained[0]!.segment).toMatchObject({ id: segment, recovered: true, changed: false });
    expect(drained[0]!.content).toEqual(record.block);
  });

  it('never get an id twice, even when the data folder is put back to an earlier state', async () => {
    const dataDir = await temporaryFolder();
    const restored = await temporaryFolder();
    await (await openSpool(dataDir)).close();
    copyFolder(dataDir, restored);
    const ids = new Set<string>();
    for (const folder of [dataDir, restored]) {
      const spool = await openSpool(folder);
      ids.add((await spool.append(makeRecord())).segment);
    }
    expect(ids.size).toBe(2);
  });
});

describe('pressure', () => {
  it('refuses appends with a time to wait when ClickHouse is behind, and takes them again when it caught up', async () => {
    const spool = await openSpool(await temporaryFolder(), { spoolMaxBytes: 5000, spoolSegmentBytes: 4096 });
    for (let count = 0; count < 5; count++) await spool.append(makeRecord(1000));
    expect(spool.pressure()).toMatchObject({ accepts: false, code: 'full' });
    expect(spool.health().status).toBe('degraded');
    const error = await spool.append(makeRecord()).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FULL' });
    const { retryAfterSeconds } = error as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(retryAfterSeconds).toBeLessThanOrEqual(60);
    await drainSpool(spool);
    expect(spool.pressure()).toMatchObject({ accepts: true, code: 'ok' });
    await expect(spool.append(makeRecord())).resolves.toBeDefined();
  });

  it('leaves the reserve of the disk alone', async () => {
    const spool = await openSpool(await temporaryFolder(), { spoolReserveBytes: Number.MAX_SAFE_INTEGER });
    expect(spool.pressure().code).toBe('disk');
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FULL' });
  });

  it('is told as metrics', async () => {
    const registry = new Registry();
    const spool = await openSpool(await temporaryFolder(), { registry });
    await spool.append(makeRecord(100, 7));
    const text = await registry.metrics();
    expect(text).toContain('mplp_spool_unstored_spans 7');
    expect(text).toContain('mplp_spool_records_total 1');
    expect(text).toContain('mplp_spool_failed 0');
  });
});

describe('the highest sequence number', () => {
  it('is known after a restart, whether its segment waits, is stored or was damaged', async () => {
    const dataDir = await temporaryFolder();
    const first = await openSpool(dataDir);
    expect(first.highestSequence).toBe(0n);
    const stored = makeRecord(100, 9);
    await first.append(stored);
    await drainSpool(first);
    await first.close();
    expect(segmentFiles(dataDir)).toEqual([]);

    const second = await openSpool(dataDir);
    expect(second.highestSequence).toBe(stored.seqLast);
    const waiting = makeRecord(100, 5);
    await second.append(waiting);
    await second.append(makeRecord(100, 1, []));
    await second.close();
    const [segment] = segmentFiles(dataDir).filter((name) => name.endsWith('.seg'));
    const damaged = readFileSync(`${dataDir}/spool/${segment}`);
    damaged[150]! ^= 1;
    writeFileSync(`${dataDir}/spool/${segment}`, damaged);

    const third = await openSpool(dataDir);
    expect(third.recovery.quarantinedRecords).toBe(1);
    expect(third.highestSequence).toBe(waiting.seqLast + 1n);
    await third.close();
    const fourth = await openSpool(dataDir);
    expect(fourth.highestSequence).toBe(waiting.seqLast + 1n);
    await drainSpool(fourth);
    await fourth.close();
    expect((await openSpool(dataDir)).highestSequence).toBe(waiting.seqLast + 1n);
  });

  it('keeps the checkpoint of a stored segment as long as it cannot be written', async () => {
    const dataDir = await temporaryFolder();
    const faulty = faultyFiles();
    const spool = await openSpool(dataDir, { files: faulty.files });
    const record = makeRecord();
    await spool.append(record);
    faulty.decide = (operation, _call, path) =>
      operation === 'write' && path?.endsWith('/sequence') === true ? 'EIO' : undefined;
    expect(await drainSpool(spool)).toHaveLength(1);
    await spool.close();
    expect(segmentFiles(dataDir).map((name) => name.slice(-5))).toEqual(['.done']);

    const next = await openSpool(dataDir);
    expect(next.highestSequence).toBe(record.seqLast);
    expect(await drainSpool(next)).toEqual([]);
    expect(segmentFiles(dataDir)).toEqual([]);
    await next.close();
    expect((await openSpool(dataDir)).highestSequence).toBe(record.seqLast);
  });

  it('is kept in place, without room on the disk, and survives a torn write of every length', async () => {
    const dataDir = await temporaryFolder();
    const faulty = faultyFiles();
    const spool = await openSpool(dataDir, { files: faulty.files });
    faulty.decide = (operation, _call, path) =>
      operation === 'open' && path?.endsWith('.tmp') === true ? 'ENOSPC' : undefined;
    const mark = `${dataDir}/spool/sequence`;
    const contents: Buffer[] = [readFileSync(mark)];
    let kept = 0n;
    for (let round = 0; round < 3; round++) {
      const record = makeRecord();
      await spool.append(record);
      await drainSpool(spool);
      contents.push(readFileSync(mark));
      const [before, after] = contents.slice(-2) as [Buffer, Buffer];
      expect(after.length).toBe(before.length);
      const at = before.findIndex((byte, index) => byte !== after[index]);
      for (let torn = at; torn < after.length; torn++) {
        const copy = await temporaryFolder();
        copyFolder(dataDir, copy);
        writeFileSync(
          `${copy}/spool/sequence`,
          Buffer.concat([after.subarray(0, torn), before.subarray(torn)]),
        );
        const next = await openSpool(copy, { files: unsyncedFiles() });
        expect([kept, record.seqLast]).toContain(next.highestSequence);
        await next.close();
      }
      kept = record.seqLast;
    }
  });

  it('is lost with its file, which keeps nobody from starting', async () => {
    const dataDir = await temporaryFolder();
    await (await openSpool(dataDir)).close();
    for (const content of ['', 'x', '\0'.repeat(64), 'MPLF'.repeat(100)]) {
      writeFileSync(`${dataDir}/spool/sequence`, content);
      const spool = await openSpool(dataDir);
      expect(spool.highestSequence).toBe(0n);
      expect(spool.recovery.foreign).toEqual([]);
      const record = makeRecord();
      await spool.append(record);
      await drainSpool(spool);
      await spool.close();
      const next = await openSpool(dataDir);
      expect(next.highestSequence).toBe(record.seqLast);
      await next.close();
    }
  });
});

describe('receipts', () => {
  it('are known as spooled, then as stored', async () => {
    const spool = await openSpool(await temporaryFolder());
    const receipt = makeReceipt(3);
    await spool.append(makeRecord(100, 3, [receipt]));
    expect(spool.receipts.findByHash('default', receipt.hash)).toEqual({ ...receipt, status: 'spooled' });
    expect(spool.receipts.findById('default', receipt.receipt)).toEqual({ ...receipt, status: 'spooled' });
    await drainSpool(spool);
    expect(spool.receipts.findById('default', receipt.receipt)?.status).toBe('stored');
  });

  it('are not seen from another project', async () => {
    const spool = await openSpool(await temporaryFolder());
    const receipt = makeReceipt(1, 'mine');
    await spool.append(makeRecord(100, 1, [receipt]));
    expect(spool.receipts.findById('default', receipt.receipt)).toBeUndefined();
    expect(spool.receipts.findByHash('default', receipt.hash)).toBeUndefined();
    expect(spool.receipts.findByHash('mine', receipt.hash)).toBeDefined();
  });

  it('survive a kill and a restart, whether spooled or stored', async () => {
    const dataDir = await temporaryFolder();
    const killed = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const content = 'c0'.repeat(16);
    const [stored, spooled] = [
      { ...makeReceipt(), content },
      { ...makeReceipt(1, 'größer'), content },
    ];
    await spool.append(makeRecord(100, 2, [makeReceipt(), stored]));
    await drainSpool(spool);
    await spool.append(makeRecord(100, 2, [spooled, makeReceipt()]));
    copyFolder(dataDir, killed);
    const after = await openSpool(killed);
    expect(after.receipts.findByHash('default', stored.hash)).toEqual({ ...stored, status: 'stored' });
    expect(after.receipts.findByHash('größer', spooled.hash)).toEqual({ ...spooled, status: 'spooled' });
  });
});
