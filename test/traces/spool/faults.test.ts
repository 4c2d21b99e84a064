import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MplpError } from '#dist/errors/index.js';
import { createSpool, nodeFiles, type SpoolFiles } from '#dist/traces/spool/index.js';
import { faultyFiles, smallDisk, unsyncedFiles, type FaultyFiles } from '../../support/faulty-files.js';
import {
  drainSpool,
  makeRecord,
  openSpool,
  spoolDefaults,
  temporaryFolder,
  type TestRecord,
} from '../../support/spool-fixtures.js';

interface Outcome {
  readonly sent: readonly TestRecord[];
  readonly acknowledged: readonly TestRecord[];
  readonly errors: readonly unknown[];
  /** What ClickHouse would have, by token. */
  readonly loaded: Map<string, Buffer>;
}

/** Opens a spool over faulty files, appends and loads under way, and closes it; the fault may hit anywhere. */
async function workload(dataDir: string, faulty: FaultyFiles): Promise<Outcome> {
  const sent: TestRecord[] = [];
  const acknowledged: TestRecord[] = [];
  const errors: unknown[] = [];
  const loaded = new Map<string, Buffer>();
  try {
    const spool = await createSpool({
      ...spoolDefaults,
      dataDir,
      files: faulty.files,
      spoolSegmentBytes: 4096,
    });
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 3 }, async (_, index) => {
          const record = makeRecord(500 + index);
          sent.push(record);
          try {
            await spool.append(record);
            acknowledged.push(record);
          } catch (error) {
            errors.push(error);
          }
        }),
      );
      if (round === 1) {
        await spool.seal();
        const segment = await spool.take(AbortSignal.timeout(5));
        if (segment !== undefined) {
          loaded.set(segment.id, readFileSync(segment.path));
          await spool.complete(segment).catch((error: unknown) => void errors.push(error));
        }
      }
    }
    await spool.close();
  } catch (error) {
    errors.push(error);
  }
  return { sent, acknowledged, errors, loaded };
}

/** Restarts over healthy files and checks the oracle. */
async function expectNothingLost(
  dataDir: string,
  { sent, acknowledged, loaded }: Outcome,
  what: string,
): Promise<void> {
  rmSync(`${dataDir}/spool/lock`, { force: true });
  const spool = await createSpool({ ...spoolDefaults, dataDir, files: unsyncedFiles() });
  // A token that was seen before is dropped, as ClickHouse does.
  for (const { segment, content } of await drainSpool(spool, 2)) {
    if (!loaded.has(segment.id)) loaded.set(segment.id, content);
  }
  await spool.close();
  const all = Buffer.concat([...loaded.values()]);
  for (const { block } of acknowledged) {
    const first = all.indexOf(block);
    expect(first, `${what}: an acknowledged record is gone`).toBeGreaterThanOrEqual(0);
    expect(all.indexOf(block, first + 1), `${what}: a record is there twice`).toBe(-1);
  }
  const visible = sent.filter(({ block }) => all.includes(block));
  expect(all.length, `${what}: bytes that nobody sent`).toBe(
    visible.reduce((sum, { block }) => sum + block.byteLength, 0),
  );
  expect(spool.recovery.quarantinedRecords, what).toBe(0);
}

/** Mounts a 1 MiB tmpfs; false without the right to. */
function mountSmallDisk(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', path]));
  return true;
}

const operations = [
  'open',
  'write',
  'read',
  'dataSync',
  'truncate',
  'size',
  'rename',
  'unlink',
  'list',
  'syncDirectory',
  'close',
  'freeBytes',
] as const satisfies readonly (keyof SpoolFiles)[];

describe('the N-th call fails (P4, P5)', () => {
  it.each([
    ['EIO', 'once'],
    ['EIO', 'from then on'],
    ['ENOSPC', 'once'],
    ['ENOSPC', 'from then on'],
    ['EINTR', 'once'],
  ] as const)('%s %s, for every operation and every N', { timeout: 120_000 }, async (errno, how) => {
    for (const operation of operations) {
      if (errno === 'EINTR' && !['write', 'read', 'dataSync'].includes(operation)) continue;
      for (let failAt = 1; ; failAt++) {
        const dataDir = await temporaryFolder();
        const faulty = faultyFiles(unsyncedFiles());
        let hit = false;
        faulty.decide = (called, call) => {
          if (called !== operation || (how === 'once' ? call !== failAt : call < failAt)) return undefined;
          hit = true;
          return errno;
        };
        const outcome = await workload(dataDir, faulty);
        const what = `${operation} ${failAt} ${errno} ${how}`;
        for (const error of outcome.errors) {
          expect(
            error instanceof MplpError || (error as { code?: string }).code === errno,
            `${what}: ${String(error)}`,
          ).toBe(true);
        }
        if (errno === 'EINTR') expect(outcome.acknowledged.length, what).toBe(9);
        await expectNothingLost(dataDir, outcome, what);
        if (!hit) break;
      }
    }
  });

  it('writes that are cut short are gone on with, for every N', { timeout: 60_000 }, async () => {
    for (let failAt = 1; ; failAt++) {
      const dataDir = await temporaryFolder();
      const faulty = faultyFiles(unsyncedFiles());
      let hit = false;
      faulty.decide = (operation, call) => {
        if (operation !== 'write' || call !== failAt) return undefined;
        hit = true;
        return 'short';
      };
      const outcome = await workload(dataDir, faulty);
      expect(outcome.errors).toEqual([]);
      expect(outcome.acknowledged).toHaveLength(9);
      await expectNothingLost(dataDir, outcome, `short write ${failAt}`);
      if (!hit) break;
    }
  });
});

describe('a failed sync (I8)', () => {
  it('ends the acknowledgements for good, turns the health red, and leaves what is sealed to the loader', async () => {
    const dataDir = await temporaryFolder();
    const faulty = faultyFiles();
    const spool = await openSpool(dataDir, { files: faulty.files });
    const before = makeRecord();
    await spool.append(before);
    await spool.seal();
    await spool.append(makeRecord());
    let failures = 0;
    faulty.decide = (operation) => (operation === 'dataSync' && failures++ === 0 ? 'EIO' : undefined);
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FAILED' });
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FAILED' });
    expect(failures).toBeLessThanOrEqual(2);
    expect(spool.pressure()).toMatchObject({ accepts: false, code: 'failed' });
    expect(spool.health().status).toBe('failed');
    const drained = await drainSpool(spool);
    expect(drained.map(({ content }) => content)).toEqual([before.block]);
  });

  it('is no reason to lose what was acknowledged before: a restart reads it back', async () => {
    const dataDir = await temporaryFolder();
    const faulty = faultyFiles();
    const spool = await openSpool(dataDir, { files: faulty.files });
    const record = makeRecord();
    const { segment } = await spool.append(record);
    faulty.decide = (operation) => (operation === 'dataSync' ? 'EIO' : undefined);
    await expect(spool.append(makeRecord())).rejects.toThrow();
    await spool.close();
    const [drained] = await drainSpool(await openSpool(dataDir));
    expect(drained!.segment.id).toBe(segment);
    expect(drained!.content.subarray(0, record.block.byteLength)).toEqual(record.block);
  });
});

describe('a full disk (I7)', () => {
  it('is refused with a time to wait, loses nothing, and is over when there is room again', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files });
    const first = makeRecord();
    await spool.append(first);
    let full = true;
    faulty.decide = (operation, _call, path) =>
      full && operation === 'write' && !path!.endsWith('.idx') ? 'ENOSPC' : undefined;
    const refused = makeRecord();
    await expect(spool.append(refused)).rejects.toMatchObject({
      code: 'MPLP_ERR_TRACES_SPOOL_FULL',
      retryable: true,
    });
    expect(spool.pressure()).toMatchObject({ accepts: false, code: 'disk' });
    expect(spool.health().status).toBe('degraded');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(spool.pressure().code).toBe('disk');
    full = false;
    await expect.poll(() => spool.pressure().code, { timeout: 10_000 }).toBe('ok');
    const second = makeRecord();
    await spool.append(second);
    const drained = await drainSpool(spool);
    expect(Buffer.concat(drained.map(({ content }) => content))).toEqual(
      Buffer.concat([first.block, second.block]),
    );
  });

  it('does not keep the loader from draining, which is what makes room', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files });
    const record = makeRecord();
    await spool.append(record);
    faulty.decide = (operation, _call, path) => {
      // Space that is allocated can be written; anything new cannot.
      if (operation === 'open' && path!.includes('probe')) return 'ENOSPC';
      return operation === 'write' && path!.endsWith('.seg') ? 'ENOSPC' : undefined;
    };
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FULL' });
    expect((await drainSpool(spool)).map(({ content }) => content)).toEqual([record.block]);
    expect(spool.pressure().unstoredBytes).toBe(0);
  });

  it('of 1 MiB (a real one where mounting is allowed) behaves the same', { timeout: 60_000 }, async () => {
    const dataDir = await temporaryFolder();
    const files = mountSmallDisk(dataDir) ? nodeFiles() : smallDisk(1024 * 1024);
    const spool = await openSpool(dataDir, {
      files,
      spoolSegmentBytes: 256 * 1024,
      spoolSegmentAgeMs: 60_000,
    });
    const acknowledged: Buffer[] = [];
    for (;;) {
      const record = makeRecord(30_000);
      const error = await spool.append(record).then(
        () => void acknowledged.push(record.block as Buffer),
        (caught: unknown) => caught,
      );
      if (error === undefined) continue;
      expect(error).toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FULL' });
      break;
    }
    expect(acknowledged.length).toBeGreaterThan(10);
    const drained = await drainSpool(spool);
    await expect.poll(() => spool.pressure().code, { timeout: 10_000 }).toBe('ok');
    const late = makeRecord(30_000);
    await spool.append(late);
    await spool.seal();
    drained.push(...(await drainSpool(spool)));
    const all = Buffer.concat(drained.map(({ content }) => content));
    expect(all.equals(Buffer.concat([...acknowledged, late.block]))).toBe(true);
  });

  it('of a real file system without inodes or quota is survived at the next segment', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files, spoolSegmentBytes: 4096 });
    let exhausted = true;
    faulty.decide = (operation, _call, path) =>
      exhausted && operation === 'open' && !path!.includes('receipts') ? 'EDQUOT' : undefined;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 3 }, () => spool.append(makeRecord(4000))),
    );
    expect(outcomes.map(({ status }) => status)).toContain('rejected');
    exhausted = false;
    await expect.poll(() => spool.pressure().code, { timeout: 10_000 }).toBe('ok');
    await spool.append(makeRecord(4000));
  });
});

describe('a read that fails', () => {
  it('leaves the segment on disk and loads it when it can be read again', async () => {
    const dataDir = await temporaryFolder();
    const first = await openSpool(dataDir);
    const record = makeRecord();
    await first.append(record);
    await first.close();
    const faulty = faultyFiles();
    let broken = true;
    faulty.decide = (operation, _call, path) =>
      broken && operation === 'read' && path!.endsWith('.seg') ? 'EIO' : undefined;
    const second = await openSpool(dataDir, { files: faulty.files });
    expect(second.recovery.unreadable).toHaveLength(1);
    expect(await second.take(AbortSignal.timeout(50))).toBeUndefined();
    broken = false;
    expect((await drainSpool(second, 3000)).map(({ content }) => content)).toEqual([record.block]);
  });
});

describe('a folder that cannot be used', () => {
  it('is refused with an error that names it', async () => {
    const dataDir = await temporaryFolder();
    writeFileSync(`${dataDir}/spool`, 'a file');
    await expect(openSpool(dataDir)).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FAILED' });
  });

  it('because it is read-only is refused too', async () => {
    const faulty = faultyFiles();
    faulty.decide = (operation, _call, path) =>
      operation === 'open' && path!.includes('spool.json') ? 'EROFS' : undefined;
    const dataDir = await temporaryFolder();
    await expect(openSpool(dataDir, { files: faulty.files })).rejects.toMatchObject({
      code: 'MPLP_ERR_TRACES_SPOOL_FAILED',
    });
    await expect(openSpool(dataDir)).resolves.toBeDefined();
  });

  it('because it turned read-only later is recovered from without a restart', async () => {
    const faulty = faultyFiles();
    const spool = await openSpool(await temporaryFolder(), { files: faulty.files, spoolSegmentBytes: 4096 });
    let readOnly = true;
    faulty.decide = (operation, _call, path) =>
      readOnly && operation === 'open' && path!.includes('/spool/') ? 'EROFS' : undefined;
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FULL' });
    readOnly = false;
    await expect.poll(() => spool.pressure().code, { timeout: 10_000 }).toBe('ok');
    await spool.append(makeRecord());
  });
});
