import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say } from './run.mjs';

/**
 * Whether node_modules already holds what the lock file says, by the record that npm keeps there. Packages for
 * other platforms are in the lock file only.
 */
export function dependenciesMatchLock() {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const has = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const wants = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wants).every(
    ([path, entry]) => path === '' || entry.optional === true || has[path]?.version === entry.version,
  );
}

export async function installDependencies() {
  say('installing dependencies, which can take a few minutes the first time');
  // `--no-save` installs what the lock file says and leaves it alone. `npm ci` would be stricter, but refuses a lock
  // file without the optional packages of other platforms, and which of those a registry has is not ours to say.
  // The compilers are development dependencies, so they are wanted even where NODE_ENV is `production`.
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env['npm_execpath'];
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const hint =
    'Check that the npm registry can be reached (`npm ping`) and that the disk has 2 GB free, then try again.';
  await run('dependencies', command, [...first, ...args], () => hint);
}
