import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, findInheritanceFaults, type Role } from '#dist/modules/roles/rules/index.js';
import { requests, resolved, roleSets } from './roles.js';

const runs = { numRuns: 1_000 };
const idsOf = (roles: readonly Role[]) => roles.map(({ id }) => id);

describe('a decision', () => {
  const roles = roleSets();

  test('is the same every time, and whatever the order of the roles', () => {
    fc.assert(
      fc.property(roles, requests, fc.nat(), (all, request, seed) => {
        const ids = idsOf(all);
        const turned = [...ids.slice(seed % ids.length), ...ids.slice(0, seed % ids.length)].reverse();
        const decision = decide(resolved(all), request);
        expect(decide(resolved(all), request)).toEqual(decision);
        expect(decide(resolved(all, [...turned, ...ids]), request)).toEqual(decision);
        expect(decide(resolved([...all].reverse(), turned), request)).toEqual(decision);
      }),
      runs,
    );
  });

  test('is a no wherever a deny applies, and never a yes without a reason', () => {
    fc.assert(
      fc.property(roles, requests, (all, request) => {
        const { allowed, reasons } = decide(resolved(all), request);
        const applying = reasons.filter(({ applies }) => applies);
        expect(applying.length).toBeGreaterThan(0);
        expect(allowed).toBe(applying.every(({ effect }) => effect === 'allow'));
      }),
      runs,
    );
  });

  test('becomes a no when a deny for it is added anywhere, also to an ancestor', () => {
    fc.assert(
      fc.property(roles, requests, fc.nat(7), (all, request, at) => {
        const index = at % all.length;
        const denying = all.map((each, position) =>
          position === index
            ? {
                ...each,
                permissions: [
                  ...(each.permissions ?? []),
                  { resource: request.resource, actions: [request.action], effect: 'deny' },
                ],
              }
            : each,
        );
        for (const id of idsOf(all)) {
          const decision = decide(resolved(denying, [id]), request);
          const reaches = resolved(denying, [id]).roles[0]?.rules.some(
            ({ roleId, effect }) => roleId === all[index]?.id && effect === 'deny',
          );
          if (reaches === true) expect(decision.allowed).toBe(false);
          else expect(decision).toEqual(decide(resolved(all, [id]), request));
        }
      }),
      runs,
    );
  });

  test('does not become a yes by one role less, unless that role had a deny', () => {
    fc.assert(
      fc.property(roles, requests, fc.nat(7), (all, request, at) => {
        const removed = idsOf(all)[at % all.length];
        const before = decide(resolved(all), request);
        const after = decide(
          resolved(
            all,
            idsOf(all).filter((id) => id !== removed),
          ),
          request,
        );
        if (after.allowed && !before.allowed) {
          const denies = before.reasons.filter(({ effect, applies }) => effect === 'deny' && applies);
          expect(denies.length).toBeGreaterThan(0);
          expect(denies.every(({ via }) => via[0] === removed)).toBe(true);
        }
      }),
      runs,
    );
  });

  test('is what a plain reading of the rules gives', () => {
    fc.assert(
      fc.property(roles, requests, (all, request) => {
        const named = (patterns: readonly string[]) =>
          patterns.some((pattern) => pattern === '*' || pattern.split('|').includes(request.action));
        const target = (pattern: string) =>
          [request.resource, '*'].some((type) =>
            [
              type,
              `${type}/*`,
              ...(request.resourceId === undefined ? [] : [`${type}/${request.resourceId}`]),
            ].includes(pattern),
          );
        // One role without inheritance: what remains is matching.
        const plain = all.map(({ inheritance: _inheritance, constraints: _constraints, ...rest }) => ({
          ...rest,
          permissions: (rest.permissions ?? []).map(
            ({ conditions: _conditions, ...permission }) => permission,
          ),
        }));
        const matching = plain.flatMap(({ permissions }) =>
          permissions.filter(({ resource, actions }) => target(resource) && named(actions)),
        );
        const expected =
          matching.some((permission) => permission['effect'] === 'allow') &&
          !matching.some((permission) => permission['effect'] === 'deny');
        expect(decide(resolved(plain as Role[]), request).allowed).toBe(expected);
      }),
      runs,
    );
  });
});

describe('cycles', () => {
  test('are found if and only if a role reaches itself, and named role by role', () => {
    fc.assert(
      fc.property(roleSets(true), requests, (all, request) => {
        const parents = new Map(all.map((each) => [each.id, each.inheritance?.parent_roles ?? []]));
        const reachesItself = (start: string) => {
          const seen = new Set<string>();
          const open = [...(parents.get(start) ?? [])];
          for (const id of open) {
            if (id === start) return true;
            if (!seen.has(id)) open.push(...(parents.get(id) ?? []));
            seen.add(id);
          }
          return false;
        };
        const byId = new Map(all.map((each) => [each.id, each]));
        const cycles = findInheritanceFaults(idsOf(all), (id) => byId.get(id)).filter(
          ({ kind }) => kind === 'cycle',
        );
        expect(cycles.length > 0).toBe(idsOf(all).some(reachesItself));
        for (const fault of cycles) {
          const names = fault.kind === 'cycle' ? fault.roles : [];
          names.forEach((id, index) => expect(parents.get(id)).toContain(names[(index + 1) % names.length]));
          expect(new Set(names).size).toBe(names.length);
        }
        // Nothing is allowed by roles of which it is not known what they forbid.
        if (cycles.length > 0) expect(decide(resolved(all), request).allowed).toBe(false);
      }),
      runs,
    );
  });
});
