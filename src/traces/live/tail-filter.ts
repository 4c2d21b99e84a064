import { MplpError, type FieldError } from '../../errors/index.js';
import type { TailFilter } from '../../native/contract.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const STATUSES = ['success', 'failure', 'timeout', 'cancelled'];
const MAX_ACTION_CHARACTERS = 1024;

/**
 * Reads the filters of the live tail (`agent_id`, `context_id`, `action`, `status`) from a query string.
 * Throws `MPLP_ERR_HTTP_BAD_REQUEST` that names each parameter at fault; a misspelt filter must not show everything.
 */
export function parseTailFilter(query: URLSearchParams, projectId: string): TailFilter {
  const filter: { -readonly [K in keyof TailFilter]: TailFilter[K] } = { projectId };
  const errors: FieldError[] = [];
  const refuse = (name: string, keyword: string, message: string) =>
    errors.push({ pointer: `?${name}`, keyword, message });
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    const value = values[0] ?? '';
    if (values.length > 1) refuse(name, 'unique', 'is given more than once');
    else if (name === 'agent_id' || name === 'context_id') {
      const id = value.toLowerCase();
      if (!UUID.test(id)) refuse(name, 'format', 'is not a UUID');
      else if (name === 'agent_id') filter.agentId = id;
      else filter.contextId = id;
    } else if (name === 'action') {
      if (value.length === 0 || value.length > MAX_ACTION_CHARACTERS)
        refuse(name, 'length', `must have 1 to ${MAX_ACTION_CHARACTERS} characters`);
      else filter.action = value;
    } else if (name === 'status') {
      if (!STATUSES.includes(value)) refuse(name, 'enum', `must be one of ${STATUSES.join(', ')}`);
      else filter.status = value;
    } else
      refuse(name, 'unknown', 'is not a filter of the live tail: agent_id, context_id, action, status are');
  }
  if (errors.length > 0)
    throw new MplpError('MPLP_ERR_HTTP_BAD_REQUEST', `The filter is not valid: ${describe(errors)}.`, {
      errors,
    });
  return filter;
}

function describe(errors: readonly FieldError[]): string {
  return errors.map((e) => `${e.pointer.slice(1)} ${e.message}`).join('; ');
}

/** Equal filters have equal keys, whatever the order of their parameters. */
export function tailFilterKey(filter: TailFilter): string {
  return JSON.stringify([filter.projectId, filter.agentId, filter.contextId, filter.action, filter.status]);
}
