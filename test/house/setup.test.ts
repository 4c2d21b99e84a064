import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** A step as setup.mjs describes them, run by a small program of the test's own in a copy of the scripts. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mplp-setup-'));
  cpSync(join(root, 'scripts/setup'), join(folder, 'scripts/setup'), { recursive: true });
  mkdirSync(join(folder, '.setup'));
  mkdirSync(join(folder, 'input'));
  writeFileSync(join(folder, 'input/a.txt'), 'one');
  writeFileSync(join(folder, 'output'), '');
  writeFileSync(
    join(folder, 'step.mjs'),
    `import { isFresh, writeStamp } from './scripts/setup/stamps.mjs';
     const step = { name: 'a step', inputs: ['input'], outputs: ['output'], environment: process.argv[2] };
     console.log(isFresh(step));
     writeStamp(step);`,
  );
  writeFileSync(
    join(folder, 'lock.mjs'),
    `import { appendFileSync } from 'node:fs';
     import { setTimeout as sleep } from 'node:timers/promises';
     import { withLock } from './scripts/setup/lock.mjs';
     await withLock('.setup/lock', async () => {
       appendFileSync('journal', 'in ');
       await sleep(20);
       appendFileSync('journal', 'out ');
     });`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isFresh = async (environment = 'x') =>
  (await run(process.execPath, ['step.mjs', environment], { cwd: folder })).stdout.trim() === 'true';

describe('stamps', () => {
  it('tell a step that is to be done from one that is done', async () => {
    expect(await isFresh()).toBe(false);
    expect(await isFresh()).toBe(true);
    // A new time with the same content, as after a checkout, is no change.
    utimesSync(join(folder, 'input/a.txt'), new Date(0), new Date(0));
    expect(await isFresh()).toBe(true);
    writeFileSync(join(folder, 'input/a.txt'), 'two');
    expect(await isFresh()).toBe(false);
    writeFileSync(join(folder, 'input/b.txt'), '');
    expect(await isFresh()).toBe(false);
    rmSync(join(folder, 'input/b.txt'));
    expect(await isFresh()).toBe(false);
    expect(await isFresh('another runtime')).toBe(false);
    rmSync(join(folder, 'output'));
    expect(await isFresh('another runtime')).toBe(false);
  });
});

describe('the lock', () => {
  it('lets one run at a time, and is not held by the dead', async () => {
    writeFileSync(join(folder, '.setup/lock'), '999999999');
    await Promise.all(Array.from({ length: 6 }, () => run(process.execPath, ['lock.mjs'], { cwd: folder })));
    expect(readFileSync(join(folder, 'journal'), 'utf8').trim()).toBe(Array(6).fill('in out').join(' '));
  });
});
