import type { ValidateFunction } from 'ajv';
import {
  baseTypeValidators,
  validateConfirm,
  validateContext,
  validateExtension,
  validatePlan,
  validateRole,
  validateTrace,
} from './validators.js';
import type { ProtocolType } from './verbs/protocol-object.js';

const BASE = 'https://mplp.dev/schemas/v1.0/';

/** The build-time validator of each document type. */
export const moduleValidators: Readonly<Record<ProtocolType, ValidateFunction>> = {
  context: validateContext,
  plan: validatePlan,
  confirm: validateConfirm,
  trace: validateTrace,
  role: validateRole,
  extension: validateExtension,
};

/** Names of the files in `schemas/` that every project sees; `base-types` holds what they share. */
export const builtinNames: readonly string[] = ['base-types', ...Object.keys(moduleValidators)];

/** `$id` of the schema of a document type. */
export function moduleSchemaId(name: string): string {
  return `${BASE}${name}.json`;
}

const byId: ReadonlyMap<string, ValidateFunction> = new Map([
  ...Object.entries(moduleValidators).map(([type, validate]) => [moduleSchemaId(type), validate] as const),
  ...Object.entries(baseTypeValidators).map(
    ([name, validate]) => [`${moduleSchemaId('base-types')}#/definitions/${name}`, validate] as const,
  ),
]);

/** The build-time validator of a schema that comes with the engine, or of one of its shared types. */
export function findBuiltinValidator(schemaId: string): ValidateFunction | undefined {
  return byId.get(schemaId);
}
