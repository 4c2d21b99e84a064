import { checkReason, type Contexts, type Snapshot, type Variable } from '../../modules/contexts/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import type { HttpReply, HttpRequest, Route } from '../contract.js';
import { etagOfVersion, readIfMatch } from '../etag.js';
import { badRequest, checkEnvelope, checkQuery } from '../protocol-exchange.js';
import { json } from '../replies.js';
import {
  changing,
  filtersOf,
  forgetting,
  idOf,
  uuidOf,
  pageOf,
  replyUnlessKnown,
  replyWithPage,
  replyWithStored,
} from '../state-exchange.js';

const PATH = '/v1.0/contexts';
const ONE = `${PATH}/{id}`;
const READ = 'contexts:read';
const WRITE = 'contexts:write';
/** Query parameters of the list, and the columns they compare. */
const FILTERS = ['status', 'lifecycle_stage', 'session_id', 'environment'];

export interface ContextRoutesOptions {
  readonly contexts: Contexts;
  readonly store: PostgresStore;
}

/** `/v1.0/contexts`: documents, status, variables, snapshots. */
export function createContextRoutes({ contexts, store }: ContextRoutesOptions): Route[] {
  const read = (path: string, handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    permission: READ,
    handle,
  });
  type Changing = (
    request: HttpRequest,
    scope: Parameters<Contexts['create']>[0],
    document: unknown,
  ) => Promise<HttpReply>;
  const write = (method: 'POST' | 'PUT' | 'DELETE', path: string, handle: Changing): Route => ({
    method,
    path,
    permission: WRITE,
    handle(request) {
      checkQuery(request);
      return changing(store, request, (scope, document) => handle(request, scope, document), {
        onRepeated: forgetting(request, contexts),
      });
    },
  });

  return [
    write('POST', PATH, async (_, scope, document) => {
      const stored = await contexts.create(scope, document);
      const { id } = JSON.parse(stored.text) as { id: string };
      return replyWithStored(stored, 201, `${PATH}/${id}`);
    }),
    read(PATH, async (request) => {
      checkQuery(request, ['limit', 'cursor', ...FILTERS]);
      const filters = filtersOf(request, FILTERS);
      const page = await contexts.list(request.principal.projectId, { filters, ...pageOf(request) });
      return replyWithPage(
        'contexts',
        page.documents.map(({ text }) => text),
        page.next,
      );
    }),
    read(ONE, (request) => {
      checkQuery(request);
      const found = contexts.get(request.principal.projectId, idOf(request));
      return found instanceof Promise
        ? found.then((stored) => replyUnlessKnown(request, stored))
        : replyUnlessKnown(request, found);
    }),
    write('PUT', ONE, async (request, scope, document) =>
      replyWithStored(await contexts.replace(scope, idOf(request), document, readIfMatch(request))),
    ),
    write('DELETE', ONE, async (request, scope) => {
      await contexts.remove(scope, idOf(request), readIfMatch(request));
      return { status: 204 };
    }),
    write('PUT', `${ONE}/status`, async (request, scope, document) => {
      const body = checkEnvelope(document, ['status', 'lifecycle_stage', 'reason'], '');
      const { status, lifecycle_stage: lifecycleStage } = body;
      if (status === undefined && lifecycleStage === undefined)
        throw badRequest('/status', 'required', 'is required');
      const change = { status, lifecycleStage, reason: checkReason(body['reason']) };
      return replyWithStored(await contexts.setStatus(scope, idOf(request), change, readIfMatch(request)));
    }),

    write('POST', `${ONE}/variables`, async (request, scope, document) => {
      const { key, value } = checkEnvelope(document, ['key', 'value'], '');
      const variable = await contexts.variables.set(
        scope,
        idOf(request),
        { key, value },
        readIfMatch(request),
      );
      const location = `${PATH}/${idOf(request)}/variables/${encodeURIComponent(variable.key)}`;
      return replyWithVariable(variable, variable.isNew ? 201 : 200, { location });
    }),
    read(`${ONE}/variables`, async (request) => {
      checkQuery(request);
      const { variables, version } = await contexts.variables.getAll(
        request.principal.projectId,
        idOf(request),
      );
      return withHeaders(json({ variables }), { etag: etagOfVersion(version) });
    }),
    read(`${ONE}/variables/{key}`, async (request) => {
      checkQuery(request);
      return replyWithVariable(
        await contexts.variables.get(request.principal.projectId, idOf(request), request.params['key'] ?? ''),
      );
    }),
    write('DELETE', `${ONE}/variables/{key}`, async (request, scope) => {
      const key = request.params['key'] ?? '';
      const { version } = await contexts.variables.remove(scope, idOf(request), key, readIfMatch(request));
      return { status: 204, headers: { etag: etagOfVersion(version) } };
    }),

    write('POST', `${ONE}/snapshots`, async (request, scope, document) => {
      checkEnvelope(document ?? {}, [], '');
      const snapshot = await contexts.createSnapshot(scope, idOf(request));
      return withHeaders(json(snapshotDocument(snapshot), 201), {
        location: `${PATH}/${snapshot.contextId}/snapshots/${snapshot.id}`,
      });
    }),
    read(`${ONE}/snapshots`, async (request) => {
      checkQuery(request, ['limit', 'cursor']);
      const page = await contexts.listSnapshots(request.principal.projectId, idOf(request), pageOf(request));
      return json({ snapshots: page.snapshots.map(snapshotDocument), next: page.next ?? null });
    }),
    read(`${ONE}/snapshots/{snapshot_id}`, async (request) => {
      checkQuery(request);
      const snapshot = await contexts.getSnapshot(
        request.principal.projectId,
        idOf(request),
        idOf(request, 'snapshot_id'),
      );
      return json({ ...snapshotDocument(snapshot), document: snapshot.document });
    }),
    write('POST', `${ONE}/restore`, async (request, scope, document) => {
      const { snapshot_id: id } = checkEnvelope(document, ['snapshot_id'], '');
      if (typeof id !== 'string') throw badRequest('/snapshot_id', 'type', 'must be the id of a snapshot');
      const snapshotId = uuidOf(id, 'snapshot_id');
      return replyWithStored(await contexts.restore(scope, idOf(request), snapshotId, readIfMatch(request)));
    }),
  ];
}

function replyWithVariable(
  { key, value, version }: Variable,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return withHeaders(json({ key, value, version }, status), { etag: etagOfVersion(version), ...headers });
}

function withHeaders(reply: HttpReply, headers: Readonly<Record<string, string>>): HttpReply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

function snapshotDocument(snapshot: Snapshot): object {
  return {
    id: snapshot.id,
    context_id: snapshot.contextId,
    version: snapshot.version,
    sha256: snapshot.sha256,
    created_by: snapshot.createdBy,
    created_at: snapshot.createdAt,
  };
}
