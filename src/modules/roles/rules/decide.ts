import { judgeConditions, type Attributes, type Truth } from './conditions.js';
import { keepsConstraint, type Usage } from './constraints.js';
import { describeInheritanceFault } from './inheritance.js';
import { matchesAction, matchesResource, matchesType, type Target } from './matching.js';
import { compareTexts, type Effect, type EffectiveRole, type EffectiveRule } from './model.js';
import type { ResolvedRoles } from './resolve.js';

export interface AccessRequest extends Target {
  /** What conditions compare: of the subject, the resource, the surroundings, under the names that roles use. */
  readonly attributes?: Attributes | undefined;
  /** What constraints compare. Those of which it says nothing are not judged. */
  readonly usage?: Usage | undefined;
}

/** What one rule said to a request. */
export interface Reason {
  /** The role that states the rule; null when no role does. */
  readonly role_id: string | null;
  /** JSON pointer into the role; `default` or `inheritance` when no role states it. */
  readonly rule: string;
  readonly effect: Effect;
  /** Whether it counted. */
  readonly applies: boolean;
  /** Ids from the role that was given to the one that states the rule. */
  readonly via: readonly string[];
  readonly detail: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Every rule for this resource and action: those that decided first. */
  readonly reasons: readonly Reason[];
  /** Reasons beyond the first hundred. */
  readonly omitted: number;
}

const MAX_REASONS = 100;
const MAX_NAME_LENGTH = 80;

/** Deny by default; a deny beats every allow. The order of roles plays no part. */
export function decide({ roles, faults }: ResolvedRoles, request: AccessRequest): Decision {
  const reasons = [
    ...faults.map((fault) => noRole('inheritance', describeInheritanceFault(fault))),
    ...roles.flatMap((role) => judgeRole(role, request)),
  ];
  const counts = (effect: Effect): boolean =>
    reasons.some((reason) => reason.applies && reason.effect === effect);
  const allowed = !counts('deny') && counts('allow');
  if (!allowed && !counts('deny')) reasons.push(noRole('default', 'no rule allows it'));
  reasons.sort(compareReasons);
  return {
    allowed,
    reasons: reasons.slice(0, MAX_REASONS),
    omitted: Math.max(0, reasons.length - MAX_REASONS),
  };
}

/**
 * Whether a single resource of the type is denied. A request that names none (a list, a query, a stream) would show or touch
 * it too, so whoever lets such a request through asks this as well.
 */
export function deniesSome({ roles }: ResolvedRoles, request: AccessRequest): boolean {
  return roles.some(({ rules }) =>
    rules.some(
      (rule) =>
        rule.effect === 'deny' &&
        matchesType(rule.resource, request) &&
        matchesAction(rule.actions, request) &&
        judgeDeny(rule, request)[0],
    ),
  );
}

function noRole(rule: string, detail: string): Reason {
  return { role_id: null, rule, effect: 'deny', applies: true, via: [], detail };
}

function judgeRole(role: EffectiveRole, request: AccessRequest): Reason[] {
  return role.rules
    .filter((rule) => matchesResource(rule.resource, request) && matchesAction(rule.actions, request))
    .map((rule) => {
      const [applies, detail] =
        rule.effect === 'deny' ? judgeDeny(rule, request) : judgeAllow(role, rule, request);
      return { role_id: rule.roleId, rule: rule.rule, effect: rule.effect, applies, via: rule.via, detail };
    });
}

type Verdict = readonly [applies: boolean, detail: string];

function judgeDeny({ conditions }: EffectiveRule, { attributes = {} }: AccessRequest): Verdict {
  const { truth, attribute } = judgeConditions(conditions, attributes);
  return [truth !== 'false', describe(truth, attribute)];
}

function judgeAllow(role: EffectiveRole, rule: EffectiveRule, request: AccessRequest): Verdict {
  const { attributes = {}, usage = {} } = request;
  const { truth, attribute } = judgeConditions(rule.conditions, attributes);
  if (truth !== 'true') return [false, describe(truth, attribute)];
  for (const restriction of rule.restrictions) {
    if (!matchesResource(restriction.resource, request) || !matchesAction(restriction.actions, request))
      continue;
    if (restriction.conditions === undefined) return [false, 'it is left out where the role is inherited'];
    const finding = judgeConditions(restriction.conditions, attributes);
    if (finding.truth !== 'true')
      return [false, `${describe(finding.truth, finding.attribute)} (inheriting)`];
  }
  for (const constraint of role.constraints)
    if (keepsConstraint(constraint, usage) === false)
      return [
        false,
        `beyond ${cut(`${constraint.group}.${constraint.name}`)} of the role ${constraint.roleId}`,
      ];
  return [true, 'resource, action and conditions match'];
}

function describe(truth: Truth, attribute = ''): string {
  if (truth === 'true') return 'resource, action and conditions match';
  return truth === 'false'
    ? `the condition on ${cut(attribute)} does not hold`
    : `the condition on ${cut(attribute)} cannot be judged`;
}

function cut(name: string): string {
  return name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
}

/** What decided first: denies, then allows, then what did not count. */
function compareReasons(a: Reason, b: Reason): number {
  const rank = ({ applies, effect }: Reason): number => (applies ? 0 : 2) + (effect === 'deny' ? 0 : 1);
  return (
    rank(a) - rank(b) ||
    compareTexts(a.via.join(), b.via.join()) ||
    compareTexts(a.rule, b.rule) ||
    compareTexts(a.detail, b.detail)
  );
}
