import { randomBytes } from 'node:crypto';
import { chmod, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MplpError } from '../errors/index.js';

export interface AdminKey {
  readonly key: string;
  /** Made just now: tell the operator, once. */
  readonly created: boolean;
  readonly path: string;
}

/**
 * The admin key: as configured, else the one in the data folder, else a new one that is stored there with
 * mode 0600.
 *
 * @throws MplpError MPLP_ERR_CONFIG_INVALID when the file is there but unusable.
 */
export async function loadAdminKey(dataDir: string, configured: string | undefined): Promise<AdminKey> {
  const path = join(dataDir, 'admin-key');
  if (configured !== undefined) return { key: configured, created: false, path };
  return { path, ...(await loadSecret(path)) };
}

/** A secret that the engine keeps for itself, made when it is first asked for, mode 0600. */
export async function loadSecret(path: string): Promise<{ readonly key: string; readonly created: boolean }> {
  try {
    const key = (await readFile(path, 'utf8')).trim();
    if (key.length < 16)
      throw new MplpError(
        'MPLP_ERR_CONFIG_INVALID',
        `${path} holds no usable key; delete it and a new one is made.`,
      );
    await chmod(path, 0o600);
    return { key, created: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = `mplp_${randomBytes(32).toString('base64url')}`;
  const file = await open(path, 'wx', 0o600);
  try {
    await file.write(`${key}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return { key, created: true };
}
