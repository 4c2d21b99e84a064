import { spawn } from 'node:child_process';
import {
  chown,
  lchown,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MplpError } from '../../errors/index.js';
import type { Account } from './account.js';
import type { PostgresBinaries } from './binaries.js';

export const USERNAME = 'mplp';
export const DATABASE = 'mplp';
const MAJOR = '18';
const UNFINISHED = 'postgres-new-';
/** Nothing of the engine's environment reaches PostgreSQL: variables such as PGDATA would change what it does. */
export const SERVER_ENV: Readonly<Record<string, string>> = { LC_ALL: 'C', TZ: 'UTC' };

export interface ClusterOptions {
  /** The folder of the database cluster; made when it is not there. */
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly account: Account;
  readonly password: string;
  /** The password was made just now, so an existing cluster does not know it. */
  readonly passwordIsNew: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes the database cluster, or gets an existing one ready for a start. A cluster is made aside and put in place
 * whole, so that a kill leaves either none or a good one.
 *
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE
 */
export async function prepareCluster(options: ClusterOptions): Promise<void> {
  const { folder, account } = options;
  await removeUnfinished(dirname(folder));
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unavailable(`${folder} cannot be read (${error.code}): it belongs to another user`);
  });
  if (version === undefined) return create(options);
  if (version.trim() !== MAJOR)
    throw unavailable(
      `${folder} is of PostgreSQL ${version.trim()}, the engine brings ${MAJOR}: move the data with pg_dumpall, or set DATABASE_URL`,
    );
  if (account.owner !== undefined && (await stat(folder)).uid !== account.owner.uid)
    await handOver(folder, account.owner);
  if (options.passwordIsNew) await setPassword(options);
}

async function create({ folder, binaries, account, password, signal }: ClusterOptions): Promise<void> {
  const parent = dirname(folder);
  const aside = await mkdtemp(join(parent, UNFINISHED));
  try {
    const [cluster, passwordFile] = [join(aside, 'data'), join(aside, 'password')];
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
    if (account.owner !== undefined) await handOver(aside, account.owner);
    const args = [
      `--pgdata=${cluster}`,
      `--username=${USERNAME}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The collation that comes with PostgreSQL: an update of the system cannot change the order in indexes.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ];
    await run(account, binaries.initdb, args, { signal });
    await runSingleUser({ folder: cluster, binaries, account, signal }, `CREATE DATABASE ${DATABASE}`);
    await rename(cluster, folder);
    await syncFolder(parent);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function setPassword(options: ClusterOptions): Promise<void> {
  return runSingleUser(
    options,
    `ALTER ROLE ${USERNAME} PASSWORD '${options.password.replaceAll("'", "''")}'`,
  );
}

/** Single-user mode asks for no password, and nobody else is connected. */
function runSingleUser(
  { folder, binaries, account, signal }: Pick<ClusterOptions, 'folder' | 'binaries' | 'account' | 'signal'>,
  statement: string,
): Promise<void> {
  const args = ['--single', '-D', folder, 'postgres'];
  return run(account, binaries.postgres, args, { input: `${statement}\n`, signal });
}

async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent))
    if (name.startsWith(UNFINISHED)) await rm(join(parent, name), { recursive: true, force: true });
}

async function handOver(path: string, owner: { uid: number; gid: number }): Promise<void> {
  for (const entry of await readdir(path, { recursive: true }))
    await lchown(join(path, entry), owner.uid, owner.gid);
  await chown(path, owner.uid, owner.gid);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** How a program of PostgreSQL is started as the account: command, arguments and identity. */
export function asAccount(account: Account, program: string, args: readonly string[]) {
  const [command = program, ...rest] = [...account.prefix, program, ...args];
  return { command, args: rest, identity: account.identity ?? {} };
}

async function run(
  account: Account,
  program: string,
  args: readonly string[],
  { input = '', signal }: { input?: string; signal: AbortSignal },
): Promise<void> {
  const start = asAccount(account, program, args);
  const child = spawn(start.command, start.args, {
    ...start.identity,
    cwd: '/',
    env: SERVER_ENV,
    signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output = `${output}${text.toString('utf8')}`.slice(-2000)));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw unavailable(`its files could not be prepared: ${output.trim().split('\n').slice(-3).join(' ')}`);
}

function unavailable(reason: string): MplpError {
  return new MplpError('MPLP_ERR_STORE_UNAVAILABLE', `The embedded Postgres did not start: ${reason}.`);
}
