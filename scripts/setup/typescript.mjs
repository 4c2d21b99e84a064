import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say } from './run.mjs';

export async function buildTypeScript() {
  say('compiling TypeScript');
  removeOrphans();
  // Without its outputs, the compiler's record of what it did would make it skip them.
  if (!existsSync(join(root, 'dist/main.js'))) rmSync(join(root, 'dist/.tsbuildinfo'), { force: true });
  await run('typescript', process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.json',
  ]);
}

/** Compiled files whose source is gone would still be imported by whoever forgot to change an import. */
function removeOrphans() {
  if (!existsSync(join(root, 'dist'))) return;
  for (const entry of readdirSync(join(root, 'dist'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const source = path
      .replace(join(root, 'dist'), join(root, 'src'))
      .replace(/\.(js|d\.ts|js\.map)$/, '.ts');
    if (source !== path && source.endsWith('.ts') && !existsSync(source)) rmSync(path);
  }
}
