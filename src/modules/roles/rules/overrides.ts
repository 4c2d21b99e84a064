import { isJsonObject } from '../../../protocol/index.js';
import { levels } from './capabilities.js';
import type { Capability, EffectiveCapability, Level, Restriction, Role } from './model.js';

/** Changes an inherited capability. */
export interface CapabilityOverride {
  readonly kind: 'capability';
  readonly parentId: string | undefined;
  readonly name: string;
  readonly type: Capability['type'] | undefined;
  readonly level: Level | undefined;
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
  readonly isExcluded: boolean;
}

/** Narrows inherited permissions. */
export interface PermissionOverride extends Restriction {
  readonly kind: 'permission';
  readonly parentId: string | undefined;
}

export type Override = CapabilityOverride | PermissionOverride;

const capabilityTypes: readonly unknown[] = ['skill', 'permission', 'resource'];

/**
 * Reads one of `inheritance.overrides`:
 * - `{"capability": "review", "level": "expert"}`, also with `type`, `parameters`, or `"excluded": true`;
 * - `{"resource": "plan", "actions": ["write"], "excluded": true}`, or with further `conditions` in its place.
 *
 * With `parent_role_id` it holds for what comes from that parent only. `undefined` when it cannot be read.
 */
export function readOverride(value: unknown): Override | undefined {
  if (!isJsonObject(value)) return undefined;
  const { capability, resource, parent_role_id: parentId, excluded } = value;
  if (parentId !== undefined && typeof parentId !== 'string') return undefined;
  if (excluded !== undefined && typeof excluded !== 'boolean') return undefined;
  if (typeof capability === 'string' && resource === undefined) {
    const { level, type, parameters } = value;
    if (level !== undefined && !levels.includes(level as Level)) return undefined;
    if (type !== undefined && !capabilityTypes.includes(type)) return undefined;
    if (parameters !== undefined && !isJsonObject(parameters)) return undefined;
    return {
      kind: 'capability',
      parentId,
      name: capability,
      type: type as Capability['type'] | undefined,
      level: level as Level | undefined,
      parameters,
      isExcluded: excluded === true,
    };
  }
  if (typeof resource === 'string' && capability === undefined) {
    const { actions = ['*'], conditions } = value;
    if (!Array.isArray(actions) || actions.some((action) => typeof action !== 'string')) return undefined;
    // It must say what it does, and one thing only.
    if ((excluded === true) === (conditions !== undefined)) return undefined;
    if (conditions !== undefined && !isJsonObject(conditions)) return undefined;
    return { kind: 'permission', parentId, resource, actions: actions as string[], conditions };
  }
  return undefined;
}

/** What a role does to all it inherits from one parent. */
export interface Inheriting {
  readonly restrictions: readonly Restriction[];
  /** `undefined` when it is not inherited. */
  capability(inherited: EffectiveCapability): EffectiveCapability | undefined;
}

const NOTHING: Inheriting = {
  restrictions: [{ resource: '*', actions: ['*'], conditions: undefined }],
  capability: () => undefined,
};

export function inheritingFrom(role: Role, parentId: string): Inheriting {
  const values: readonly unknown[] = role.inheritance?.overrides ?? [];
  const overrides = values.map(readOverride);
  // What was meant to be left out must not come along because it was misspelt.
  if (overrides.includes(undefined)) return NOTHING;
  const mine = (overrides as Override[]).filter((each) => (each.parentId ?? parentId) === parentId);
  const capabilities = mine.filter((each) => each.kind === 'capability');
  const names = inheritedNames(role);
  return {
    restrictions: mine
      .filter((each) => each.kind === 'permission')
      .map(({ resource, actions, conditions }) => ({ resource, actions, conditions })),
    capability(inherited) {
      if (names !== undefined && !names.has(inherited.name)) return undefined;
      let changed: EffectiveCapability | undefined = inherited;
      for (const { name, type, level, parameters, isExcluded } of capabilities) {
        if (name !== inherited.name || (type ?? inherited.type) !== inherited.type) continue;
        if (isExcluded) return undefined;
        changed = {
          ...changed,
          level: level ?? changed.level,
          parameters: parameters ?? changed.parameters,
        };
      }
      return changed;
    },
  };
}

/** `inherited_capabilities`, when given, names all that are inherited: by name, or as objects with one. */
function inheritedNames(role: Role): ReadonlySet<unknown> | undefined {
  const given: readonly unknown[] | undefined = role.inheritance?.inherited_capabilities;
  return given && new Set(given.map((item) => (isJsonObject(item) ? item['name'] : item)));
}
