import { findCircles } from '../../../protocol/index.js';
import { compareTexts, MAX_ANCESTORS, MAX_INHERITANCE_DEPTH, type Role } from './model.js';

/** Why it cannot be said what a role inherits. */
export type InheritanceFault =
  | {
      readonly kind: 'cycle';
      /** Each inherits from the next, and the last from the first. */
      readonly roles: readonly string[];
    }
  | { readonly kind: 'unknown'; readonly role: string; readonly inheritedBy: string | undefined }
  | { readonly kind: 'depth'; readonly role: string; readonly depth: number }
  | { readonly kind: 'size'; readonly role: string };

/** Roles of a cycle that are named. */
const MAX_NAMED_ROLES = 12;

export type FindRole = (id: string) => Role | undefined;

export function parentsOf(role: Role): readonly string[] {
  const parents = role.inheritance?.parent_roles;
  return Array.isArray(parents) ? [...new Set(parents)] : [];
}

/** What is wrong with all that these roles inherit from, in an order that depends on the roles alone. */
export function findInheritanceFaults(ids: readonly string[], find: FindRole): InheritanceFault[] {
  const parents = new Map<string, readonly string[]>();
  const faults: InheritanceFault[] = [];
  const open: [id: string, inheritedBy: string | undefined][] = [...new Set(ids)]
    .sort(compareTexts)
    .map((id) => [id, undefined]);
  const [first] = open;
  const most = MAX_ANCESTORS + open.length;
  for (const [id, inheritedBy] of open) {
    if (parents.has(id)) continue;
    const role = find(id);
    if (role === undefined) faults.push({ kind: 'unknown', role: id, inheritedBy });
    const above = role === undefined ? [] : parentsOf(role);
    parents.set(id, above);
    if (parents.size > most) return [{ kind: 'size', role: first?.[0] ?? id }];
    for (const parent of [...above].sort(compareTexts)) if (!parents.has(parent)) open.push([parent, id]);
  }
  const edges = [...parents].flatMap(([id, above]) => above.map((parent) => [id, parent] as const));
  const circles = findCircles([...parents.keys()].sort(compareTexts), edges);
  if (circles.length > 0)
    return [...faults, ...circles.map(({ tasks }) => ({ kind: 'cycle' as const, roles: tasks }))];
  const depths = new Map<string, number>();
  for (const id of [...new Set(ids)].sort(compareTexts)) {
    const depth = depthOf(id, parents, depths);
    if (depth > MAX_INHERITANCE_DEPTH) faults.push({ kind: 'depth', role: id, depth });
  }
  return faults;
}

/** The levels above a role. There is no cycle any more, so this ends; a chain is no longer than `MAX_ANCESTORS`. */
function depthOf(
  id: string,
  parents: ReadonlyMap<string, readonly string[]>,
  known: Map<string, number>,
): number {
  const before = known.get(id);
  if (before !== undefined) return before;
  let depth = 0;
  for (const parent of parents.get(id) ?? []) depth = Math.max(depth, 1 + depthOf(parent, parents, known));
  known.set(id, depth);
  return depth;
}

/**
 * The faults that a role would have with one more parent: what `inherit` asks before it changes anything. `find` gives the
 * roles as they are.
 */
export function findFaultsOfInheriting(role: Role, parentId: string, find: FindRole): InheritanceFault[] {
  const changed: Role = {
    ...role,
    inheritance: { ...role.inheritance, parent_roles: [...parentsOf(role), parentId] },
  };
  return findInheritanceFaults([role.id], (id) => (id === role.id ? changed : find(id)));
}

/** In words, with the names of a long cycle shortened in the middle. */
export function describeInheritanceFault(fault: InheritanceFault): string {
  switch (fault.kind) {
    case 'cycle': {
      const { roles } = fault;
      const [first = ''] = roles;
      if (roles.length === 1) return `the role ${first} inherits from itself`;
      const left = roles.length - MAX_NAMED_ROLES;
      const named =
        left > 0 ? [...roles.slice(0, MAX_NAMED_ROLES - 1), `(${left} more)`, ...roles.slice(-1)] : roles;
      return `roles inherit from each other: ${[...named, first].join(' → ')}`;
    }
    case 'unknown':
      return fault.inheritedBy === undefined
        ? `there is no role ${fault.role}`
        : `the role ${fault.inheritedBy} inherits from ${fault.role}, which is not there`;
    case 'depth':
      return `the role ${fault.role} has ${fault.depth} levels above it, ${MAX_INHERITANCE_DEPTH} are allowed`;
    case 'size':
      return `the role ${fault.role} inherits from too many roles or permissions`;
  }
}
