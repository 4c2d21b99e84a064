import { stageTransitions, statusTransitions } from '#dist/modules/contexts/index.js';

export type Status = keyof typeof statusTransitions;
export type Stage = keyof typeof stageTransitions;

/** What the model knows of a context at one version. */
export interface ContextState {
  readonly status: Status;
  readonly stage: Stage;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Of the last change of status since the document was put there; each change gives its own. */
  readonly reason: string | undefined;
  /** Which request put the whole document there. */
  readonly mark: string;
}

/** What a request asks for; `mark` is its own and shows in what it writes. */
export type Change =
  | { readonly do: 'create'; readonly status: Status }
  | { readonly do: 'replace'; readonly status: Status; readonly stage: Stage; readonly key: string }
  | { readonly do: 'status'; readonly status: Status | undefined; readonly stage: Stage | undefined }
  | { readonly do: 'set' | 'unset'; readonly key: string }
  | { readonly do: 'snapshot' | 'delete' }
  | { readonly do: 'restore'; readonly snapshotId: string };

/** The last words of the types of events. */
export const eventOf: Readonly<Record<Change['do'], string>> = {
  create: 'created',
  replace: 'updated',
  status: 'status_changed',
  set: 'variable_set',
  unset: 'variable_removed',
  snapshot: 'snapshot_created',
  delete: 'deleted',
  restore: 'restored',
};

/** The document that a request sends. */
export function documentOf(state: Omit<ContextState, 'reason'>): object {
  return {
    status: state.status,
    lifecycle_stage: state.stage,
    shared_state: { variables: state.variables },
    x_mark: state.mark,
  };
}

/** What the model knows of a document that the engine gave. */
export function stateOf(document: Readonly<Record<string, unknown>>): ContextState {
  const shared = document['shared_state'] as { variables?: Record<string, unknown> };
  const metadata = document['metadata'] as { status_reason?: string } | undefined;
  return {
    status: document['status'] as Status,
    stage: document['lifecycle_stage'] as Stage,
    variables: shared.variables ?? {},
    reason: metadata?.status_reason,
    mark: String(document['x_mark']),
  };
}

/** The document of a request that creates or replaces. */
export function written(change: Change & { do: 'create' | 'replace' }, mark: string): ContextState {
  return change.do === 'create'
    ? { status: change.status, stage: 'planning', variables: {}, reason: undefined, mark }
    : {
        status: change.status,
        stage: change.stage,
        variables: { [change.key]: mark },
        reason: undefined,
        mark,
      };
}

/** The next state; `undefined` where the change is not legal or changes nothing. */
export function apply(
  state: ContextState,
  change: Change,
  mark: string,
  snapshots: ReadonlyMap<string, ContextState>,
): ContextState | undefined {
  const isLegal = (status: Status, stage: Stage): boolean =>
    (status === state.status || statusTransitions[state.status].includes(status)) &&
    (stage === state.stage || stageTransitions[state.stage].includes(stage));
  switch (change.do) {
    case 'replace':
      return isLegal(change.status, change.stage) ? written(change, mark) : undefined;
    case 'status': {
      const { status = state.status, stage = state.stage } = change;
      if (!isLegal(status, stage) || (status === state.status && stage === state.stage)) return undefined;
      return { ...state, status, stage, reason: mark };
    }
    case 'set':
      return { ...state, variables: { ...state.variables, [change.key]: mark } };
    case 'unset': {
      const { [change.key]: removed, ...variables } = state.variables;
      return removed === undefined ? undefined : { ...state, variables };
    }
    case 'restore':
      return snapshots.get(change.snapshotId);
    default:
      return undefined;
  }
}
