import { keepBest } from './capabilities.js';
import { findInheritanceFaults, parentsOf, type FindRole, type InheritanceFault } from './inheritance.js';
import {
  compareTexts,
  MAX_RULES,
  type EffectiveCapability,
  type EffectiveConstraint,
  type EffectiveRole,
  type EffectiveRule,
  type Origin,
  type Role,
} from './model.js';
import { inheritingFrom } from './overrides.js';

/** Roles with all they inherit; with faults there are none, since what they forbid is not known. */
export interface ResolvedRoles {
  readonly roles: readonly EffectiveRole[];
  readonly faults: readonly InheritanceFault[];
}

/** @param find gives each role, and all it inherits from */
export function resolveRoles(ids: readonly string[], find: FindRole): ResolvedRoles {
  const wanted = [...new Set(ids)].sort(compareTexts);
  const faults = findInheritanceFaults(wanted, find);
  if (faults.length > 0) return { roles: [], faults };
  const known = new Map<string, EffectiveRole>();
  const roles: EffectiveRole[] = [];
  for (const id of wanted) {
    const role = resolve(id, find, known);
    if (role === undefined) return { roles: [], faults: [{ kind: 'size', role: id }] };
    roles.push(role);
  }
  return { roles, faults };
}

/** Recursion ends: there is no cycle, and no more levels than allowed. `undefined` when it becomes too much. */
function resolve(id: string, find: FindRole, known: Map<string, EffectiveRole>): EffectiveRole | undefined {
  const before = known.get(id);
  if (before !== undefined) return before;
  const role = find(id) as Role;
  const rules = ownRules(role);
  const constraints = ownConstraints(role);
  const inherited = new Map<string, EffectiveCapability>();
  for (const parentId of parentsOf(role)) {
    const parent = resolve(parentId, find, known);
    if (parent === undefined) return undefined;
    const { restrictions, capability } = inheritingFrom(role, parentId);
    const through = <T extends Origin>(item: T): T => ({ ...item, via: [id, ...item.via] });
    for (const rule of parent.rules)
      rules.push(
        through(
          rule.effect === 'deny' ? rule : { ...rule, restrictions: [...rule.restrictions, ...restrictions] },
        ),
      );
    constraints.push(...parent.constraints.map(through));
    if (rules.length > MAX_RULES || constraints.length > MAX_RULES) return undefined;
    for (const each of parent.capabilities) {
      const changed = capability(each);
      if (changed !== undefined) keepBest(inherited, through(changed));
    }
  }
  // What a role says itself holds, be it more or less than what it inherits.
  const own = new Map<string, EffectiveCapability>();
  for (const capability of ownCapabilities(role)) keepBest(own, capability);
  const effective: EffectiveRole = {
    id,
    name: role.name,
    rules: nearest(rules, (rule) => JSON.stringify([rule.restrictions])),
    capabilities: [...new Map([...inherited, ...own])]
      .sort(([a], [b]) => compareTexts(a, b))
      .map(([, capability]) => capability),
    constraints: nearest(constraints, () => ''),
  };
  known.set(id, effective);
  return effective;
}

/** What comes along several ways is kept once: over the shortest. */
function nearest<T extends Origin>(items: readonly T[], variantOf: (item: T) => string): T[] {
  const kept = new Map<string, T>();
  for (const item of items) {
    const key = `${item.roleId} ${item.rule} ${variantOf(item)}`;
    const other = kept.get(key);
    if (other === undefined || compareOrigins(item, other) < 0) kept.set(key, item);
  }
  return [...kept.values()].sort(compareOrigins);
}

export function compareOrigins(a: Origin, b: Origin): number {
  return (
    a.via.length - b.via.length || compareTexts(a.via.join(), b.via.join()) || compareTexts(a.rule, b.rule)
  );
}

function ownRules(role: Role): EffectiveRule[] {
  return (role.permissions ?? []).map((permission, index) => ({
    ...originIn(role, `/permissions/${index}`),
    // What is no word for allowing is no allowance.
    effect: (permission['effect'] ?? 'allow') === 'allow' ? 'allow' : 'deny',
    resource: permission.resource,
    actions: permission.actions,
    conditions: permission.conditions ?? {},
    restrictions: [],
  }));
}

function ownCapabilities(role: Role): EffectiveCapability[] {
  return role.capabilities.map(({ name, type, level, parameters = {} }, index) => ({
    ...originIn(role, `/capabilities/${index}`),
    name,
    type,
    level,
    parameters,
  }));
}

function ownConstraints(role: Role): EffectiveConstraint[] {
  return Object.entries(role.constraints ?? {}).flatMap(([group, limits]) =>
    typeof limits !== 'object' || limits === null || Array.isArray(limits)
      ? []
      : Object.entries(limits).map(([name, limit]) => ({
          ...originIn(role, `/constraints/${escapeToken(group)}/${escapeToken(name)}`),
          group,
          name,
          limit,
        })),
  );
}

function originIn({ id }: Role, rule: string): Origin {
  return { roleId: id, rule, via: [id] };
}

/** RFC 6901. */
function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}
