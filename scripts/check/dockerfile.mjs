// Lints the Dockerfile with dockerfilelint and checks what it cannot know: the image must not run as root.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../setup/run.mjs';

const dockerfilelint = createRequire(import.meta.url)('dockerfilelint');
const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
const faults = dockerfilelint
  .run(root, text)
  .map(({ line, title, description }) => `line ${line}: ${title}: ${description}`);

const lastStage = text.slice(text.lastIndexOf('\nFROM '));
for (const instruction of ['USER node', 'HEALTHCHECK', 'VOLUME /data']) {
  if (!lastStage.includes(instruction)) faults.push(`the last stage has no ${instruction}`);
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
