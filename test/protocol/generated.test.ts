import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mplp-generate-'));
  await run(process.execPath, [join(root, 'scripts/generate.mjs'), '--out', folder]);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

describe('generated files', () => {
  test('are byte for byte what their sources generate', async () => {
    const names = await filesBelow(folder);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const [fresh, checkedIn] = await Promise.all([
        readFile(join(folder, name)),
        readFile(join(root, name)),
      ]);
      expect(checkedIn.equals(fresh), `${name} is out of date: run \`npm run generate\``).toBe(true);
    }
  });

  test('are all there is in generated/', async () => {
    expect(await filesBelow(join(root, 'generated'))).toEqual(await filesBelow(join(folder, 'generated')));
  });

  test('carry a banner', async () => {
    for (const name of await filesBelow(join(root, 'generated'))) {
      expect(await readFile(join(root, 'generated', name), 'utf8'), name).toMatch(/^(\/\/|<!--) Generated/);
    }
  });
});
