import { isJsonObject, type JsonObject } from '../../protocol/index.js';
import { MplpError } from '../../errors/index.js';
import { invalid, refuseNul, tooLarge, type Documents, type Scope, type Stored } from '../documents/index.js';

export const MAX_VARIABLE_BYTES = 1024 * 1024;
const MAX_KEY_CHARS = 256;

export interface Variable {
  readonly key: string;
  readonly value: unknown;
  /** Version of the context. */
  readonly version: number;
}

/** `shared_state.variables`, one by one. */
export interface Variables {
  /** @throws MplpError MPLP_ERR_MODULES_INVALID, …_NOT_FOUND, …_HTTP_PRECONDITION_FAILED, …_LIMIT */
  set(
    scope: Scope,
    contextId: string,
    variable: { readonly key: unknown; readonly value: unknown },
    ifVersion?: number,
  ): Promise<Variable & { readonly isNew: boolean }>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, which says whether the context or the variable is missing */
  get(projectId: string, contextId: string, key: string): Promise<Variable>;
  getAll(projectId: string, contextId: string): Promise<{ variables: JsonObject; version: number }>;
  remove(scope: Scope, contextId: string, key: string, ifVersion?: number): Promise<Stored>;
}

export function createVariables(documents: Documents): Variables {
  return {
    async set(scope, contextId, { key, value }, ifVersion) {
      const name = checkKey(key);
      if (value === undefined) throw invalid('/value', 'required', 'is required');
      refuseNul(value, '/value');
      if (Buffer.byteLength(JSON.stringify(value)) > MAX_VARIABLE_BYTES)
        throw tooLarge('/value', MAX_VARIABLE_BYTES);
      let isNew = false;
      const { version } = await documents.change(scope, contextId, ifVersion, (current) => {
        const variables = variablesOf(current);
        isNew = !Object.hasOwn(variables, name);
        return {
          event: 'context.variable_set',
          document: withVariables(current, { ...variables, [name]: value }),
          data: { key: name },
        };
      });
      return { key: name, value, version, isNew };
    },
    async get(projectId, contextId, key) {
      const { variables, version } = await getAll(documents, projectId, contextId);
      if (!Object.hasOwn(variables, key)) throw noVariable(contextId, key);
      return { key, value: variables[key], version };
    },
    getAll: (projectId, contextId) => getAll(documents, projectId, contextId),
    remove: (scope, contextId, key, ifVersion) =>
      documents.change(scope, contextId, ifVersion, (current) => {
        const variables = variablesOf(current);
        if (!Object.hasOwn(variables, key)) throw noVariable(contextId, key);
        const { [key]: _removed, ...kept } = variables;
        return {
          event: 'context.variable_removed',
          document: withVariables(current, kept),
          data: { key },
        };
      }),
  };
}

async function getAll(documents: Documents, projectId: string, contextId: string) {
  const { text, version } = await documents.get(projectId, contextId);
  return { variables: variablesOf(JSON.parse(text) as JsonObject), version };
}

function variablesOf(document: JsonObject): JsonObject {
  const { variables } = document['shared_state'] as JsonObject;
  return isJsonObject(variables) ? variables : {};
}

function withVariables(document: JsonObject, variables: JsonObject): JsonObject {
  return { ...document, shared_state: { ...(document['shared_state'] as JsonObject), variables } };
}

function checkKey(key: unknown): string {
  if (key === undefined) throw invalid('/key', 'required', 'is required');
  if (typeof key !== 'string') throw invalid('/key', 'type', 'must be a string');
  if (key === '' || key.length > MAX_KEY_CHARS)
    throw invalid('/key', 'length', `must have 1 to ${MAX_KEY_CHARS} characters`);
  if (key === '__proto__') throw invalid('/key', 'protoKey', 'must not be __proto__');
  if (/\p{Surrogate}/u.test(key)) throw invalid('/key', 'surrogate', 'must not hold half a surrogate pair');
  refuseNul(key, '/key');
  return key;
}

function noVariable(contextId: string, key: string): MplpError {
  return new MplpError(
    'MPLP_ERR_MODULES_NOT_FOUND',
    `The context ${contextId} has no variable ${JSON.stringify(key.slice(0, 80))}.`,
  );
}
