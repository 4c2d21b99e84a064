import { spawnSync } from 'node:child_process';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MplpError } from '../../errors/index.js';

/** Who runs PostgreSQL, which refuses to run as root. */
export interface Account {
  /** Owner of the database files; `undefined` when it is whoever runs the engine. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Identity for `spawn`; `undefined` leaves it alone. */
  readonly identity: { readonly uid: number; readonly gid: number } | undefined;
  /** A program that starts the given one in its place. */
  readonly prefix: readonly string[];
}

const SYSTEM_ACCOUNTS = ['postgres', 'nobody'];

/**
 * An ordinary user runs PostgreSQL as itself. Root hands it to the system's `postgres` or `nobody` where that account
 * can reach the files, and else runs it in a user namespace in which root is not called root.
 *
 * @param dataDir the engine's data folder; it is opened to the group of the account where that is needed.
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE when root finds no way.
 */
export async function chooseAccount(dataDir: string, programs: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { owner: undefined, identity: undefined, prefix: [] };
  const system = await findSystemAccount();
  if (system !== undefined) {
    await openToGroup(dataDir, system);
    if ((await canReach(dataDir, system)) && (await canReach(programs, system)))
      return { owner: system, identity: system, prefix: [] };
  }
  const uid = String(system?.uid ?? 65_534);
  const prefix = ['unshare', '--user', `--map-user=${uid}`, `--map-group=${system?.gid ?? uid}`, '--'];
  if (spawnSync(prefix[0] as string, [...prefix.slice(1), 'true'], { stdio: 'ignore' }).status === 0)
    return { owner: { uid: 0, gid: 0 }, identity: undefined, prefix };
  throw new MplpError(
    'MPLP_ERR_STORE_UNAVAILABLE',
    'PostgreSQL does not run as root, and no other account can reach its files: run the engine as an ordinary user, ' +
      `make the folders above ${programs} and ${dataDir} accessible (chmod o+x), or set DATABASE_URL.`,
  );
}

interface SystemAccount {
  readonly uid: number;
  readonly gid: number;
}

async function findSystemAccount(): Promise<SystemAccount | undefined> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  for (const name of SYSTEM_ACCOUNTS) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  return undefined;
}

/** A data folder that only root may enter is opened to the account's group: to pass through, not to list. */
async function openToGroup(dataDir: string, { gid }: SystemAccount): Promise<void> {
  const { uid, mode } = await stat(dataDir);
  if (uid !== 0 || (mode & 0o077) !== 0) return;
  await chown(dataDir, uid, gid);
  await chmod(dataDir, (mode & 0o7700) | 0o010);
}

/** May the account pass through the folder and all those above it? */
async function canReach(path: string, account: SystemAccount): Promise<boolean> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const { uid, gid, mode } = await stat(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}
