// TypeScript types of the documents that the schemas describe, one declaration file a module.
import { join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { banner, moduleNames, readSchema } from './lib/schemas.mjs';

export async function generate(root) {
  const files = new Map();
  for (const name of moduleNames) {
    // Without these two the interface is named after the module.
    const { title: _title, $id: _id, ...schema } = await readSchema(root, name);
    const text = await compile(schema, name, {
      cwd: join(root, 'schemas'),
      bannerComment: '',
      additionalProperties: true,
      style: { printWidth: 110, singleQuote: true },
    });
    files.set(`generated/types/${name}.d.ts`, `${banner(`schemas/${name}.json`)}${text}`);
  }
  return files;
}
