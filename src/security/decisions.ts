import { deniesSome, decide, type Attributes, type ResolvedRoles } from '../modules/roles/index.js';
import type { Permission } from './permissions.js';

/** Requests whose decision is remembered for one key; ids in them come from outside. */
const MAX_DECISIONS = 256;

/** What a key may do, decided by the roles of its subject as they were when it was loaded. */
export interface Decisions {
  may(permission: Permission, resourceId: string | undefined): boolean;
}

/** Denied unless a role allows it. A decision is made once for each permission and resource. */
export function createDecisions(resolved: ResolvedRoles, attributes: Attributes): Decisions {
  const known = new Map<string, boolean>();
  return {
    may({ resource, action }, resourceId) {
      // The id comes last: it may hold anything.
      const key = resourceId === undefined ? `${resource} ${action}` : `${resource} ${action} ${resourceId}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      const request = { resource, action, resourceId, attributes };
      const isAllowed =
        decide(resolved, request).allowed && (resourceId !== undefined || !deniesSome(resolved, request));
      if (known.size >= MAX_DECISIONS) known.clear();
      known.set(key, isAllowed);
      return isAllowed;
    },
  };
}
