import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { makeRecord, openSpool, temporaryFolder } from '../../support/spool-fixtures.js';

/** Another process that opens the spool and says so. */
async function otherEngine(
  dataDir: string,
): Promise<{ pid: number; kill: (signal: NodeJS.Signals) => Promise<void> }> {
  const code = `
    import { createSpool } from ${JSON.stringify(new URL('../../../dist/traces/spool/index.js', import.meta.url).href)};
    import { pino } from 'pino';
    await createSpool({ dataDir: ${JSON.stringify(dataDir)}, spoolMaxBytes: 1e9, spoolReserveBytes: 0, spoolSegmentBytes: 1e6,
      spoolSegmentAgeMs: 20, durability: 'spooled', receiptRetentionHours: 1, crc32c: () => 0, log: pino({ level: 'silent' }) });
    console.log('open');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const exited = once(child, 'exit');
  return {
    pid: child.pid!,
    async kill(signal) {
      child.kill(signal);
      if (signal === 'SIGKILL') await exited;
    },
  };
}

it('is refused to a second engine, in the same process and in another (K12)', async () => {
  const dataDir = await temporaryFolder();
  const spool = await openSpool(dataDir);
  await expect(openSpool(dataDir)).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_LOCKED' });
  await spool.close();
  const other = await otherEngine(dataDir);
  await expect(openSpool(dataDir)).rejects.toThrow(String(other.pid));
});

it('is taken over at once from a process that was killed', async () => {
  const dataDir = await temporaryFolder();
  const other = await otherEngine(dataDir);
  await other.kill('SIGKILL');
  const spool = await openSpool(dataDir);
  await expect(spool.append(makeRecord())).resolves.toBeDefined();
});

it('is not mistaken for held when the pid was given to another process', async () => {
  const dataDir = await temporaryFolder();
  await (await openSpool(dataDir)).close();
  const spool = await openSpool(dataDir);
  const holder = JSON.parse(readFileSync(`${dataDir}/spool/lock`, 'utf8')) as object;
  await spool.close();
  writeFileSync(`${dataDir}/spool/lock`, JSON.stringify({ ...holder, startTicks: '1', nonce: 'another' }));
  await expect(openSpool(dataDir)).resolves.toBeDefined();
});

it(
  'of another host is respected while its heartbeat goes on, and taken over when it stopped',
  { timeout: 30_000 },
  async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const holder = JSON.parse(readFileSync(`${dataDir}/spool/lock`, 'utf8')) as object;
    await spool.close();
    const foreign = { ...holder, world: 'another boot', nonce: 'another' };
    let beat = 0;
    const write = (): void =>
      writeFileSync(`${dataDir}/spool/lock`, JSON.stringify({ ...foreign, beat: ++beat }));
    write();
    const heartbeat = setInterval(write, 500);
    await expect(openSpool(dataDir)).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_LOCKED' });
    clearInterval(heartbeat);
    await expect(openSpool(dataDir)).resolves.toBeDefined();
  },
);

it(
  'stops a suspended engine from acknowledging once another has taken over',
  { timeout: 30_000 },
  async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const holder = JSON.parse(readFileSync(`${dataDir}/spool/lock`, 'utf8')) as object;
    writeFileSync(`${dataDir}/spool/lock`, JSON.stringify({ ...holder, nonce: 'the other one' }));
    await expect.poll(() => spool.health().status, { timeout: 10_000 }).toBe('failed');
    await expect(spool.append(makeRecord())).rejects.toMatchObject({ code: 'MPLP_ERR_TRACES_SPOOL_FAILED' });
  },
);
