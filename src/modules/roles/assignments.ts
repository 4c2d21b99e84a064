import { randomUUID } from 'node:crypto';
import { MplpError } from '../../errors/index.js';
import type { Sql } from '../../store/postgres/index.js';
import {
  checkExpiry,
  checkFuture,
  checkSubject,
  conflict,
  createDocuments,
  notFound,
  within,
  type DocumentsOptions,
  type ListQuery,
  type Page,
  type Scope,
  type Stored,
} from '../documents/index.js';
import { readRoleGraph } from './role-graph.js';
import { underRoleLock } from './role-lock.js';

const TABLE = 'role_assignments';
/** Every request of a subject is judged by all of its roles. */
const MAX_ROLES_OF_SUBJECT = 100;

/** Who has which role: `{id, role_id, subject, expires_at?, metadata}`. Never changed, only made and removed. */
export interface Assignments {
  /**
   * @throws MplpError MPLP_ERR_MODULES_INVALID; …_NOT_FOUND for the role; …_CONFLICT when the subject has it; …_LIMIT
   */
  create(
    scope: Scope,
    roleId: string,
    holder: { readonly subject: unknown; readonly expiresAt?: unknown },
  ): Promise<Stored>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, also for the assignment of another role */
  get(projectId: string, roleId: string, id: string): Promise<Stored>;
  /** By `role_id`, `subject`, or both; those that have ended too. */
  list(projectId: string, query: ListQuery): Promise<Page>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, MPLP_ERR_HTTP_PRECONDITION_FAILED */
  remove(scope: Scope, roleId: string, id: string, ifVersion?: number): Promise<void>;
}

export interface AssignmentsOptions extends Omit<DocumentsOptions, 'kind' | 'table' | 'onChanged'> {
  /** Called after each change that this engine made of what a subject has. */
  readonly onSubjectChanged: (projectId: string, subject: string) => void;
}

export function createAssignments(options: AssignmentsOptions): Assignments {
  const { store, onSubjectChanged } = options;
  const documents = createDocuments({
    ...options,
    kind: 'assignment',
    table: TABLE,
    onChanged: () => undefined,
  });
  const tell = (scope: Scope, subject: string): void =>
    scope.onCommit(() => onSubjectChanged(scope.projectId, subject));

  async function get(projectId: string, roleId: string, id: string): Promise<Stored> {
    const stored = await documents.get(projectId, id);
    const { role_id: of } = JSON.parse(stored.text) as { role_id: string };
    if (of !== roleId) throw notFound('assignment', id);
    return stored;
  }

  return {
    get,
    list: (projectId, query) => documents.list(projectId, query),
    async create(scope, roleId, holder) {
      const subject = checkSubject(holder.subject);
      const expiresAt = checkExpiry(holder.expiresAt);
      return underRoleLock(store, scope, async (inner, sql) => {
        await checkFuture(sql, expiresAt);
        if (!(await readRoleGraph(sql, inner.projectId)).has(roleId)) throw notFound('role', roleId);
        const former = await sql<{ id: string; role_id: string; has_ended: boolean }[]>`
          SELECT id, role_id, coalesce((document ->> 'expires_at')::timestamptz <= now(), false) AS has_ended
          FROM role_assignments WHERE project_id = ${inner.projectId} AND subject = ${subject}`;
        const same = former.find((row) => row.role_id === roleId);
        if (same?.has_ended === false)
          throw conflict(`${subject} has the role ${roleId} already, by the assignment ${same.id}.`, {
            assignment_id: same.id,
          });
        if (same === undefined && former.length >= MAX_ROLES_OF_SUBJECT)
          throw new MplpError(
            'MPLP_ERR_MODULES_LIMIT',
            `${subject} has ${MAX_ROLES_OF_SUBJECT} roles, as many as one may have.`,
          );
        const data = { role_id: roleId, subject };
        if (same !== undefined) await documents.remove(inner, same.id, undefined, data);
        const end = expiresAt === undefined ? {} : { expires_at: expiresAt };
        const document = { id: randomUUID(), ...data, ...end, metadata: {} };
        const stored = await documents.create(inner, document, data);
        tell(inner, subject);
        return stored;
      });
    },
    async remove(scope, roleId, id, ifVersion) {
      const { text } = await get(scope.projectId, roleId, id);
      const { subject } = JSON.parse(text) as { subject: string };
      await within(store, scope, async (inner) => {
        await documents.remove(inner, id, ifVersion, { role_id: roleId, subject });
        tell(inner, subject);
      });
    },
  };
}

/** Who has a role now, up to a bound. To be asked under the lock of roles. */
export async function findSubjects(
  sql: Sql,
  projectId: string,
  roleId: string,
  limit: number,
): Promise<string[]> {
  const rows = await sql<{ subject: string }[]>`
    SELECT subject FROM role_assignments WHERE project_id = ${projectId} AND role_id = ${roleId}
      AND coalesce((document ->> 'expires_at')::timestamptz > now(), true)
    ORDER BY created_at, id LIMIT ${limit}`;
  return rows.map(({ subject }) => subject);
}
