// Brings a fresh clone to a state in which the engine and its tests run, and does nothing when nothing changed.
//
//   node scripts/setup.mjs            dependencies, libraries of Postgres, native addon, TypeScript
//   node scripts/setup.mjs --build    all but the dependencies
//
// Uses nothing but Node itself, since it runs before anything is installed. Each step leaves a stamp with the
// state of its inputs in .setup/ and is skipped while they stay the same.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installDependencies, dependenciesMatchLock } from './setup/dependencies.mjs';
import { withLock } from './setup/lock.mjs';
import { buildNative } from './setup/native.mjs';
import { linkPostgresLibraries, postgresLinks, postgresPackage } from './setup/postgres.mjs';
import { root, say, SetupError } from './setup/run.mjs';
import { isFresh, writeStamp } from './setup/stamps.mjs';
import { buildTypeScript } from './setup/typescript.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
const runtime = `node ${process.versions.node} ${process.platform} ${process.arch}`;

const steps = [
  {
    name: 'dependencies',
    inputs: ['package-lock.json'],
    outputs: ['node_modules/.package-lock.json'],
    environment: `${process.platform} ${process.arch}`,
    isDone: dependenciesMatchLock,
    run: installDependencies,
  },
  {
    name: 'Postgres libraries',
    inputs: [`${postgresPackage}/package.json`],
    get outputs() {
      return postgresLinks();
    },
    environment: `${process.platform} ${process.arch}`,
    run: linkPostgresLibraries,
  },
  {
    name: 'native addon',
    inputs: [
      'binding.gyp',
      'native',
      'node_modules/node-addon-api/package.json',
      'node_modules/@nozbe/simdjson/package.json',
    ],
    outputs: ['build/Release'],
    environment: runtime,
    run: buildNative,
  },
  {
    name: 'TypeScript',
    inputs: ['tsconfig.json', 'src', 'generated', 'node_modules/typescript/package.json'],
    outputs: ['dist/main.js', 'dist/.tsbuildinfo'],
    environment: '',
    run: buildTypeScript,
  },
];

async function main() {
  if (major < 20 || (major === 20 && minor < 17)) {
    throw new SetupError(
      `Node ${process.versions.node} is too old: the engine needs 20.17 or later, best 24.`,
    );
  }
  const wanted = process.argv.includes('--build') ? steps.slice(1) : steps;
  if (wanted.every(isFresh)) return;
  mkdirSync(join(root, '.setup'), { recursive: true });
  await withLock(join(root, '.setup', 'lock'), async () => {
    // Another run may have done the work while this one waited, so each step is looked at again.
    for (const step of wanted) {
      if (isFresh(step)) continue;
      if (!(step.isDone?.() ?? false)) {
        const start = performance.now();
        await step.run();
        say(`${step.name}: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
      }
      const missing = step.outputs.filter((path) => !existsSync(join(root, path)));
      if (missing.length > 0) throw new SetupError(`${step.name}: ${missing.join(', ')} did not appear.`);
      writeStamp(step);
    }
  });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`failed. ${error.message}`);
  process.exitCode = 1;
}
