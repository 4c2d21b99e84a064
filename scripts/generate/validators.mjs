// Ajv standalone validators, one ES module a schema, with its declaration file.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { _ } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import addFormats from 'ajv-formats';
import { banner, moduleNames, readSchema } from './lib/schemas.mjs';

const folder = 'generated/validators';

/** Faults after which a validator stops looking at further array items: a report needs no more, and a hostile
 * document of a million wrong items must not cost a million error objects. */
const maxErrors = 100;

export async function generate(root) {
  const baseTypes = await readSchema(root, 'base-types');
  const schemas = await Promise.all(moduleNames.map((name) => readSchema(root, name)));
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    schemas: [baseTypes, ...schemas],
    code: { source: true, esm: true, lines: true, formats: _`fullFormats` },
  });
  addFormats.default(ajv, { mode: 'full', formats: ['date-time'] });

  const files = new Map();
  moduleNames.forEach((name, index) => {
    const code = standalone.default(ajv, { validate: schemas[index].$id });
    files.set(`${folder}/${name}.js`, toModule(code, `schemas/${name}.json`));
    files.set(`${folder}/${name}.d.ts`, declare(['validate'], `schemas/${name}.json`));
  });
  const definitions = Object.keys(baseTypes.definitions);
  const references = definitions.map((name) => [name, `${baseTypes.$id}#/definitions/${name}`]);
  const code = standalone.default(ajv, Object.fromEntries(references));
  files.set(`${folder}/base-types.js`, toModule(code, 'schemas/base-types.json'));
  files.set(`${folder}/base-types.d.ts`, declare(definitions, 'schemas/base-types.json'));
  return files;
}

/** Ajv writes format look-ups for CommonJS and loops without a bound on errors; both are set right here. */
function toModule(code, source) {
  const loops = code.split('\n').filter((line) => /^\s*for\s*\(/.test(line)).length;
  let bounded = 0;
  const text = code.replaceAll(/^(\s*for\(let (\w+)=0; \2<\w+); /gm, (_match, head) => {
    bounded += 1;
    return `${head} && errors < ${maxErrors}; `;
  });
  if (bounded !== loops)
    throw new Error(`${source}: ${loops - bounded} loops of the validator have no bound on errors`);
  if (text.includes('require('))
    throw new Error(`${source}: the validator needs a module that is not imported`);
  const body = text.replace(/^"use strict";\n?/, '').trimEnd();
  const imports = body.includes('fullFormats')
    ? "import formats from 'ajv-formats/dist/formats.js';\n\nconst { fullFormats } = formats;\n"
    : '';
  return `${banner(source)}${imports}${body}\n`;
}

function declare(names, source) {
  const type = "import type { ValidateFunction } from 'ajv';\n\n";
  return `${banner(source)}${type}${names.map((name) => `export declare const ${name}: ValidateFunction;\n`).join('')}`;
}
