import type { FieldError } from '../../../errors/index.js';
import { isJsonObject } from '../../../protocol/index.js';
import { isReadableCondition } from './conditions.js';
import { isReadableLimit } from './constraints.js';
import type { Role } from './model.js';
import { readOverride } from './overrides.js';

const MAX_FAULTS = 100;

/** What is wrong with a role that its schema accepts: parts that could not be judged later, and would count against it. */
export function findRoleFaults(role: Role): FieldError[] {
  const faults: FieldError[] = [];
  const fault = (path: readonly (string | number)[], keyword: string, message: string): void => {
    if (faults.length >= MAX_FAULTS) return;
    const pointer = path.map(
      (token) => `/${String(token).slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    );
    faults.push({ pointer: pointer.join(''), keyword, message });
  };
  role.permissions?.forEach((permission, index) => {
    const at = ['permissions', index];
    const { effect, conditions = {}, resource } = permission;
    if (effect !== undefined && effect !== 'allow' && effect !== 'deny')
      fault([...at, 'effect'], 'effect', 'must be allow or deny');
    if (resource === '' || resource.startsWith('/') || resource.endsWith('/'))
      fault([...at, 'resource'], 'resource', 'must be a type, a type with an id (plan/…), or *');
    checkConditions(conditions, [...at, 'conditions'], fault);
  });
  const overrides: readonly unknown[] = role.inheritance?.overrides ?? [];
  overrides.forEach((value, index) => {
    const at = ['inheritance', 'overrides', index];
    const override = readOverride(value);
    if (override === undefined)
      fault(
        at,
        'override',
        'must name a capability, with level, parameters or excluded, or a resource, with excluded or conditions',
      );
    else if (override.kind === 'permission' && override.conditions !== undefined)
      checkConditions(override.conditions, [...at, 'conditions'], fault);
    const parents = role.inheritance?.parent_roles ?? [];
    if (override?.parentId !== undefined && !parents.includes(override.parentId))
      fault([...at, 'parent_role_id'], 'parent', 'is no parent of the role');
  });
  for (const [group, limits] of Object.entries(role.constraints ?? {})) {
    if (!isJsonObject(limits)) continue;
    for (const [name, limit] of Object.entries(limits))
      if (!isReadableLimit(name, limit))
        fault(
          ['constraints', group, name],
          'limit',
          /^m/.test(name) ? 'must be a number or a duration such as 8h or PT8H' : 'must be a list',
        );
  }
  return faults;
}

function checkConditions(
  conditions: Readonly<Record<string, unknown>>,
  at: readonly (string | number)[],
  fault: (path: readonly (string | number)[], keyword: string, message: string) => void,
): void {
  for (const [attribute, expected] of Object.entries(conditions))
    if (!isReadableCondition(expected))
      fault(
        [...at, attribute],
        'condition',
        'must be a value, a list of values, or operators: eq, ne, in, not_in, gt, gte, lt, lte, exists',
      );
}
