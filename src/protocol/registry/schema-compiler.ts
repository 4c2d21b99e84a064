import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { compileLinearPattern } from './linear-pattern.js';
import type { Dialect } from './schema-index.js';
import type { SchemaText } from './schema-task.js';

/** What Ajv calls for each `pattern`; `code` is for standalone modules, which are never made of users' schemas. */
const regExp = Object.assign(compileLinearPattern, { code: 'undefined' });

/**
 * Unknown keywords and formats are annotations, as JSON Schema has it. References are not inlined, which would make
 * the code of a small schema very large; members that an object inherits do not count as its own.
 */
function makeAjv(dialect: Dialect, options: Options): Ajv {
  const all: Options = {
    strict: false,
    logger: false,
    inlineRefs: false,
    ownProperties: true,
    addUsedSchema: false,
    ...options,
  };
  const ajv = dialect === 'draft-07' ? new Ajv(all) : new Ajv2020(all);
  addFormats.default(ajv, { mode: 'full' });
  return ajv;
}

/** The dialect's own schema as a validator of schemas. */
export function createMetaValidator(dialect: Dialect): ValidateFunction {
  const ajv = makeAjv(dialect, { allErrors: true });
  const validate = ajv.getSchema(ajv.defaultMeta() as string);
  if (validate === undefined) throw new Error(`no meta-schema of ${dialect}`);
  return validate;
}

/**
 * Compiles schemas that refer to each other, in an instance of their own: Ajv never forgets what it has compiled.
 *
 * @param exhaustive All faults of a document instead of the first.
 * @returns The validator of the schema at `base`.
 * @throws Error of Ajv, of the pattern engine, or RangeError when a schema is nested too deep for it
 */
export function compileSchemas(
  dialect: Dialect,
  schemas: readonly SchemaText[],
  base: string,
  exhaustive: boolean,
): ValidateFunction {
  const ajv = makeAjv(dialect, { allErrors: exhaustive, validateSchema: false, code: { regExp } });
  for (const { base: $id, text } of schemas) {
    const schema = JSON.parse(text) as unknown;
    ajv.addSchema(
      typeof schema === 'boolean'
        ? { $id, allOf: [schema] }
        : { ...(schema as Record<string, unknown>), $id },
    );
  }
  const validate = ajv.getSchema(base);
  if (validate === undefined) throw new Error(`no schema ${base}`);
  return validate;
}
