import type { Scope } from '../../modules/documents/index.js';
import {
  attributesOf,
  decide,
  readClaim,
  readName,
  type Decision,
  type Holdings,
  type Roles,
} from '../../modules/roles/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { readIfMatch } from '../etag.js';
import { badRequest, checkEnvelope, checkQuery } from '../protocol-exchange.js';
import { json } from '../replies.js';
import { readDocument } from '../request-document.js';
import { effectiveText } from '../role-documents.js';
import {
  changing,
  filterOf,
  filtersOf,
  forgetting,
  idOf,
  MAX_STATE_BODY_BYTES,
  pageOf,
  replyUnlessKnown,
  replyWithPage,
  replyWithStored,
} from '../state-exchange.js';

const PATH = '/v1.0/roles';
const ONE = `${PATH}/{id}`;
const ASSIGNMENTS = `${ONE}/assignments`;
const READ = 'roles:read';
const WRITE = 'roles:write';
const ASSIGN = 'roles:assign';
const QUESTION = ['resource', 'action', 'resource_id', 'subject'];

export interface RoleRoutesOptions {
  readonly roles: Roles;
  readonly store: PostgresStore;
}

/** `/v1.0/roles` with inheritance, effective roles, assignments and checks; `/v1.0/assignments`. */
export function createRoleRoutes({ roles, store }: RoleRoutesOptions): Route[] {
  const { assignments } = roles;
  const read = (path: string, handle: (request: HttpRequest) => Promise<HttpReply>): Route => ({
    method: 'GET',
    path,
    permission: READ,
    handle,
  });
  type Changing = (request: HttpRequest, scope: Scope, document: unknown) => Promise<HttpReply>;
  const change = (
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    permission: string,
    handle: Changing,
  ): Route => ({
    method,
    path,
    permission,
    handle(request) {
      checkQuery(request);
      return changing(store, request, (scope, document) => handle(request, scope, document), {
        onRepeated: forgetting(request, roles),
      });
    },
  });
  const assignmentPath = (roleId: string, text: string): string =>
    `${PATH}/${roleId}/assignments/${(JSON.parse(text) as { id: string }).id}`;

  return [
    change('POST', PATH, WRITE, async (_, scope, document) => {
      const stored = await roles.create(scope, document);
      return replyWithStored(stored, 201, `${PATH}/${(JSON.parse(stored.text) as { id: string }).id}`);
    }),
    read(PATH, async (request) => {
      checkQuery(request, ['limit', 'cursor', 'name']);
      const filters = filtersOf(request, ['name']);
      const page = await roles.list(request.principal.projectId, { filters, ...pageOf(request) });
      return replyWithPage(
        'roles',
        page.documents.map(({ text }) => text),
        page.next,
      );
    }),
    {
      method: 'POST',
      path: `${PATH}/check`,
      permission: READ,
      async handle(request) {
        checkQuery(request);
        const claim = readClaim(await readDocument(request, MAX_STATE_BODY_BYTES));
        const { allowed, roleIds, decision, missing } = await roles.checkClaim(
          request.principal.projectId,
          claim,
        );
        return json({
          allowed,
          subject: claim.subject,
          roles: roleIds,
          decision,
          missing_capabilities: missing.map(({ held, ...wanted }) => ({ ...wanted, held: held ?? null })),
        });
      },
    },
    read(ONE, async (request) => {
      checkQuery(request);
      return replyUnlessKnown(request, await roles.get(request.principal.projectId, idOf(request)));
    }),
    change('PUT', ONE, WRITE, async (request, scope, document) =>
      replyWithStored(await roles.replace(scope, idOf(request), document, readIfMatch(request))),
    ),
    change('DELETE', ONE, WRITE, async (request, scope) => {
      await roles.remove(scope, idOf(request), readIfMatch(request));
      return { status: 204 };
    }),
    change('POST', `${ONE}/inherit`, WRITE, async (request, scope, document) => {
      const body = checkEnvelope(document, ['parent_role_id', 'overrides'], '');
      const inheriting = { parentId: body['parent_role_id'], overrides: body['overrides'] };
      return replyWithStored(await roles.inherit(scope, idOf(request), inheriting, readIfMatch(request)));
    }),
    read(`${ONE}/effective`, async (request) => {
      checkQuery(request, QUESTION);
      const { projectId } = request.principal;
      const effective = await roles.getEffective(projectId, idOf(request));
      const decision = decisionOn(request, projectId, effective);
      const end = decision === undefined ? '}' : `,"decision":${JSON.stringify(decision)}}`;
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: effectiveText(idOf(request), effective) + end,
      };
    }),

    change('POST', ASSIGNMENTS, ASSIGN, async (request, scope, document) => {
      const body = checkEnvelope(document, ['subject', 'expires_at'], '');
      const holder = { subject: body['subject'], expiresAt: body['expires_at'] };
      const stored = await assignments.create(scope, idOf(request), holder);
      return replyWithStored(stored, 201, assignmentPath(idOf(request), stored.text));
    }),
    read(ASSIGNMENTS, async (request) => {
      checkQuery(request, ['limit', 'cursor']);
      const { projectId } = request.principal;
      await roles.get(projectId, idOf(request));
      const page = await assignments.list(projectId, {
        filters: { role_id: idOf(request) },
        ...pageOf(request),
      });
      return replyWithPage(
        'assignments',
        page.documents.map(({ text }) => text),
        page.next,
      );
    }),
    read(`${ASSIGNMENTS}/{assignment_id}`, async (request) => {
      checkQuery(request);
      const id = idOf(request, 'assignment_id');
      return replyUnlessKnown(request, await assignments.get(request.principal.projectId, idOf(request), id));
    }),
    change('DELETE', `${ASSIGNMENTS}/{assignment_id}`, ASSIGN, async (request, scope) => {
      await assignments.remove(scope, idOf(request), idOf(request, 'assignment_id'), readIfMatch(request));
      return { status: 204 };
    }),
    read('/v1.0/assignments', async (request) => {
      checkQuery(request, ['limit', 'cursor', 'subject', 'role_id']);
      const filters = filtersOf(request, ['subject', 'role_id']);
      const page = await assignments.list(request.principal.projectId, { filters, ...pageOf(request) });
      return replyWithPage(
        'assignments',
        page.documents.map(({ text }) => text),
        page.next,
      );
    }),
  ];
}

/** `?resource=&action=` with `resource_id` and `subject`: what the role says to that. */
function decisionOn(request: HttpRequest, projectId: string, { resolved }: Holdings): Decision | undefined {
  const given = QUESTION.filter((name) => request.query.has(name));
  if (given.length === 0) return undefined;
  for (const name of ['resource', 'action'])
    if (!given.includes(name)) throw badRequest(`?${name}`, 'required', 'is needed for a question');
  const valueOf = (name: string): string => readName(filterOf(request, name), `?${name}`);
  const subject = given.includes('subject') ? valueOf('subject') : undefined;
  return decide(resolved, {
    resource: valueOf('resource'),
    action: valueOf('action'),
    resourceId: given.includes('resource_id') ? valueOf('resource_id') : undefined,
    attributes: subject === undefined ? {} : attributesOf(projectId, subject),
  });
}
