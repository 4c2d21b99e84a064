import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLoader,
  type Loader,
  type LoaderOptions,
  type LoaderTiming,
} from '#dist/traces/loader/index.js';
import type { DurableSpool } from '#dist/traces/spool/index.js';
import { memoryDeadLetters, scriptedSink, type ScriptedSink } from '../../support/scripted-sink.js';
import {
  copyFolder,
  makeRecord,
  openSpool,
  spoolDefaults,
  temporaryFolder,
  type TestRecord,
} from '../../support/spool-fixtures.js';

const quick: Partial<LoaderTiming> = { initialBackoffMs: 1, maxBackoffMs: 20, closeGraceMs: 200 };

function startLoader(
  spool: DurableSpool,
  sink: ScriptedSink,
  dataDir: string,
  options: Partial<LoaderOptions> = {},
): Loader {
  const loader = createLoader({
    source: spool,
    sink,
    deadLetters: memoryDeadLetters(),
    dataDir,
    log: spoolDefaults.log,
    ...options,
    timing: { ...quick, ...options.timing },
  });
  onTestFinished(() => loader.close());
  loader.start();
  return loader;
}

async function appendAll(spool: DurableSpool, records: readonly TestRecord[]): Promise<Promise<void>[]> {
  const commits = await Promise.all(records.map((record) => spool.append(record)));
  return commits.map(({ stored }) => stored);
}

const contentOf = (records: readonly TestRecord[]): Buffer =>
  Buffer.concat(records.map(({ block }) => block));
const spoolFiles = (dataDir: string): string[] =>
  readdirSync(`${dataDir}/spool`).filter((name) => /\.(idx|done|split)$/.test(name));

describe('the loader', () => {
  it('inserts each segment once, under its id, and the spool is empty afterwards', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir, { spoolSegmentBytes: 4096 });
    const sink = scriptedSink();
    const counted = { stored: 0, dead: 0 };
    const loader = startLoader(spool, sink, dataDir, {
      ledger: {
        stored: (rows) => (counted.stored += rows),
        deadLettered: (rows) => (counted.dead += rows),
        quarantined: () => undefined,
      },
      registry: new Registry(),
    });
    const records = Array.from({ length: 10 }, () => makeRecord(1000, 4));
    await Promise.all(await appendAll(spool, records));
    expect(await loader.drain(5000)).toBe(true);
    expect(Buffer.concat([...sink.stored.values()])).toEqual(contentOf(records));
    expect(new Set(sink.attempts).size).toBe(sink.attempts.length);
    expect(sink.attempts.every((token) => token.startsWith(spool.spoolId))).toBe(true);
    expect(counted).toEqual({ stored: 40, dead: 0 });
    expect(sink.mostInFlight).toBeLessThanOrEqual(2);
    expect(spool.pressure().unstoredRows).toBe(0);
  });

  it('repeats an insert of unknown outcome under the same token and with the same bytes (K7)', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const contents: Buffer[] = [];
    sink.script = (_batch, attempt, content) => {
      contents.push(content);
      return attempt < 4 ? { verdict: 'retry', applied: attempt === 2 } : 'ok';
    };
    const loader = startLoader(spool, sink, dataDir);
    const records = [makeRecord(), makeRecord()];
    await Promise.all(await appendAll(spool, records));
    expect(sink.attempts).toHaveLength(4);
    expect(new Set(sink.attempts).size).toBe(1);
    for (const content of contents) expect(content).toEqual(contentOf(records));
    expect(sink.stored.size).toBe(1);
    expect(loader.health()).toMatchObject({ status: 'ok' });
  });

  it('cuts an insert that hangs, and repeats it (N2)', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    sink.script = (_batch, attempt) => (attempt <= 2 ? 'hang' : 'ok');
    startLoader(spool, sink, dataDir, { timing: { insertTimeoutMs: 20 } });
    await Promise.all(await appendAll(spool, [makeRecord()]));
    expect(sink.attempts).toHaveLength(3);
  });

  it('says that an operator must act, keeps the data, and goes on by itself afterwards', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    let mended = false;
    sink.script = () => (mended ? 'ok' : { verdict: 'operator' });
    const loader = startLoader(spool, sink, dataDir);
    const stored = await appendAll(spool, [makeRecord()]);
    await expect.poll(() => loader.health().status).toBe('operator');
    expect(loader.health().detail).toContain('operator');
    expect(spool.pressure().unstoredRows).toBe(1);
    mended = true;
    await Promise.all(stored);
    expect(loader.health().status).toBe('ok');
  });

  it('never holds up the intake while ClickHouse is away', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir, { spoolSegmentBytes: 4096 });
    const sink = scriptedSink();
    let down = true;
    sink.script = () => (down ? { verdict: 'retry' } : 'ok');
    const loader = startLoader(spool, sink, dataDir);
    const records = Array.from({ length: 50 }, () => makeRecord(1000));
    const stored = await appendAll(spool, records);
    expect(spool.pressure().accepts).toBe(true);
    down = false;
    await Promise.all(stored);
    expect(await loader.drain(1000)).toBe(true);
    const order = [...sink.stored.keys()].sort().map((token) => sink.stored.get(token)!);
    expect(Buffer.concat(order)).toEqual(contentOf(records));
  });

  it('can be closed while ClickHouse is away; the next start goes on with the same token', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    sink.script = () => ({ verdict: 'retry', applied: true });
    const loader = startLoader(spool, sink, dataDir);
    await appendAll(spool, [makeRecord()]);
    await expect.poll(() => sink.attempts.length).toBeGreaterThan(1);
    await Promise.all([loader.close(), loader.close()]);
    await spool.close();
    sink.script = () => 'ok';
    const again = await openSpool(dataDir);
    expect(await startLoader(again, sink, dataDir).drain(5000)).toBe(true);
    expect(new Set(sink.attempts).size).toBe(1);
    expect(sink.stored.size).toBe(1);
  });
});

describe('after the deduplication window may have passed (I4, N1)', () => {
  async function unknownOutcome(
    count: (spanRecords: TestRecord[]) => (first: bigint, last: bigint) => number,
  ) {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const records = Array.from({ length: 40 }, () => makeRecord(50, 3));
    sink.count = count(records);
    sink.script = (_batch, attempt) => (attempt === 1 ? { verdict: 'retry' } : 'ok');
    startLoader(spool, sink, dataDir, { timing: { dedupHorizonMs: 0, initialBackoffMs: 5 } });
    await Promise.all(await appendAll(spool, records));
    return { sink, records };
  }

  it('asks, and does not send again what is there', async () => {
    const { sink } = await unknownOutcome((records) => (first, last) => {
      return records.filter(({ seqFirst, seqLast }) => seqFirst <= last && seqLast >= first).length;
    });
    expect(sink.attempts).toHaveLength(1);
    expect(sink.counted.length).toBeGreaterThan(1);
    expect(sink.counted.length).toBeLessThanOrEqual(17);
  });

  it('asks, and sends again what is not there', async () => {
    const { sink, records } = await unknownOutcome(() => () => 0);
    expect(sink.attempts).toHaveLength(2);
    expect(sink.counted).toEqual([[records[0]!.seqFirst, records.at(-1)!.seqLast]]);
  });

  it('is not misled by rows of other segments in the same range', async () => {
    const { sink } = await unknownOutcome(() => (first, last) => (last - first > 10n ? 7 : 0));
    expect(sink.attempts).toHaveLength(2);
  });

  it('sends again what is there in part only: losing is worse than replacing', async () => {
    const { sink, records } = await unknownOutcome((all) => (first, last) => {
      return all.slice(0, 20).some(({ seqFirst, seqLast }) => seqFirst <= last && seqLast >= first) ? 1 : 0;
    });
    expect(records).toHaveLength(40);
    expect(sink.attempts).toHaveLength(2);
    expect(new Set(sink.attempts).size).toBe(1);
  });

  it('asks about a segment that recovery had to change', async () => {
    const dataDir = await temporaryFolder();
    const killed = await temporaryFolder();
    const first = await openSpool(dataDir);
    const records = Array.from({ length: 3 }, () => makeRecord(200));
    await appendAll(first, records);
    await first.seal();
    copyFolder(dataDir, killed);
    const name = readdirSync(`${killed}/spool`).find(
      (file) => file.endsWith('.seg') && file.startsWith(first.spoolId),
    )!;
    const damaged = contentOf(records);
    damaged[250]! ^= 1;
    writeFileSync(`${killed}/spool/${name}`, damaged);
    const sink = scriptedSink();
    sink.count = () => 1;
    const spool = await openSpool(killed);
    expect(await startLoader(spool, sink, killed).drain(5000)).toBe(true);
    expect(sink.attempts).toEqual([]);
    expect(sink.counted.length).toBeGreaterThan(0);
  });
});

describe('poison (I9)', () => {
  const isBad = (content: Buffer, bad: readonly TestRecord[]): boolean =>
    bad.some(({ block }) => content.includes(block));

  it('is bisected to its records, which become dead letters; the rest is stored and the head moves on', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const deadLetters = memoryDeadLetters();
    const records = Array.from({ length: 16 }, () => makeRecord(100, 2));
    const bad = [records[3]!, records[12]!];
    sink.script = (_batch, _attempt, content) => (isBad(content, bad) ? { verdict: 'poison' } : 'ok');
    const counted = { stored: 0, dead: 0 };
    const loader = startLoader(spool, sink, dataDir, {
      deadLetters,
      ledger: {
        stored: (rows) => (counted.stored += rows),
        deadLettered: (rows) => (counted.dead += rows),
        quarantined: () => undefined,
      },
    });
    await Promise.all(await appendAll(spool, records));
    await Promise.all(await appendAll(spool, [makeRecord()]));
    expect(counted).toEqual({ stored: 29, dead: 4 });
    const all = Buffer.concat([...sink.stored.values()]);
    for (const record of records) expect(all.includes(record.block)).toBe(!bad.includes(record));
    const letters = await loader.listDeadLetters();
    expect(letters.map(({ rows, bytes, error }) => [rows, bytes, error])).toEqual([
      [2, 100, 'scripted: poison'],
      [2, 100, 'scripted: poison'],
    ]);
    for (const { id } of letters) expect(id).toMatch(/^.{60}(\/[01]){4}$/);
    expect(deadLetters.letters.get(letters[0]!.id)!.block).toEqual(bad[0]!.block);
    // Spans count as stored before the last files of their segment are deleted.
    await expect.poll(() => spoolFiles(dataDir).filter((name) => name.endsWith('.split'))).toEqual([]);
  });

  it('goes to files when the table refuses it too, and can be replayed from there', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const deadLetters = memoryDeadLetters();
    deadLetters.refuse = true;
    const record = makeRecord(100, 5);
    let mended = false;
    sink.script = (_batch, _attempt, content) =>
      !mended && isBad(content, [record]) ? { verdict: 'poison' } : 'ok';
    const loader = startLoader(spool, sink, dataDir, { deadLetters });
    await Promise.all(await appendAll(spool, [record]));
    const [letter] = await loader.listDeadLetters();
    expect(letter).toMatchObject({ rows: 5, bytes: 100 });
    expect(await loader.replayDeadLetters('all')).toEqual({
      replayed: [],
      failed: [{ id: letter!.id, error: 'scripted: poison' }],
    });
    mended = true;
    expect(await loader.replayDeadLetters([letter!.id, 'unknown'])).toEqual({
      replayed: [letter!.id],
      failed: [{ id: 'unknown', error: 'There is no such dead letter.' }],
    });
    expect([...sink.stored.values()]).toEqual([record.block]);
    expect(await loader.listDeadLetters()).toEqual([]);
    expect(await loader.replayDeadLetters('all')).toEqual({ replayed: [], failed: [] });
  });

  it('is not bisected anew after a restart: parts keep their tokens and what was stored is not sent again', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const deadLetters = memoryDeadLetters();
    const records = Array.from({ length: 8 }, () => makeRecord(100));
    const bad = [records[6]!];
    // The first half goes in, then ClickHouse is away.
    sink.script = (batch, _attempt, content) => {
      if (batch.token.endsWith('/1')) return { verdict: 'retry' };
      return isBad(content, bad) ? { verdict: 'poison' } : 'ok';
    };
    const loader = startLoader(spool, sink, dataDir, { deadLetters });
    await appendAll(spool, records);
    await expect.poll(() => sink.attempts.filter((token) => token.endsWith('/1')).length).toBeGreaterThan(0);
    await loader.close();
    await spool.close();
    const before = sink.attempts.length;
    sink.script = (_batch, _attempt, content) => (isBad(content, bad) ? { verdict: 'poison' } : 'ok');
    const again = await openSpool(dataDir);
    expect(await startLoader(again, sink, dataDir, { deadLetters }).drain(5000)).toBe(true);
    const resent = sink.attempts.slice(before);
    expect(resent.some((token) => !token.includes('/'))).toBe(false);
    expect(resent.some((token) => token.endsWith('/0') && token.split('/').length === 2)).toBe(false);
    const all = Buffer.concat([...sink.stored.values()]);
    expect(all.length).toBe(700);
    expect(deadLetters.letters.size).toBe(1);
  });

  it('is also what fails again and again for any reason while all else goes in', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir, { spoolSegmentBytes: 4096 });
    const sink = scriptedSink();
    const deadLetters = memoryDeadLetters();
    const bad = makeRecord(1000);
    sink.script = (_batch, _attempt, content) => (isBad(content, [bad]) ? { verdict: 'retry' } : 'ok');
    const loader = startLoader(spool, sink, dataDir, { deadLetters });
    const neighbour = makeRecord(1000);
    const stored = await appendAll(spool, [neighbour, bad]);
    await spool.seal();
    for (let count = 0; count < 40; count++) stored.push(...(await appendAll(spool, [makeRecord(3000)])));
    const later = setInterval(() => void spool.append(makeRecord(3000)), 5);
    onTestFinished(() => clearInterval(later));
    await Promise.all(stored);
    expect([...deadLetters.letters.values()].map(({ block }) => block)).toEqual([bad.block]);
    expect([...sink.stored.values()].some((content) => content.equals(neighbour.block))).toBe(true);
    expect(loader.health().status).not.toBe('operator');
  });

  it('that concerns every record is taken for a fault of the table, not of the spans', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir);
    const sink = scriptedSink();
    const deadLetters = memoryDeadLetters();
    let broken = true;
    sink.script = () => (broken ? { verdict: 'poison' } : 'ok');
    const loader = startLoader(spool, sink, dataDir, { deadLetters });
    const stored = await appendAll(
      spool,
      Array.from({ length: 200 }, () => makeRecord(20)),
    );
    await expect.poll(() => loader.health().status, { timeout: 20_000 }).toBe('operator');
    expect(deadLetters.letters.size).toBe(64);
    broken = false;
    await Promise.all(stored);
    await loader.replayDeadLetters('all');
    expect(Buffer.concat([...sink.stored.values()]).length).toBe(4000);
  });
});

describe('a segment file that cannot be read any more', () => {
  it('is set aside, reported, and does not hold up the others', async () => {
    const dataDir = await temporaryFolder();
    const spool = await openSpool(dataDir, { spoolSegmentBytes: 4096 });
    const first = makeRecord(4000);
    const { segment } = await spool.append(first);
    const later = makeRecord(100);
    const { stored } = await spool.append(later);
    rmSync(`${dataDir}/spool/${segment}.seg`);
    const sink = scriptedSink();
    startLoader(spool, sink, dataDir);
    await stored;
    expect([...sink.stored.values()]).toEqual([later.block]);
    await expect.poll(() => spool.health().status).toBe('degraded');
  });
});
