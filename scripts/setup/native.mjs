import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, say, SetupError } from './run.mjs';

const TOOLS = 'on Debian and Ubuntu: `apt-get install g++ make python3`; on macOS: `xcode-select --install`';

export async function buildNative() {
  const compiler = process.env['CXX'] ?? 'c++';
  for (const tool of [compiler.split(' ')[0], 'make', process.env['PYTHON'] ?? 'python3']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined) continue;
    throw new SetupError(
      `\`${tool}\` is needed to compile the native addon and is not here. Install it (${TOOLS}).`,
    );
  }
  say('compiling the native addon');
  const gyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');
  await run('native', process.execPath, [gyp, 'rebuild', '--jobs=max', ...headers()], (output) =>
    output.includes('ENOTFOUND') || output.includes('nodejs.org')
      ? 'The headers of Node could not be downloaded: install them beside Node, or set npm_config_nodedir to the folder that holds `include/node`.'
      : `A C++20 compiler is needed: g++ 11 or clang 14 at least (${TOOLS}).`,
  );
}

/** Uses the headers that came with the running Node, where they did; else node-gyp downloads them. */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  const version = join(prefix, 'include/node/node_version.h');
  if (!existsSync(version)) return [];
  const text = readFileSync(version, 'utf8');
  const [major, minor] = ['MAJOR', 'MINOR'].map(
    (part) => new RegExp(`NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return process.versions.node.startsWith(`${major}.${minor}.`) ? [`--nodedir=${prefix}`] : [];
}
