import { MplpError } from '../../errors/index.js';
import type { Sql } from '../../store/postgres/index.js';
import { conflict } from '../documents/index.js';
import {
  describeInheritanceFault,
  findInheritanceFaults,
  findPredefinedRole,
  parentsOf,
  type Role,
} from './rules/index.js';

/** Which role of a project inherits from which; predefined ones have no parents, and are everywhere. */
export interface RoleGraph {
  /** Roles of the project itself. */
  readonly size: number;
  has(id: string): boolean;
  heirsOf(id: string): string[];
  /**
   * Whether all roles can be resolved once this one is as given.
   *
   * @throws MplpError MPLP_ERR_MODULES_NOT_FOUND for a parent, …_CONFLICT for a circle or too many levels
   */
  check(role: Role): void;
}

/** To be read under the lock of roles, so that it stays true. */
export async function readRoleGraph(sql: Sql, projectId: string): Promise<RoleGraph> {
  const rows = await sql<{ id: string; parents: string[] | null }[]>`
    SELECT id, parents FROM roles WHERE project_id = ${projectId}`;
  const parents = new Map(rows.map((row) => [row.id, row.parents ?? []]));
  const heirs = new Map<string, string[]>();
  for (const [id, above] of parents)
    for (const parent of new Set(above)) heirs.set(parent, [...(heirs.get(parent) ?? []), id]);

  const find = (id: string): Role | undefined => {
    const above = parents.get(id);
    return above === undefined
      ? findPredefinedRole(id)
      : { id, name: '', version: '1.0', capabilities: [], inheritance: { parent_roles: above } };
  };

  function descendantsOf(id: string): Set<string> {
    const found = new Set<string>([id]);
    for (const each of found) for (const heir of heirs.get(each) ?? []) found.add(heir);
    return found;
  }

  return {
    size: parents.size,
    has: (id) => parents.has(id) || findPredefinedRole(id) !== undefined,
    heirsOf: (id) => heirs.get(id) ?? [],
    check(role) {
      // What is above a role is above all that inherit from it.
      const [fault] = findInheritanceFaults([...descendantsOf(role.id)], (id) =>
        id === role.id ? role : find(id),
      );
      if (fault === undefined) return;
      const pointer = '/inheritance/parent_roles';
      if (fault.kind !== 'unknown')
        throw conflict(`The role ${role.id} cannot inherit so: ${describeInheritanceFault(fault)}.`, {
          roles: fault.kind === 'cycle' ? fault.roles.slice(0, 100) : [fault.role],
        });
      const message = `there is no role ${fault.role} in this project`;
      const index = parentsOf(role).indexOf(fault.role);
      throw new MplpError('MPLP_ERR_MODULES_NOT_FOUND', `${pointer}: ${message}.`, {
        errors: [{ pointer: index < 0 ? pointer : `${pointer}/${index}`, keyword: 'exists', message }],
      });
    },
  };
}
