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
  say('installing dependencies (`npm ci`), which can take a few minutes the first time');
  // The compilers are development dependencies, so they are wanted even where NODE_ENV is `production`.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env['npm_execpath'];
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  await run('dependencies', command, [...first, ...args], (output) =>
    /EUSAGE|out of sync|in sync/.test(output)
      ? 'package.json and package-lock.json disagree: run `npm install` and commit the lock file.'
      : 'Check that the npm registry can be reached (`npm ping`) and that the disk has 2 GB free, then try again.',
  );
}
