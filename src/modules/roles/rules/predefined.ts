import type { Role } from './model.js';

type PredefinedName = 'ADMIN' | 'DEVELOPER' | 'VIEWER';

const permission = (resource: string, ...actions: string[]) => ({ resource, actions });
const role = (id: string, name: string, permissions: NonNullable<Role['permissions']>): Role =>
  deepFrozen({ id, name, version: '1.0', capabilities: [], permissions });

/** Roles that every project has, as the design document names them. Their ids are the same everywhere. */
export const predefinedRoles: Readonly<Record<PredefinedName, Role>> = Object.freeze({
  ADMIN: role('00000000-0000-4000-8000-000000000001', 'Administrator', [permission('*', '*')]),
  DEVELOPER: role('00000000-0000-4000-8000-000000000002', 'Developer', [
    permission('context', 'read', 'write'),
    permission('plan', 'read', 'write'),
    permission('execution', 'read', 'write', 'execute'),
    permission('trace', 'read'),
  ]),
  VIEWER: role('00000000-0000-4000-8000-000000000003', 'Viewer', [
    permission('context', 'read'),
    permission('plan', 'read'),
    permission('execution', 'read'),
    permission('trace', 'read'),
  ]),
});

const byId: ReadonlyMap<string, Role> = new Map(
  Object.values(predefinedRoles).map((each) => [each.id, each]),
);

export function findPredefinedRole(id: string): Role | undefined {
  return byId.get(id);
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFrozen);
  return value;
}
