import { MplpError } from '../../errors/index.js';
import { isJsonObject, type JsonObject } from '../../protocol/index.js';
import {
  checkAgain,
  checkDocument,
  conflict,
  createDocuments,
  idTaken,
  invalid,
  invalidWith,
  isUuid,
  notFound,
  tooLarge,
  type DocumentsOptions,
  type ListQuery,
  type Page,
  type Scope,
  type Stored,
} from '../documents/index.js';
import { createAssignments, findSubjects, type Assignments, type AssignmentsOptions } from './assignments.js';
import { answerClaim, type Claim, type ClaimAnswer } from './claims.js';
import { readHoldings, readRole, type Holdings } from './holdings.js';
import { storedPredefined, withPredefined } from './predefined-list.js';
import { readRoleGraph, type RoleGraph } from './role-graph.js';
import { underRoleLock } from './role-lock.js';
import { findPredefinedRole, findRoleFaults, parentsOf, type Role } from './rules/index.js';

const TYPE = 'role';
const DEFAULTS: JsonObject = { version: '1.0', capabilities: [] };
/** Roles are read whole to decide anything. */
const MAX_ROLE_BYTES = 64 * 1024;
const MAX_ROLES = 1_000;
const MAX_PARENTS = 32;
/** Of what holds a role, so many are named. */
const MAX_NAMED = 10;

export interface Inheriting {
  readonly parentId: unknown;
  /** They hold for what comes from this parent, and replace earlier ones for it. */
  readonly overrides?: unknown;
}

/**
 * Roles: what agents and people can and may do. Documents are those of `schemas/role.json`. ADMIN, DEVELOPER and VIEWER are in
 * every project and cannot be changed.
 */
export interface Roles {
  /** @throws MplpError MPLP_ERR_MODULES_INVALID, …_ID_TAKEN, …_LIMIT; …_NOT_FOUND for a parent, …_CONFLICT for a circle */
  create(scope: Scope, document: unknown): Promise<Stored>;
  /** @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, as all below */
  get(projectId: string, id: string): Promise<Stored>;
  /** Newest first, the predefined ones last. Filtered by `name`. */
  list(projectId: string, query: ListQuery): Promise<Page>;
  /** @throws MplpError as `create`, and …_READ_ONLY, MPLP_ERR_HTTP_PRECONDITION_FAILED */
  replace(scope: Scope, id: string, document: unknown, ifVersion?: number): Promise<Stored>;
  /** One more parent. @throws MplpError as `replace` */
  inherit(scope: Scope, id: string, inheriting: Inheriting, ifVersion?: number): Promise<Stored>;
  /** @throws MplpError …_READ_ONLY; …_CONFLICT while roles inherit from it or somebody has it, which names them */
  remove(scope: Scope, id: string, ifVersion?: number): Promise<void>;
  /** Another engine may have changed it, or who has it: see `Documents`. */
  forget(projectId: string, id: string): void;
  /** The role with all it inherits. @throws MplpError …_NOT_FOUND */
  getEffective(projectId: string, id: string): Promise<Holdings>;
  /** All roles of a subject, read from Postgres. */
  getHoldings(projectId: string, subject: string): Promise<Holdings>;
  /** Whether a subject may do something, has what it takes, and stays within its constraints. */
  checkClaim(projectId: string, claim: Claim): Promise<ClaimAnswer>;
  readonly assignments: Assignments;
}

export type RolesOptions = Omit<DocumentsOptions, 'kind' | 'table'> &
  Pick<AssignmentsOptions, 'onSubjectChanged'>;

export function createRoles(options: RolesOptions): Roles {
  const { store } = options;
  const documents = createDocuments({ ...options, kind: TYPE, table: 'roles' });
  const underLock = <T>(
    scope: Scope,
    work: (inner: Scope, graph: RoleGraph, findHolders: (id: string) => Promise<string[]>) => Promise<T>,
  ): Promise<T> =>
    underRoleLock(store, scope, async (inner, sql) =>
      work(inner, await readRoleGraph(sql, inner.projectId), (id) =>
        findSubjects(sql, inner.projectId, id, MAX_NAMED),
      ),
    );

  return {
    assignments: createAssignments(options),
    forget(projectId, id) {
      documents.forget(projectId, id);
      options.onChanged({ projectId, id, version: Infinity });
    },
    async create(scope, value) {
      const role = checkRole(value);
      if (findPredefinedRole(role.id) !== undefined) throw idTaken(TYPE, role.id);
      return underLock(scope, async (inner, graph) => {
        if (graph.size >= MAX_ROLES)
          throw new MplpError('MPLP_ERR_MODULES_LIMIT', `A project may have ${MAX_ROLES} roles.`);
        graph.check(role);
        return documents.create(inner, role as JsonObject);
      });
    },
    async get(projectId, id) {
      const predefined = findPredefinedRole(id);
      return predefined === undefined ? documents.get(projectId, id) : storedPredefined(predefined);
    },
    async list(projectId, query) {
      const { name } = query.filters;
      return withPredefined(
        await documents.list(projectId, query),
        query.limit,
        query.cursor,
        (role) => name === undefined || role.name === name,
      );
    },
    async replace(scope, id, value, ifVersion) {
      refusePredefined(id);
      const role = checkRole(value, id);
      return underLock(scope, async (inner, graph) => {
        if (!graph.has(id)) throw notFound(TYPE, id);
        graph.check(role);
        return documents.change(inner, id, ifVersion, () => ({
          event: 'role.updated',
          document: role as JsonObject,
        }));
      });
    },
    async inherit(scope, id, inheriting, ifVersion) {
      refusePredefined(id);
      const { parentId } = inheriting;
      if (parentId === undefined) throw invalid('/parent_role_id', 'required', 'is required');
      if (typeof parentId !== 'string' || !isUuid(parentId))
        throw invalid('/parent_role_id', 'pattern', 'must be the lower-case UUID of a role');
      const overrides = readOverrides(inheriting.overrides, parentId);
      return underLock(scope, async (inner, graph) => {
        if (!graph.has(id)) throw notFound(TYPE, id);
        if (!graph.has(parentId)) throw notFound(TYPE, parentId);
        return documents.change(inner, id, ifVersion, (current) => {
          const role = current as unknown as Role;
          const next = inheritingFrom(role, parentId, overrides);
          if (next === undefined) return undefined;
          checkAgain(next as JsonObject, TYPE);
          judgeRole(next);
          graph.check(next);
          return {
            event: 'role.inherited',
            document: next as JsonObject,
            data: { parent_role_id: parentId },
          };
        });
      });
    },
    async remove(scope, id, ifVersion) {
      refusePredefined(id);
      await underLock(scope, async (inner, graph, findHolders) => {
        if (!graph.has(id)) throw notFound(TYPE, id);
        const [heirs, subjects] = [graph.heirsOf(id).slice(0, MAX_NAMED), await findHolders(id)];
        if (heirs.length > 0 || subjects.length > 0)
          throw conflict(`The role ${id} is in use: ${describeHolders(heirs, subjects)}.`, {
            roles: heirs,
            subjects,
          });
        await documents.remove(inner, id, ifVersion);
      });
    },
    async getEffective(projectId, id) {
      const effective = await readRole(store, projectId, id);
      const isMissing = effective.resolved.faults.some(
        (fault) => fault.kind === 'unknown' && fault.role === id,
      );
      if (isMissing) throw notFound(TYPE, id);
      return effective;
    },
    getHoldings: (projectId, subject) => readHoldings(store, projectId, subject),
    async checkClaim(projectId, claim) {
      return answerClaim(projectId, claim, await readHoldings(store, projectId, claim.subject));
    },
  };
}

/** A role as it may be stored. @throws MplpError MPLP_ERR_MODULES_INVALID, …_LIMIT */
function checkRole(value: unknown, id?: string): Role {
  const document = checkDocument(value, {
    type: TYPE,
    defaults: DEFAULTS,
    ...(id === undefined ? {} : { id }),
  });
  const role = document as unknown as Role;
  judgeRole(role);
  return role;
}

/** What its schema does not judge. */
function judgeRole(role: Role): void {
  if (Buffer.byteLength(JSON.stringify(role)) > MAX_ROLE_BYTES) throw tooLarge('', MAX_ROLE_BYTES);
  if (parentsOf(role).length > MAX_PARENTS)
    throw invalid('/inheritance/parent_roles', 'maxItems', `must have at most ${MAX_PARENTS} items`);
  const faults = findRoleFaults(role);
  if (faults.length > 0) throw invalidWith(faults);
}

function refusePredefined(id: string): void {
  const role = findPredefinedRole(id);
  if (role !== undefined)
    throw new MplpError(
      'MPLP_ERR_MODULES_READ_ONLY',
      `The role ${id} (${role.name}) is predefined: it cannot be changed or deleted. Make one that inherits from it.`,
    );
}

function readOverrides(value: unknown, parentId: string): readonly JsonObject[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalid('/overrides', 'type', 'must be an array');
  return value.map((item: unknown, index) => {
    if (!isJsonObject(item)) throw invalid(`/overrides/${index}`, 'type', 'must be an object');
    const { parent_role_id: of = parentId } = item;
    if (of !== parentId)
      throw invalid(`/overrides/${index}/parent_role_id`, 'const', `must be ${parentId} or left out`);
    return { ...item, parent_role_id: parentId };
  });
}

/** `undefined` when nothing changes. */
function inheritingFrom(
  role: Role,
  parentId: string,
  overrides: readonly JsonObject[] | undefined,
): Role | undefined {
  const parents = parentsOf(role);
  if (parents.includes(parentId) && overrides === undefined) return undefined;
  const others = (role.inheritance?.overrides ?? []).filter(
    (item) => !isJsonObject(item) || item['parent_role_id'] !== parentId,
  );
  return {
    ...role,
    inheritance: {
      ...role.inheritance,
      parent_roles: [...new Set([...parents, parentId])],
      ...(overrides === undefined ? {} : { overrides: [...others, ...overrides] }),
    },
  };
}

function describeHolders(heirs: readonly string[], subjects: readonly string[]): string {
  const parts: string[] = [];
  if (heirs.length > 0) parts.push(`it is inherited by ${nameSome(heirs)}`);
  if (subjects.length > 0) parts.push(`it is assigned to ${nameSome(subjects)}`);
  return parts.join(', and ');
}

function nameSome(names: readonly string[]): string {
  return names.length < MAX_NAMED ? names.join(', ') : `${names.join(', ')} and maybe others`;
}
