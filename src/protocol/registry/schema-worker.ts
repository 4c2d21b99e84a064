import type { ValidateFunction } from 'ajv';
import { createFaultList, faultsAt, type FaultList } from '../faults.js';
import { writeDocument } from '../formats/formats.js';
import { readYaml } from '../formats/yaml-reader.js';
import { addSchemaFaults } from '../schema-faults.js';
import { compileLinearPattern } from './linear-pattern.js';
import { limits } from './limits.js';
import { addLoopFaults } from './reference-loops.js';
import { compileSchemas, createMetaValidator } from './schema-compiler.js';
import { indexSchema, type Dialect } from './schema-index.js';
import type { CheckTask, SchemaReply, SchemaTask, ValidateTask } from './schema-task.js';

const MAX_FAULTS = 100;

const metaValidators = new Map<Dialect, ValidateFunction>();
/** The one used longest ago first. */
const compiled = new Map<string, ValidateFunction>();

/** Entry of a thread that works on what users wrote; it may be ended at any time. */
export default function run(task: SchemaTask): SchemaReply {
  try {
    switch (task.kind) {
      case 'check':
        return { kind: 'faults', faults: check(task) };
      case 'validate':
        return { kind: 'faults', faults: validate(task) };
      case 'readYaml': {
        const { value, faults } = readYaml(task.text, MAX_FAULTS);
        return faults.length > 0 ? { kind: 'faults', faults } : { kind: 'text', text: JSON.stringify(value) };
      }
      case 'writeYaml':
        return { kind: 'text', text: writeDocument(JSON.parse(task.document), 'yaml') };
    }
  } catch (error) {
    // The stack is bounded: code that Ajv made goes down one call a level.
    if (error instanceof RangeError) return { kind: 'exhausted' };
    throw error;
  }
}

function check(task: CheckTask): FaultList['faults'] {
  const faults = createFaultList(MAX_FAULTS);
  const pointers = new Map(task.news.map(({ base, pointer }) => [base, pointer]));
  const indexes = task.schemas.map(({ base, text }) => {
    const schema = JSON.parse(text) as unknown;
    const pointer = pointers.get(base);
    // Those that are registered have been through this.
    if (pointer === undefined) return indexSchema(schema, base, task.dialect, createFaultList(0));
    const own = faultsAt(faults, pointer);
    addMetaFaults(schema, task.dialect, own);
    const index = indexSchema(schema, base, task.dialect, own);
    for (const { path, pattern } of index.patterns) {
      const reason = findPatternFault(pattern);
      if (reason !== undefined) own.add(path, 'pattern', reason);
    }
    return index;
  });
  if (faults.faults.length === 0) addLoopFaults(indexes, faults);
  for (const { base, pointer } of faults.faults.length > 0 ? [] : task.news) {
    try {
      compileSchemas(task.dialect, task.schemas, base, false);
    } catch (error) {
      if (error instanceof RangeError || !(error instanceof Error)) throw error;
      faults.add(pointer, 'compile', `cannot be compiled: ${error.message.slice(0, 300)}`);
    }
  }
  return faults.faults;
}

function addMetaFaults(schema: unknown, dialect: Dialect, faults: FaultList): void {
  let validateSchema = metaValidators.get(dialect);
  if (validateSchema === undefined)
    metaValidators.set(dialect, (validateSchema = createMetaValidator(dialect)));
  if (validateSchema(schema)) return;
  const found = createFaultList(MAX_FAULTS);
  addSchemaFaults(found, validateSchema.errors ?? [], schema);
  for (const { pointer, keyword, message } of found.faults) faults.add(pointer, keyword, message);
}

function findPatternFault(pattern: string): string | undefined {
  try {
    compileLinearPattern(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'cannot be compiled';
  }
}

function validate(task: ValidateTask): FaultList['faults'] {
  const faults = createFaultList(MAX_FAULTS);
  const document = JSON.parse(task.document) as unknown;
  const judge = validatorFor(task);
  if (!judge(document)) addSchemaFaults(faults, judge.errors ?? [], document);
  return faults.faults;
}

function validatorFor(task: ValidateTask): ValidateFunction {
  const key = `${task.explain ? 'all' : 'first'} ${task.digest}`;
  const known = compiled.get(key);
  compiled.delete(key);
  const validator = known ?? compileSchemas(task.dialect, task.schemas, task.base, task.explain);
  compiled.set(key, validator);
  for (const oldest of compiled.keys()) {
    if (compiled.size <= limits.compiledSchemas) break;
    compiled.delete(oldest);
  }
  return validator;
}
