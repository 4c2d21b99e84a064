// package.json: exact versions, a line in docs/dependencies.md for each dependency, and scripts whose files exist.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/run.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const explained = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
const faults = [];

const dependencies = {
  ...manifest.dependencies,
  ...manifest.optionalDependencies,
  ...manifest.devDependencies,
};

for (const [name, version] of Object.entries(dependencies)) {
  if (!/^(npm:[\w@/.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    faults.push(`${name}: ${version} is not an exact version`);
  if (!explained.replace(/ +/g, ' ').includes(`| \`${name}\` |`))
    faults.push(`${name}: docs/dependencies.md does not say what it is for`);
}
for (const [, name] of explained.matchAll(/^\| `([^`]+)` +\|/gm)) {
  if (dependencies[name] === undefined) {
    faults.push(`${name}: docs/dependencies.md names it, package.json does not`);
  }
}
for (const [script, command] of Object.entries(manifest.scripts)) {
  for (const [, file] of command.matchAll(/(?:node|bash) ((?:scripts|bench)\/\S+)/g)) {
    if (!existsSync(join(root, file))) faults.push(`npm run ${script}: ${file} is not there`);
  }
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
