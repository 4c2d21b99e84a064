// A stamp records what a step was done with: a hash of each input file, with the file's time and size so that
// an unchanged file need not be read again.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

function stampPath(step) {
  return join(root, '.setup', `${step.name.toLowerCase().replaceAll(' ', '-')}.json`);
}

/** Whether the step's outputs exist and were made from exactly the inputs that are there now. */
export function isFresh(step) {
  const stamp = readStamp(step);
  if (stamp === undefined || stamp.environment !== step.environment) return false;
  if (!step.outputs.every((path) => existsSync(join(root, path)))) return false;
  const paths = listInputs(step);
  if (paths.length !== Object.keys(stamp.files).length) return false;
  return paths.every((path) => {
    const known = stamp.files[path];
    if (known === undefined) return false;
    const { size, mtimeMs } = statSync(join(root, path));
    return size === known.size && (mtimeMs === known.mtimeMs || hashOf(path) === known.hash);
  });
}

export function writeStamp(step) {
  const files = {};
  for (const path of listInputs(step)) {
    const { size, mtimeMs } = statSync(join(root, path));
    files[path] = { size, mtimeMs, hash: hashOf(path) };
  }
  writeFileSync(stampPath(step), JSON.stringify({ environment: step.environment, files }));
}

function readStamp(step) {
  try {
    return JSON.parse(readFileSync(stampPath(step), 'utf8'));
  } catch {
    return undefined;
  }
}

function listInputs(step) {
  const paths = [];
  const add = (path) => {
    const stats = statSync(join(root, path), { throwIfNoEntry: false });
    // Prose changes nothing that is built.
    if (stats?.isFile() && !path.endsWith('.md')) paths.push(path);
    else if (stats?.isDirectory()) for (const name of readdirSync(join(root, path))) add(`${path}/${name}`);
  };
  step.inputs.forEach(add);
  return paths;
}

function hashOf(path) {
  return createHash('sha256')
    .update(readFileSync(join(root, path)))
    .digest('hex');
}
