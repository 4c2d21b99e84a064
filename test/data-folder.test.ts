import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { prepareDataFolder } from '#dist/data-folder.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mplp-data-folder-'));
  await writeFile(join(folder, 'file'), '', { mode: 0o755 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('makes the folder and those above it, for its user only', async () => {
  const path = join(folder, 'a/b/c');
  await prepareDataFolder(path);
  await prepareDataFolder(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

it.each(['/proc/mplp', '/dev/null/mplp', '/dev/null', 'file', 'file/below'])(
  'names the option when %s cannot be the data folder',
  async (name) => {
    const path = name.startsWith('/') ? name : join(folder, name);
    await expect(prepareDataFolder(path)).rejects.toMatchObject({
      code: 'MPLP_ERR_CONFIG_INVALID',
      message: expect.stringContaining(path) as string,
      errors: [{ pointer: 'MPLP_DATA_DIR' }],
    });
  },
);
