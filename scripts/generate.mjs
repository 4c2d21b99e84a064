// Writes everything that is generated from a source of truth, or checks that it is up to date.
//
//   node scripts/generate.mjs              writes into the repository
//   node scripts/generate.mjs --check      exits 1 and names the files that differ
//   node scripts/generate.mjs --out DIR    writes below DIR instead
//
// Each module in scripts/generate/ exports `generate(root)`: a Map, or the promise of one, from paths below the
// repository's root to texts. Adding a generator is adding a file there.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const generatorFolder = new URL('./generate/', import.meta.url);

async function generateAll() {
  const files = new Map();
  const names = (await readdir(generatorFolder)).filter((name) => name.endsWith('.mjs')).sort();
  for (const name of names) {
    const { generate } = await import(new URL(name, generatorFolder).href);
    for (const [path, text] of await generate(root)) {
      if (files.has(path)) throw new Error(`two generators write ${path}`);
      files.set(path, text);
    }
  }
  return files;
}

async function writeAll(files, folder) {
  let written = 0;
  for (const [path, text] of files) {
    const target = join(folder, path);
    if ((await readText(target)) === text) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
    written += 1;
  }
  return written;
}

/** Paths that are missing, differ, or lie in generated/ without a generator that writes them. */
async function findStale(files) {
  const stale = [];
  for (const [path, text] of files) {
    const found = await readText(join(root, path));
    if (found === undefined) stale.push(`${path}: missing`);
    else if (found !== text) stale.push(`${path}: differs from what its source generates`);
  }
  const entries = await readdir(join(root, 'generated'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = relative(root, join(entry.parentPath, entry.name));
    if (!files.has(path)) stale.push(`${path}: no generator writes it`);
  }
  return stale;
}

async function readText(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const { values } = parseArgs({ options: { check: { type: 'boolean' }, out: { type: 'string' } } });
const files = await generateAll();
if (values.check) {
  const stale = await findStale(files);
  for (const line of stale) console.error(line);
  if (stale.length > 0) {
    console.error('Run `npm run generate` and commit the result.');
    process.exitCode = 1;
  }
} else {
  const written = await writeAll(files, values.out ?? root);
  console.log(`${files.size} generated files, ${written} changed`);
}
