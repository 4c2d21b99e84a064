import {
  createVerbMeter,
  type Context,
  type JsonObject,
  type PerformanceMetrics,
} from '../../protocol/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import { createScope, inTransaction, invalid, isUuid, type Caller, type Scope } from '../documents/index.js';
import { checkReason, type Contexts } from './contexts.js';
import type { ContextSync, NodeResult, SyncType } from './sync.js';
import type { ContextStatus, LifecycleStage } from './transitions.js';

/** A context as it is sent to be created: the engine completes what is left out, its id too. */
export type ContextData = Readonly<Partial<Pick<Context, 'id' | 'name' | 'description'>>> &
  Readonly<JsonObject>;

/** All of it together or nothing, in this order. */
export interface StateUpdate {
  /** Takes the place of the whole document. */
  readonly document?: ContextData;
  /** Sets these variables of `shared_state.variables`; others stay. */
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly removeVariables?: readonly string[];
  readonly status?: ContextStatus;
  readonly lifecycleStage?: LifecycleStage;
  /** Of a change of status or stage. At most 1,000 characters. */
  readonly reason?: string;
  /** The version that the caller has seen; any unless given. */
  readonly ifVersion?: number;
}

export interface SyncStateOptions {
  /** @default incremental */
  readonly type?: SyncType;
  /** How long nodes may take to acknowledge. @default 5000 */
  readonly timeoutMs?: number;
}

export type StateMetrics = PerformanceMetrics;

/**
 * The contexts of one project, as the design document names them; the same code as `/v1.0/contexts`. All methods may throw
 * MplpError MPLP_ERR_MODULES_INVALID, …_NOT_FOUND, MPLP_ERR_STORE_UNAVAILABLE.
 */
export interface StateManager {
  /** @throws MplpError MPLP_ERR_MODULES_ID_TAKEN, …_LIMIT */
  createContext(contextData: ContextData): Promise<Context>;
  /**
   * @returns the version that the update made.
   * @throws MplpError MPLP_ERR_MODULES_TRANSITION, …_LIMIT, MPLP_ERR_HTTP_PRECONDITION_FAILED
   */
  updateState(contextId: string, stateUpdate: StateUpdate): Promise<{ readonly version: number }>;
  getState(contextId: string): Promise<Context>;
  /** With the version, for `StateUpdate.ifVersion`. */
  getVersionedState(contextId: string): Promise<{ readonly context: Context; readonly version: number }>;
  /**
   * Brings nodes that are connected to this engine up to date and waits for their acknowledgements.
   *
   * @param targetNodes all that have subscribed to the context unless given.
   */
  syncState(
    contextId: string,
    targetNodes?: readonly string[],
    options?: SyncStateOptions,
  ): Promise<readonly NodeResult[]>;
  /** What the calls through this have cost. */
  getStateMetrics(): StateMetrics;
}

export interface StateManagerOptions {
  readonly contexts: Contexts;
  readonly sync: ContextSync;
  readonly store: PostgresStore;
  readonly caller: Caller;
}

const SYNC_TIMEOUT_MS = 5_000;

type Step = (scope: Scope, ifVersion: number | undefined) => Promise<{ readonly version: number }>;

export function createStateManager({ contexts, sync, store, caller }: StateManagerOptions): StateManager {
  const meter = createVerbMeter();
  const { projectId } = caller;

  const read = async (contextId: string): Promise<{ context: Context; version: number }> => {
    const { text, version } = await contexts.get(projectId, checkId(contextId));
    return { context: JSON.parse(text) as Context, version };
  };

  return {
    createContext: (contextData) =>
      meter.measureAsync('createContext', async () => {
        const { text } = await contexts.create(createScope(store, caller), contextData);
        return JSON.parse(text) as Context;
      }),
    updateState: (contextId, stateUpdate) =>
      meter.measureAsync('updateState', async () => {
        const steps = stepsOf(contexts, checkId(contextId), stateUpdate);
        const [only] = steps;
        if (only === undefined) return read(contextId).then(({ version }) => ({ version }));
        if (steps.length === 1) {
          const { version } = await only(createScope(store, caller), stateUpdate.ifVersion);
          return { version };
        }
        return inTransaction(store, caller, async (scope) => {
          let version: number | undefined;
          for (const step of steps)
            ({ version } = await step(scope, version === undefined ? stateUpdate.ifVersion : undefined));
          return { version: version as number };
        });
      }),
    getState: (contextId) => meter.measureAsync('getState', async () => (await read(contextId)).context),
    getVersionedState: (contextId) => meter.measureAsync('getState', () => read(contextId)),
    syncState: (contextId, targetNodes, { type = 'incremental', timeoutMs = SYNC_TIMEOUT_MS } = {}) =>
      meter.measureAsync('syncState', async () => {
        const { results } = await sync.sync(projectId, checkId(contextId), targetNodes, type, timeoutMs);
        return results;
      }),
    getStateMetrics: () => meter.read(),
  };
}

function stepsOf(contexts: Contexts, id: string, update: StateUpdate): Step[] {
  const { document, variables = {}, removeVariables = [], status, lifecycleStage } = update;
  const steps: Step[] = [];
  if (document !== undefined)
    steps.push((scope, ifVersion) => contexts.replace(scope, id, document, ifVersion));
  for (const [key, value] of Object.entries(variables))
    steps.push((scope, ifVersion) => contexts.variables.set(scope, id, { key, value }, ifVersion));
  for (const key of removeVariables)
    steps.push((scope, ifVersion) => contexts.variables.remove(scope, id, key, ifVersion));
  const change = { status, lifecycleStage, reason: checkReason(update.reason) };
  if (status !== undefined || lifecycleStage !== undefined)
    steps.push((scope, ifVersion) => contexts.setStatus(scope, id, change, ifVersion));
  return steps;
}

function checkId(contextId: string): string {
  if (isUuid(contextId)) return contextId;
  throw invalid('/contextId', 'pattern', 'must be a lower-case UUID');
}
