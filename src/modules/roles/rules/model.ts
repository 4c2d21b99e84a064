import type { Role } from '../../../protocol/index.js';

export type { Role };
export type Effect = 'allow' | 'deny';
export type Permission = NonNullable<Role['permissions']>[number];
export type Capability = Role['capabilities'][number];
export type Level = Capability['level'];

/** Levels of inheritance above a role. */
export const MAX_INHERITANCE_DEPTH = 10;
/** Roles that one role may inherit from, directly and through others. */
export const MAX_ANCESTORS = 1_000;
/** Permissions of a role with all it inherits, and constraints likewise. */
export const MAX_RULES = 10_000;

/** Where something that a role has comes from. */
export interface Origin {
  /** The role that states it. */
  readonly roleId: string;
  /** JSON pointer into that role. */
  readonly rule: string;
  /** Ids from the role that was asked about to the one that states it; one id when it is its own. */
  readonly via: readonly string[];
}

/** An inherited permission does not apply to these, or only under further conditions. */
export interface Restriction {
  readonly resource: string;
  readonly actions: readonly string[];
  /** Without conditions it never applies. */
  readonly conditions: Conditions | undefined;
}

export type Conditions = Readonly<Record<string, unknown>>;

export interface EffectiveRule extends Origin {
  readonly effect: Effect;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly conditions: Conditions;
  readonly restrictions: readonly Restriction[];
}

export interface EffectiveCapability extends Origin {
  readonly name: string;
  readonly type: Capability['type'];
  readonly level: Level;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface EffectiveConstraint extends Origin {
  /** `time_limits`, `resource_limits`, `operational_limits`, or another member of `constraints`. */
  readonly group: string;
  readonly name: string;
  readonly limit: unknown;
}

/** A role with all it inherits. */
export interface EffectiveRole {
  readonly id: string;
  readonly name: string;
  readonly rules: readonly EffectiveRule[];
  readonly capabilities: readonly EffectiveCapability[];
  readonly constraints: readonly EffectiveConstraint[];
}

/** Compares texts by their code units: the same everywhere, unlike a locale. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
