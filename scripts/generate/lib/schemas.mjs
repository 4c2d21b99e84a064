// The JSON Schemas of the protocol, read in the order in which documentation lists them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One schema a module of the protocol; `base-types` holds what they share. */
export const moduleNames = ['context', 'plan', 'confirm', 'trace', 'role', 'extension'];

export async function readSchema(root, name) {
  return JSON.parse(await readFile(join(root, 'schemas', `${name}.json`), 'utf8'));
}

export function banner(source) {
  return `// Generated from ${source} by \`npm run generate\`. Do not edit: change the source and generate again.\n`;
}
