import { access, constants, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MplpError } from './errors/index.js';

/**
 * Makes the data folder, with the folders above it, and sees that it can be written.
 *
 * @throws MplpError MPLP_ERR_CONFIG_INVALID
 */
export async function prepareDataFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
    // With the slash, a file in its place is a fault of its own.
    await access(`${path}/`, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const message = `expected a folder that can be written; ${path} is not one (${(cause as NodeJS.ErrnoException).code})`;
    throw new MplpError(
      'MPLP_ERR_CONFIG_INVALID',
      `The data folder cannot be used: MPLP_DATA_DIR: ${message}.`,
      {
        cause,
        errors: [{ pointer: 'MPLP_DATA_DIR', keyword: 'folder', message }],
      },
    );
  }
}

/** Like `mkdir` with `recursive`, which never comes to an end under `/proc`. */
async function makeFolder(path: string): Promise<void> {
  const make = () => mkdir(path, { mode: 0o700 });
  try {
    await make().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
      await makeFolder(dirname(path));
      await make();
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
