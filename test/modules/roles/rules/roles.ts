import fc from 'fast-check';
import { resolveRoles, type ResolvedRoles, type Role } from '#dist/modules/roles/rules/index.js';

/** A role with what a test says of it. */
export function role(id: string, parts: Partial<Role> = {}): Role {
  return { id, name: id, version: '1.0', capabilities: [], ...parts };
}

export const allow = (resource: string, actions: string[], more: object = {}) => ({
  resource,
  actions,
  ...more,
});
export const deny = (resource: string, actions: string[], more: object = {}) => ({
  resource,
  actions,
  effect: 'deny',
  ...more,
});

/** Resolves the roles named, or all of them. */
export function resolved(roles: readonly Role[], ids = roles.map(({ id }) => id)): ResolvedRoles {
  const byId = new Map(roles.map((each) => [each.id, each]));
  return resolveRoles(ids, (id) => byId.get(id));
}

const conditions = fc.constantFrom(
  {},
  {},
  { env: 'test' },
  { env: ['test', 'live'] },
  { size: { gt: 3 } },
  { env: { ne: 'live' }, size: { lte: 9 } },
  { env: { nonsense: 1 } },
);
const resource = fc.constantFrom('context', 'plan', 'context/a', 'context/*', '*', '*/a');
const actions = fc.subarray(['read', 'write', 'read|write', '*'], { minLength: 1 });
const permission = fc.record({
  resource,
  actions,
  conditions,
  effect: fc.constantFrom('allow', 'allow', 'allow', 'deny'),
});
const override = fc.oneof(
  fc.record({ resource, actions, excluded: fc.constant(true) }),
  fc.record({ resource, actions, conditions }),
  fc.record({ capability: fc.constantFrom('review', 'build'), level: fc.constantFrom('basic', 'expert') }),
  fc.constant({ capability: 'review', excluded: true }),
  fc.constant({ capabilty: 'misspelt', excluded: true }),
);
const capability = fc.record({
  name: fc.constantFrom('review', 'build'),
  type: fc.constantFrom('skill' as const, 'permission' as const),
  level: fc.constantFrom('basic' as const, 'intermediate' as const, 'advanced' as const, 'expert' as const),
});
const constraints = fc.constantFrom(
  undefined,
  undefined,
  { resource_limits: { max_concurrent_tasks: 5 } },
  { time_limits: { max_session_duration: '8h' } },
  { operational_limits: { forbidden_region: ['moon'], max_concurrent_tasks: 'many' } },
);

/** Up to eight roles `r0`, `r1`, …; a parent has a higher number, unless `mayCycle`. */
export const roleSets = (mayCycle = false): fc.Arbitrary<Role[]> =>
  fc
    .array(
      fc.record({
        permissions: fc.array(permission, { maxLength: 3 }),
        capabilities: fc.array(capability, { maxLength: 3 }),
        constraints,
        parents: fc.array(fc.nat(7), { maxLength: 2 }),
        overrides: fc.array(override, { maxLength: 1 }),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((drafts) =>
      drafts.map(({ permissions, capabilities, constraints: limits, parents, overrides }, index) =>
        role(`r${index}`, {
          permissions,
          capabilities,
          ...(limits === undefined ? {} : { constraints: limits }),
          inheritance: {
            parent_roles: parents
              .filter((parent) => parent < drafts.length && (mayCycle || parent > index))
              .map((parent) => `r${parent}`),
            overrides,
          },
        }),
      ),
    );

export const requests = fc.record({
  resource: fc.constantFrom('context', 'plan', 'trace'),
  resourceId: fc.constantFrom(undefined, 'a', 'b'),
  action: fc.constantFrom('read', 'write', 'execute'),
  attributes: fc.constantFrom(
    {},
    { env: 'test', size: 5 },
    { env: 'live', size: 10 },
    { env: ['live', 'test'] },
  ),
  usage: fc.constantFrom(
    {},
    { concurrent_tasks: 5 },
    { concurrent_tasks: 6 },
    { session_duration: '9h', region: 'moon' },
  ),
});
