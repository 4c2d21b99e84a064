// Runs every static check and prints one line each. Exits 1 when one fails; its output follows its line.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/run.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const node = process.execPath;

const nativeSources = readdirSync(join(root, 'native'), { recursive: true })
  .filter((path) => /\.(h|cc)$/.test(path))
  .map((path) => join('native', path));

const checks = [
  { name: 'types of src', command: [bin('tsc'), '-p', 'tsconfig.json', '--noEmit'] },
  { name: 'types of tests', command: [bin('tsc'), '-p', 'tsconfig.test.json'] },
  { name: 'eslint', command: [bin('eslint'), '.', '--max-warnings=0'] },
  { name: 'import direction', command: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'src'] },
  { name: 'prettier', command: [bin('prettier'), '--check', '--log-level', 'warn', '.'] },
  {
    name: 'clang-format',
    command: ['clang-format', '--dry-run', '-Werror', ...nativeSources],
    skip: () => missingCommand('clang-format'),
  },
  { name: 'generated files', command: [node, 'scripts/generate.mjs', '--check'] },
  { name: 'native contract', command: [node, 'scripts/check-native-contract.mjs'] },
  { name: 'Dockerfile', command: [node, 'scripts/check/dockerfile.mjs'] },
  { name: 'compose and workflow files', command: [node, 'scripts/check/deployment.mjs'] },
  {
    name: 'docker compose config',
    command: ['docker', 'compose', '--env-file', '.env.example', 'config', '--quiet'],
    skip: () =>
      spawnSync('docker', ['compose', 'version']).status === 0 ? undefined : 'docker compose is not here',
  },
  { name: 'npm scripts', command: [node, 'scripts/check/package.mjs'] },
];

let failed = 0;
for (const { name, command, skip } of checks) {
  const reason = skip?.() ?? missingScript(command);
  if (reason !== undefined) {
    console.log(`skip  ${name}: ${reason}`);
    continue;
  }
  const start = performance.now();
  const { status, output } = await run(command);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok   ' : 'FAIL '} ${name} (${seconds} s)`);
  if (status === 0) continue;
  failed += 1;
  console.log(output.trimEnd());
}
console.log(failed === 0 ? 'All checks passed.' : `${failed} of ${checks.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;

function run([command, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

function missingCommand(name) {
  return spawnSync(name, ['--version']).error === undefined ? undefined : `${name} is not here`;
}

function missingScript([command, script]) {
  return command === node && !existsSync(join(root, script)) ? `${script} is not here` : undefined;
}
