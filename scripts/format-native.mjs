// Formats the C++ sources as .clang-format says.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, root, say } from './setup/run.mjs';

const sources = readdirSync(join(root, 'native'), { recursive: true }).filter((path) =>
  /\.(h|cc)$/.test(path),
);
await run(
  'clang-format',
  'clang-format',
  ['-i', ...sources.map((path) => join('native', path))],
  () => 'Install it: `apt-get install clang-format`.',
);
say(`${sources.length} C++ files formatted`);
