import type { JsonObject } from '../../protocol/index.js';
import {
  checkAgain,
  checkDocument,
  createDocuments,
  invalid,
  type Documents,
  type DocumentsOptions,
  type ListQuery,
  type Page,
  type Scope,
  type Stored,
} from '../documents/index.js';
import { createSnapshots, type Snapshot, type SnapshotPage } from './snapshots.js';
import {
  checkTransition,
  stageTransitions,
  statusTransitions,
  type ContextStatus,
  type LifecycleStage,
} from './transitions.js';
import { createVariables, type Variable, type Variables } from './variables.js';

const TYPE = 'context';
const DEFAULTS: JsonObject = {
  version: '1.0',
  status: 'active',
  lifecycle_stage: 'planning',
  shared_state: {},
};

export interface StatusChange {
  readonly status: unknown;
  readonly lifecycleStage?: unknown;
  readonly reason?: string | undefined;
}

/** Contexts: the shared state of agent projects. Documents are those of `schemas/context.json`. */
export interface Contexts {
  /** @throws MplpError MPLP_ERR_MODULES_INVALID, …_ID_TAKEN, …_LIMIT */
  create(scope: Scope, document: unknown): Promise<Stored>;
  /** At once when it is in memory. @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, as all below */
  get(projectId: string, id: string): Stored | Promise<Stored>;
  list(projectId: string, query: ListQuery): Promise<Page>;
  /** Puts another document in its place. @throws MplpError …_INVALID, …_HTTP_PRECONDITION_FAILED, …_TRANSITION, …_LIMIT */
  replace(scope: Scope, id: string, document: unknown, ifVersion?: number): Promise<Stored>;
  /** @throws MplpError …_INVALID, …_HTTP_PRECONDITION_FAILED, …_TRANSITION */
  setStatus(scope: Scope, id: string, change: StatusChange, ifVersion?: number): Promise<Stored>;
  /** @throws MplpError …_HTTP_PRECONDITION_FAILED */
  remove(scope: Scope, id: string, ifVersion?: number): Promise<void>;
  /** Another engine may have changed it: see `Documents`. */
  forget(projectId: string, id: string): void;
  readonly variables: Variables;
  /** Keeps the document as it is now. */
  createSnapshot(scope: Scope, id: string): Promise<Snapshot>;
  getSnapshot(
    projectId: string,
    id: string,
    snapshotId: string,
  ): Promise<Snapshot & { document: JsonObject }>;
  listSnapshots(projectId: string, id: string, query: Omit<ListQuery, 'filters'>): Promise<SnapshotPage>;
  /** What the snapshot holds becomes the newest version. @throws MplpError …_HTTP_PRECONDITION_FAILED */
  restore(scope: Scope, id: string, snapshotId: string, ifVersion?: number): Promise<Stored>;
}

export type { Snapshot, SnapshotPage, Variable, Variables };

export function createContexts(options: Omit<DocumentsOptions, 'kind' | 'table'>): Contexts {
  const documents: Documents = createDocuments({ ...options, kind: TYPE, table: 'contexts' });
  const snapshots = createSnapshots(options.store, documents);

  return {
    async create(scope, document) {
      return documents.create(scope, checkDocument(document, { type: TYPE, defaults: DEFAULTS }));
    },
    get: (projectId, id) => documents.get(projectId, id),
    list: (projectId, query) => documents.list(projectId, query),
    async replace(scope, id, document, ifVersion) {
      const next = checkDocument(document, { type: TYPE, defaults: DEFAULTS, id });
      return documents.change(scope, id, ifVersion, (current) => {
        checkBoth(current, next);
        return { event: 'context.updated', document: next, data: statesOf(current, next) };
      });
    },
    async setStatus(scope, id, { status, lifecycleStage, reason }, ifVersion) {
      return documents.change(scope, id, ifVersion, (current) => {
        const next: JsonObject = { ...current };
        if (status !== undefined) next['status'] = status;
        if (lifecycleStage !== undefined) next['lifecycle_stage'] = lifecycleStage;
        checkAgain(next, TYPE);
        checkBoth(current, next);
        if (next['status'] === current['status'] && next['lifecycle_stage'] === current['lifecycle_stage'])
          return undefined;
        const { status_reason: _former, ...metadata } = (current['metadata'] ?? {}) as JsonObject;
        next['metadata'] = reason === undefined ? metadata : { ...metadata, status_reason: reason };
        const data = { ...statesOf(current, next), ...(reason === undefined ? {} : { reason }) };
        return { event: 'context.status_changed', document: next, data };
      });
    },
    remove: (scope, id, ifVersion) => documents.remove(scope, id, ifVersion),
    forget: (projectId, id) => documents.forget(projectId, id),
    variables: createVariables(documents),
    createSnapshot: (scope, id) => snapshots.create(scope, id),
    getSnapshot: (projectId, id, snapshotId) => snapshots.get(projectId, id, snapshotId),
    listSnapshots: (projectId, id, query) => snapshots.list(projectId, id, query),
    async restore(scope, id, snapshotId, ifVersion) {
      const { document } = await snapshots.get(scope.projectId, id, snapshotId);
      return documents.change(scope, id, ifVersion, () => ({
        event: 'context.restored',
        document,
        data: { snapshot_id: snapshotId },
      }));
    },
  };
}

function checkBoth(current: JsonObject, next: JsonObject): void {
  const of = (document: JsonObject) =>
    document as unknown as { status: ContextStatus; lifecycle_stage: LifecycleStage };
  checkTransition('status', statusTransitions, of(current).status, of(next).status);
  checkTransition('lifecycle_stage', stageTransitions, of(current).lifecycle_stage, of(next).lifecycle_stage);
}

/** What an event says of status and stage, where they changed. */
function statesOf(current: JsonObject, next: JsonObject): JsonObject {
  const changed = ['status', 'lifecycle_stage'].filter((name) => current[name] !== next[name]);
  return Object.fromEntries(changed.map((name) => [name, { from: current[name], to: next[name] }]));
}

/** The reason in a request, where it is one. @throws MplpError MPLP_ERR_MODULES_INVALID */
export function checkReason(reason: unknown): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason !== 'string') throw invalid('/reason', 'type', 'must be a string');
  if (reason.length > 1_000) throw invalid('/reason', 'maxLength', 'must be at most 1000 characters long');
  if (reason.includes('\0')) throw invalid('/reason', 'characters', 'must not contain U+0000');
  return reason;
}
