import { MplpError } from '../../errors/index.js';
import type { ApiKeys } from '../../modules/api-keys/index.js';
import { isUuid, within, type Scope, type Stored } from '../../modules/documents/index.js';
import type { Roles } from '../../modules/roles/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { readIfMatch } from '../etag.js';
import { badRequest, checkEnvelope, checkQuery } from '../protocol-exchange.js';
import {
  changing,
  filtersOf,
  forgetting,
  idOf,
  pageOf,
  replyUnlessKnown,
  replyWithPage,
  replyWithStored,
} from '../state-exchange.js';

const PATH = '/v1.0/api-keys';
const ONE = `${PATH}/{id}`;
const READ = 'api-keys:read';
const WRITE = 'api-keys:write';
const MEMBERS = ['subject', 'name', 'expires_at', 'roles', 'project_id'];
const MAX_ROLES = 100;
const PROJECT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface ApiKeyRoutesOptions {
  readonly apiKeys: ApiKeys;
  readonly roles: Roles;
  readonly store: PostgresStore;
}

/** `/v1.0/api-keys`: keys of the caller's project. */
export function createApiKeyRoutes({ apiKeys, roles, store }: ApiKeyRoutesOptions): Route[] {
  /** A key, with the roles that its subject gets along with it: both or nothing. */
  async function create(request: HttpRequest, scope: Scope, document: unknown): Promise<HttpReply> {
    const body = checkEnvelope(document, MEMBERS, '');
    const projectId = projectOf(request, body['project_id']);
    const roleIds = rolesOf(request, body['roles']);
    const made = await within(store, { ...scope, projectId }, async (inner) => {
      const { subject, name, expires_at: expiresAt } = body;
      const key = await apiKeys.create(inner, { subject, name, expiresAt });
      const { projectId: of } = inner;
      for (const roleId of roleIds) await assignUnlessHeld(inner, of, roleId, subject as string);
      return key;
    });
    const { id } = JSON.parse(made.text) as { id: string };
    const stored: Stored = {
      version: made.version,
      // First, so that nobody overlooks it.
      text: `{"key":${JSON.stringify(made.key)},${made.text.slice(1)}`,
    };
    return replyWithStored(stored, 201, `${PATH}/${id}`);
  }

  async function assignUnlessHeld(
    scope: Scope,
    projectId: string,
    roleId: string,
    subject: string,
  ): Promise<void> {
    try {
      await roles.assignments.create({ ...scope, projectId }, roleId, { subject });
    } catch (error) {
      if (!(error instanceof MplpError) || error.code !== 'MPLP_ERR_MODULES_CONFLICT') throw error;
    }
  }

  return [
    {
      method: 'POST',
      path: PATH,
      permission: WRITE,
      handle(request) {
        checkQuery(request);
        return changing(store, request, (scope, document) => create(request, scope, document), {
          kept: withoutKey,
        });
      },
    },
    {
      method: 'GET',
      path: PATH,
      permission: READ,
      async handle(request) {
        checkQuery(request, ['limit', 'cursor', 'subject']);
        const filters = filtersOf(request, ['subject']);
        const page = await apiKeys.list(request.principal.projectId, { filters, ...pageOf(request) });
        return replyWithPage(
          'api_keys',
          page.documents.map(({ text }) => text),
          page.next,
        );
      },
    },
    {
      method: 'GET',
      path: ONE,
      permission: READ,
      async handle(request) {
        checkQuery(request);
        return replyUnlessKnown(request, await apiKeys.get(request.principal.projectId, idOf(request)));
      },
    },
    {
      method: 'DELETE',
      path: ONE,
      permission: WRITE,
      handle(request) {
        checkQuery(request);
        const remove = async (scope: Scope): Promise<HttpReply> => {
          await apiKeys.remove(scope, idOf(request), readIfMatch(request));
          return { status: 204 };
        };
        return changing(store, request, remove, { onRepeated: forgetting(request, apiKeys) });
      },
    },
  ];
}

/** What is written down for a request that comes again: the secret is in one answer only. */
function withoutKey(reply: HttpReply): HttpReply {
  const { key: _secret, ...rest } = JSON.parse(reply.body as string) as Record<string, unknown>;
  return { ...reply, body: JSON.stringify(rest) };
}

/** The caller's project, or another one for those who may enter all. @throws MplpError …_FORBIDDEN, …_BAD_REQUEST */
function projectOf({ principal }: HttpRequest, value: unknown): string {
  if (value === undefined) return principal.projectId;
  if (typeof value !== 'string' || !PROJECT.test(value))
    throw badRequest(
      '/project_id',
      'pattern',
      'must be 1 to 64 letters, digits, dots, dashes and underscores',
    );
  if (value !== principal.projectId && !principal.may('projects:write'))
    throw new MplpError(
      'MPLP_ERR_SECURITY_FORBIDDEN',
      'Keys of other projects need projects:write, in the project default.',
      { extensions: { permission: { resource: 'project', action: 'write' } } },
    );
  return value;
}

/** @throws MplpError …_FORBIDDEN for those who may not assign; …_BAD_REQUEST */
function rolesOf({ principal }: HttpRequest, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw badRequest('/roles', 'type', 'must be an array of ids of roles');
  if (value.length > MAX_ROLES)
    throw badRequest('/roles', 'maxItems', `must have at most ${MAX_ROLES} items`);
  const ids = value.map((item: unknown, index) => {
    if (typeof item === 'string' && isUuid(item)) return item;
    throw badRequest(`/roles/${index}`, 'pattern', 'must be the lower-case UUID of a role');
  });
  for (const id of ids)
    if (!principal.may('roles:assign', id))
      throw new MplpError('MPLP_ERR_SECURITY_FORBIDDEN', `Giving the role ${id} needs roles:assign.`, {
        extensions: { permission: { resource: 'role', action: 'assign' } },
      });
  return [...new Set(ids)];
}
