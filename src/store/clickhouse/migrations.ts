import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Migration {
  /** `0001_create_span_tables` */
  readonly name: string;
  readonly checksum: string;
  readonly statements: readonly string[];
}

const folder = fileURLToPath(new URL('../../../schemas/clickhouse/', import.meta.url));

/** The ordered migrations of one form. `{database}` and `{cluster}` in a file stand for names of the installation. */
export async function readMigrations(
  form: 'single' | 'clustered',
  names: { readonly database: string; readonly cluster: string },
): Promise<Migration[]> {
  const files = (await readdir(join(folder, form))).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, form, file), 'utf8');
      return {
        name: file.slice(0, -'.sql'.length),
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: splitStatements(
          text.replaceAll('{database}', names.database).replaceAll('{cluster}', names.cluster),
        ),
      };
    }),
  );
}

/** Splits a file at the semicolons that end a line; our files have none inside a statement. */
export function splitStatements(text: string): string[] {
  return text
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.replace(/^\s*--[^\n]*$/gm, '').trim())
    .filter((statement) => statement !== '');
}
