/** What a route asks for, in the words that roles use. */
export interface Permission {
  readonly resource: string;
  readonly action: string;
  /** It concerns all projects, so a right to it counts in the default one only. */
  readonly isEngineWide: boolean;
}

const of = (resource: string, action: string, isEngineWide = false): Permission => ({
  resource,
  action,
  isEngineWide,
});

/**
 * Every permission that a route can name. Routes speak of collections (`contexts:read`), roles of what is in them
 * (`context`, `read`), as the design document does.
 */
const permissions: ReadonlyMap<string, Permission> = new Map([
  ['contexts:read', of('context', 'read')],
  ['contexts:write', of('context', 'write')],
  ['traces:read', of('trace', 'read')],
  ['traces:write', of('trace', 'write')],
  // SQL over the project's spans shows what reading them would.
  ['query:run', of('trace', 'read')],
  ['events:read', of('event', 'read')],
  ['webhooks:read', of('webhook', 'read')],
  ['webhooks:write', of('webhook', 'write')],
  ['protocol:use', of('protocol', 'use')],
  ['schemas:read', of('schema', 'read')],
  ['schemas:write', of('schema', 'write')],
  ['roles:read', of('role', 'read')],
  ['roles:write', of('role', 'write')],
  ['roles:assign', of('role', 'assign')],
  ['api-keys:read', of('api_key', 'read')],
  ['api-keys:write', of('api_key', 'write')],
  ['projects:write', of('project', 'write', true)],
  ['dead-letters:read', of('dead_letter', 'read', true)],
  ['dead-letters:write', of('dead_letter', 'write', true)],
  ['metrics:read', of('metric', 'read', true)],
]);

export function findPermission(name: string): Permission | undefined {
  return permissions.get(name);
}
