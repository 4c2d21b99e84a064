import { describe, expect, it } from 'vitest';
import {
  combineCapabilities,
  decide,
  describeInheritanceFault,
  findFaultsOfInheriting,
  findInheritanceFaults,
  findMissingCapabilities,
  findPredefinedRole,
  findRoleFaults,
  MAX_INHERITANCE_DEPTH,
  predefinedRoles,
  type Role,
} from '#dist/modules/roles/rules/index.js';
import { validateRole } from '#dist/protocol/index.js';
import { allow, deny, resolved, role } from './roles.js';

const may = (roles: Role[], resource: string, action: string, more: object = {}) =>
  decide(resolved(roles), { resource, action, ...more }).allowed;

describe('permissions', () => {
  it('allow what they name, and nothing else is allowed', () => {
    const editor = role('editor', { permissions: [allow('plan', ['read', 'write'])] });
    expect(may([editor], 'plan', 'write')).toBe(true);
    expect(may([editor], 'plan', 'execute')).toBe(false);
    expect(may([editor], 'context', 'read')).toBe(false);
    expect(may([], 'plan', 'read')).toBe(false);
    expect(may([role('nobody')], 'plan', 'read')).toBe(false);
  });

  it('name one resource, all of a type, or all', () => {
    const some = role('some', {
      permissions: [allow('plan/a', ['read']), allow('context', ['read']), allow('*', ['list'])],
    });
    expect(may([some], 'plan', 'read', { resourceId: 'a' })).toBe(true);
    for (const resourceId of [undefined, 'b', 'a/b', '', '*'])
      expect(may([some], 'plan', 'read', { resourceId })).toBe(false);
    expect(may([some], 'context', 'read', { resourceId: 'any' })).toBe(true);
    expect(may([some], 'contexts', 'read')).toBe(false);
    expect(may([some], 'anything', 'list')).toBe(true);
  });

  it('are beaten by a deny, wherever it stands', () => {
    const editor = role('editor', { permissions: [allow('*', ['*'])] });
    const guard = role('guard', { permissions: [deny('plan/a', ['write'])] });
    expect(may([editor, guard], 'plan', 'write', { resourceId: 'a' })).toBe(false);
    expect(may([editor, guard], 'plan', 'write', { resourceId: 'b' })).toBe(true);
    expect(may([editor, guard], 'plan', 'read', { resourceId: 'a' })).toBe(true);
    const odd = role('odd', { permissions: [allow('plan', ['read'], { effect: 'Allow' })] });
    expect(may([editor, odd], 'plan', 'read')).toBe(false);
  });
});

describe('conditions', () => {
  const when = (conditions: object) => role('r', { permissions: [allow('plan', ['read'], { conditions })] });
  const holds = (conditions: object, attributes: object) =>
    may([when(conditions)], 'plan', 'read', { attributes });

  it.each<[object, object, boolean]>([
    [{ branch_protection: true }, { branch_protection: true }, true],
    [{ branch_protection: true }, { branch_protection: false }, false],
    [{ branch_protection: true }, { branch_protection: 'true' }, false],
    [{ branch_protection: true }, {}, false],
    [{ env: ['test', 'live'] }, { env: 'live' }, true],
    [{ env: ['test', 'live'] }, { env: ['other', 'test'] }, true],
    [{ env: ['test', 'live'] }, { env: 'other' }, false],
    [{ env: [] }, { env: 'other' }, false],
    [{ owner: null }, { owner: null }, true],
    [{ size: { gt: 3, lte: 5 } }, { size: 5 }, true],
    [{ size: { gt: 3, lte: 5 } }, { size: 3 }, false],
    [{ size: { gte: 3 } }, { size: '5' }, false],
    [{ size: { gte: 3 } }, { size: NaN }, false],
    [{ env: { ne: 'live' } }, { env: 'test' }, true],
    [{ env: { ne: 'live' } }, { env: ['test', 'live'] }, false],
    [{ env: { ne: 'live' } }, {}, false],
    [{ env: { not_in: ['live'] } }, { env: 'test' }, true],
    [{ env: { in: ['live'] } }, { env: 'test' }, false],
    [{ env: { exists: false } }, {}, true],
    [{ env: { exists: false } }, { env: 1 }, false],
    [{ env: { like: 'x' } }, { env: 'x' }, false],
    [{ env: {} }, { env: 'x' }, false],
    [{ toString: 'x' }, {}, false],
    [{ a: 1, b: 2 }, { a: 1, b: 3 }, false],
  ])('%j with %j: %j', (conditions, attributes, expected) => {
    expect(holds(conditions, attributes)).toBe(expected);
  });

  it('that cannot be judged let no allow apply, and every deny', () => {
    const editor = role('editor', { permissions: [allow('plan', ['write'])] });
    const guard = role('guard', { permissions: [deny('plan', ['write'], { conditions: { env: 'live' } })] });
    const decision = (attributes: object) =>
      decide(resolved([editor, guard]), {
        resource: 'plan',
        action: 'write',
        attributes: attributes as never,
      });
    expect(decision({ env: 'test' }).allowed).toBe(true);
    expect(decision({ env: 'live' }).allowed).toBe(false);
    expect(decision({}).allowed).toBe(false);
    expect(decision({}).reasons[0]).toMatchObject({
      role_id: 'guard',
      detail: expect.stringContaining('env') as string,
    });
  });
});

describe('constraints', () => {
  const worker = role('worker', {
    permissions: [allow('execution', ['execute'])],
    constraints: {
      time_limits: { max_session_duration: '8h' },
      resource_limits: { max_concurrent_tasks: 5, min_priority: 2 },
      operational_limits: { allowed_region: ['eu'], forbidden_tool: ['shell'], note: 'free text' },
    },
  });
  const claims = (usage: object, roles = [worker]) => may(roles, 'execution', 'execute', { usage });

  it.each<[object, boolean]>([
    [{}, true],
    [{ concurrent_tasks: 5 }, true],
    [{ concurrent_tasks: 6 }, false],
    [{ concurrent_tasks: 'many' }, false],
    [{ session_duration: '7h' }, true],
    [{ session_duration: '481m' }, false],
    [{ session_duration: 'PT8H' }, true],
    [{ session_duration: 'P1D' }, false],
    [{ session_duration: 28_801 }, false],
    [{ priority: 1 }, false],
    [{ region: 'eu' }, true],
    [{ region: 'moon' }, false],
    [{ tool: 'shell' }, false],
    [{ note: 'anything', unknown: 7 }, true],
  ])('of a claim with %j: %j', (usage, expected) => {
    expect(claims(usage)).toBe(expected);
  });

  it('bound what their own role allows, and no other', () => {
    const lead = role('lead', {
      permissions: [allow('execution', ['execute'])],
      constraints: { resource_limits: { max_concurrent_tasks: 10 } },
    });
    expect(claims({ concurrent_tasks: 8 }, [worker, lead])).toBe(true);
    expect(claims({ concurrent_tasks: 11 }, [worker, lead])).toBe(false);
  });

  it('come along with what is inherited', () => {
    const parent = role('parent', { constraints: { resource_limits: { max_concurrent_tasks: 2 } } });
    const child = role('child', {
      permissions: [allow('execution', ['execute'])],
      constraints: { resource_limits: { max_concurrent_tasks: 9 } },
      inheritance: { parent_roles: ['parent'] },
    });
    const decision = decide(resolved([parent, child], ['child']), {
      resource: 'execution',
      action: 'execute',
      usage: { concurrent_tasks: 3 },
    });
    expect(decision.allowed).toBe(false);
    expect(JSON.stringify(decision.reasons)).toContain(
      'resource_limits.max_concurrent_tasks of the role parent',
    );
  });

  it('are not kept when their limit cannot be read', () => {
    const odd = role('odd', {
      permissions: [allow('execution', ['execute'])],
      constraints: { resource_limits: { max_concurrent_tasks: 'a few' } },
    });
    expect(claims({ concurrent_tasks: 1 }, [odd])).toBe(false);
    expect(claims({}, [odd])).toBe(true);
  });
});

describe('capabilities', () => {
  const base = role('base', {
    capabilities: [
      { name: 'coding', type: 'skill', level: 'basic', parameters: { languages: ['Go'] } },
      { name: 'review', type: 'permission', level: 'expert' },
    ],
  });
  const child = (inheritance: object, capabilities: Role['capabilities'] = []) =>
    role('child', { capabilities, inheritance: { parent_roles: ['base'], ...inheritance } });
  const held = (...roles: Role[]) =>
    Object.fromEntries(
      combineCapabilities(
        resolved(
          [base, ...roles],
          roles.map(({ id }) => id),
        ).roles,
      ).map(({ name, level }) => [name, level]),
    );

  it('are inherited, raised and lowered by overrides, and left out', () => {
    expect(held(child({}))).toEqual({ coding: 'basic', review: 'expert' });
    expect(held(child({ overrides: [{ capability: 'coding', level: 'advanced' }] }))).toEqual({
      coding: 'advanced',
      review: 'expert',
    });
    expect(held(child({ overrides: [{ capability: 'review', excluded: true }] }))).toEqual({
      coding: 'basic',
    });
    expect(held(child({ inherited_capabilities: ['coding'] }))).toEqual({ coding: 'basic' });
    expect(held(child({ inherited_capabilities: [] }))).toEqual({});
    expect(held(child({}, [{ name: 'review', type: 'permission', level: 'basic' }]))).toEqual({
      coding: 'basic',
      review: 'basic',
    });
  });

  it('of several roles are those of the highest level', () => {
    expect(held(child({}, [{ name: 'coding', type: 'skill', level: 'expert' }]), base)).toEqual({
      coding: 'expert',
      review: 'expert',
    });
  });

  it('are compared with what work requires', () => {
    const { roles } = resolved([base]);
    expect(
      findMissingCapabilities(roles, [
        { name: 'coding', level: 'basic' },
        { name: 'review', type: 'permission', level: 'advanced' },
        { name: 'review' },
      ]),
    ).toEqual([]);
    expect(
      findMissingCapabilities(roles, [
        { name: 'coding', level: 'advanced' },
        { name: 'review', type: 'skill' },
        { name: 'flying', level: 'basic' },
      ]),
    ).toEqual([
      { name: 'coding', level: 'advanced', held: 'basic' },
      { name: 'review', type: 'skill', held: undefined },
      { name: 'flying', level: 'basic', held: undefined },
    ]);
  });
});

describe('inheritance', () => {
  const parent = role('parent', { permissions: [allow('*', ['*']), deny('trace', ['delete'])] });
  const heir = (overrides: unknown[], parents = ['parent']) =>
    role('heir', { inheritance: { parent_roles: parents, overrides } });
  const allowed = (overrides: unknown[], resource: string, action: string, more: object = {}) =>
    decide(resolved([parent, heir(overrides)], ['heir']), { resource, action, ...more }).allowed;

  it('brings permissions along, and overrides narrow them', () => {
    expect(allowed([], 'plan', 'write')).toBe(true);
    const noPlans = [{ resource: 'plan', actions: ['write'], excluded: true }];
    expect(allowed(noPlans, 'plan', 'write')).toBe(false);
    expect(allowed(noPlans, 'plan', 'read')).toBe(true);
    expect(allowed(noPlans, 'context', 'write')).toBe(true);
    const inTest = [{ resource: '*', conditions: { env: 'test' } }];
    expect(allowed(inTest, 'plan', 'read', { attributes: { env: 'test' } })).toBe(true);
    expect(allowed(inTest, 'plan', 'read', { attributes: { env: 'live' } })).toBe(false);
    expect(allowed(inTest, 'plan', 'read')).toBe(false);
  });

  it('brings every deny along, whatever is overridden', () => {
    for (const overrides of [
      [],
      [{ resource: '*', excluded: true }],
      [{ resource: 'trace', conditions: {} }],
    ])
      expect(allowed(overrides, 'trace', 'delete')).toBe(false);
    const direct = decide(
      resolved(
        [
          parent,
          heir([{ resource: '*', excluded: true }]),
          role('admin', { permissions: [allow('*', ['*'])] }),
        ],
        ['heir', 'admin'],
      ),
      {
        resource: 'trace',
        action: 'delete',
      },
    );
    expect(direct.allowed).toBe(false);
  });

  it('brings nothing when an override cannot be read, or says two things', () => {
    for (const override of [
      7,
      null,
      {},
      { resorce: 'plan', excluded: true },
      { resource: 'plan' },
      { resource: 'plan', excluded: true, conditions: {} },
      { resource: 'plan', capability: 'x', excluded: true },
      { capability: 'x', level: 'highest' },
    ]) {
      expect([override, allowed([override], 'context', 'read')]).toEqual([override, false]);
      expect(findRoleFaults(heir([override]))).toMatchObject([{ pointer: '/inheritance/overrides/0' }]);
    }
  });

  it('can be overridden for one parent alone', () => {
    const other = role('other', { permissions: [allow('plan', ['read'])] });
    const both = heir([{ parent_role_id: 'parent', resource: '*', excluded: true }], ['parent', 'other']);
    const decision = (resource: string) =>
      decide(resolved([parent, other, both], ['heir']), { resource, action: 'read' });
    expect(decision('plan').allowed).toBe(true);
    expect(decision('context').allowed).toBe(false);
  });

  it('names a cycle role by role, and refuses it before it is there', () => {
    const a = role('a', { inheritance: { parent_roles: ['b'] } });
    const b = role('b', { inheritance: { parent_roles: ['c'] } });
    const c = role('c');
    const find = (id: string) => [a, b, c].find((each) => each.id === id);
    const faults = findFaultsOfInheriting(c, 'a', find);
    expect(faults.map(describeInheritanceFault)).toEqual(['roles inherit from each other: a → b → c → a']);
    expect(findFaultsOfInheriting(c, 'c', find).map(describeInheritanceFault)).toEqual([
      'the role c inherits from itself',
    ]);
    expect(findFaultsOfInheriting(c, 'd', find).map(describeInheritanceFault)).toEqual([
      'the role c inherits from d, which is not there',
    ]);
    expect(findFaultsOfInheriting(a, 'c', find)).toEqual([]);
  });

  it('has so many levels and no more', () => {
    const chain = Array.from({ length: MAX_INHERITANCE_DEPTH + 2 }, (_, index) =>
      role(`r${index}`, {
        inheritance: { parent_roles: [`r${index + 1}`].slice(0, index <= MAX_INHERITANCE_DEPTH ? 1 : 0) },
        permissions: [allow('plan', [`action ${index}`])],
      }),
    );
    const find = (id: string) => chain.find((each) => each.id === id);
    expect(findInheritanceFaults(['r1'], find)).toEqual([]);
    expect(findInheritanceFaults(['r0'], find)).toEqual([
      { kind: 'depth', role: 'r0', depth: MAX_INHERITANCE_DEPTH + 1 },
    ]);
    expect(decide(resolved(chain, ['r1']), { resource: 'plan', action: 'action 11' }).allowed).toBe(true);
    expect(decide(resolved(chain, ['r0']), { resource: 'plan', action: 'action 0' })).toMatchObject({
      allowed: false,
      reasons: [{ role_id: null, rule: 'inheritance', effect: 'deny' }],
    });
  });

  it('stays small where ways multiply, and ends where there is too much', () => {
    const width = 3;
    const levelsOf = Array.from({ length: 10 }, (_, level) =>
      Array.from({ length: width }, (_unused, index) =>
        role(`l${level}n${index}`, {
          permissions: [allow('plan', ['read'])],
          inheritance: {
            parent_roles:
              level === 9 ? [] : Array.from({ length: width }, (_each, next) => `l${level + 1}n${next}`),
          },
        }),
      ),
    ).flat();
    const [root] = resolved(levelsOf, ['l0n0']).roles;
    expect(root?.rules.length).toBe(1 + 9 * width);
    const crowd = Array.from({ length: 1_100 }, (_, index) => role(`p${index}`));
    const heirOfAll = role('heir', { inheritance: { parent_roles: crowd.map(({ id }) => id) } });
    expect(resolved([heirOfAll, ...crowd], ['heir'])).toEqual({
      roles: [],
      faults: [{ kind: 'size', role: 'heir' }],
    });
  });
});

describe('a decision', () => {
  it('says which rule of which role said what, those that decided first', () => {
    const base = role('base', { permissions: [allow('plan', ['read'])] });
    const child = role('child', {
      permissions: [allow('plan', ['read'], { conditions: { env: 'test' } })],
      inheritance: { parent_roles: ['base'] },
    });
    expect(
      decide(resolved([base, child], ['child']), {
        resource: 'plan',
        action: 'read',
        attributes: { env: 'live' },
      }),
    ).toEqual({
      allowed: true,
      reasons: [
        {
          role_id: 'base',
          rule: '/permissions/0',
          effect: 'allow',
          applies: true,
          via: ['child', 'base'],
          detail: 'resource, action and conditions match',
        },
        {
          role_id: 'child',
          rule: '/permissions/0',
          effect: 'allow',
          applies: false,
          via: ['child'],
          detail: 'the condition on env does not hold',
        },
      ],
      omitted: 0,
    });
    expect(decide(resolved([base]), { resource: 'context', action: 'read' })).toEqual({
      allowed: false,
      reasons: [
        {
          role_id: null,
          rule: 'default',
          effect: 'deny',
          applies: true,
          via: [],
          detail: 'no rule allows it',
        },
      ],
      omitted: 0,
    });
  });

  it('names a bounded number of reasons, and those that decided among them', () => {
    const many = role('many', {
      permissions: [...Array.from({ length: 500 }, () => allow('plan', ['read'])), deny('plan', ['read'])],
    });
    const { allowed, reasons, omitted } = decide(resolved([many]), { resource: 'plan', action: 'read' });
    expect(allowed).toBe(false);
    expect(reasons).toHaveLength(100);
    expect(reasons[0]).toMatchObject({ effect: 'deny', rule: '/permissions/500' });
    expect(omitted).toBe(401);
  });
});

describe('predefined roles', () => {
  const { ADMIN, DEVELOPER, VIEWER } = predefinedRoles;

  it('are roles as the schema has them, and can be found by their ids', () => {
    for (const each of Object.values(predefinedRoles)) {
      expect(validateRole(each)).toBe(true);
      expect(findRoleFaults(each)).toEqual([]);
      expect(findPredefinedRole(each.id)).toBe(each);
      expect(Object.isFrozen(each.permissions)).toBe(true);
    }
    expect(findPredefinedRole('constructor')).toBeUndefined();
  });

  it('allow what the design document says', () => {
    for (const resource of ['context', 'plan', 'execution', 'trace']) {
      expect(may([ADMIN], resource, 'anything')).toBe(true);
      expect(may([DEVELOPER], resource, 'read')).toBe(true);
      expect(may([VIEWER], resource, 'read')).toBe(true);
      expect(may([VIEWER], resource, 'write')).toBe(false);
      expect(may([DEVELOPER], resource, 'write')).toBe(resource !== 'trace');
      expect(may([DEVELOPER], resource, 'execute')).toBe(resource === 'execution');
    }
    expect(may([DEVELOPER], 'role', 'read')).toBe(false);
  });
});

describe('faults of a role', () => {
  it('are named by place', () => {
    const faulty = role('r', {
      permissions: [
        allow('plan', ['read'], { effect: 'maybe' }),
        allow('plan/', ['read'], { conditions: { env: { like: 1 } } }),
      ],
      constraints: { resource_limits: { max_concurrent_tasks: 'many', 'allowed_a/b': 'x' } },
      inheritance: {
        parent_roles: ['p'],
        overrides: [
          { parent_role_id: 'q', capability: 'x', excluded: true },
          { resource: '*', conditions: { n: { gt: 'x' } } },
        ],
      },
    });
    expect(findRoleFaults(faulty).map(({ pointer }) => pointer)).toEqual([
      '/permissions/0/effect',
      '/permissions/1/resource',
      '/permissions/1/conditions/env',
      '/inheritance/overrides/0/parent_role_id',
      '/inheritance/overrides/1/conditions/n',
      '/constraints/resource_limits/max_concurrent_tasks',
      '/constraints/resource_limits/allowed_a~1b',
    ]);
    const hostile = role('h', { permissions: Array.from({ length: 5_000 }, () => allow('', [])) });
    expect(findRoleFaults(hostile).length).toBe(100);
  });
});
