import { isDeepStrictEqual } from 'node:util';
import { apply, eventOf, written, type Change, type ContextState } from './model.js';

/** A request that changes something, and what became of it as far as its client knows. */
export interface Sent {
  readonly mark: string;
  readonly change: Change;
  /** Of a creation: when its answer came. */
  contextId: string | undefined;
  /** `none`: refused, or told that nothing was changed. `maybe`: the answer was lost, or left it open. */
  outcome: 'acknowledged' | 'none' | 'maybe';
  /** That the answer gave. Infinity of a deletion. */
  version: number;
  /** A change of status to what it was already. */
  isNoChange: boolean;
  /** That a snapshot got. */
  snapshotId: string | undefined;
}

export interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  readonly subject_id: string;
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Evidence {
  readonly sent: readonly Sent[];
  /** All events of the run, in order. */
  readonly log: readonly LoggedEvent[];
  /** What anybody was given of each version: by context, then by version. */
  readonly seen: ReadonlyMap<string, ReadonlyMap<number, ContextState>>;
  /** What every engine answers in the end; `undefined` for 404. */
  readonly final: ReadonlyMap<string, { readonly version: number; readonly state: ContextState } | undefined>;
  /** Documents of snapshots, by their id. */
  readonly snapshots: ReadonlyMap<string, ContextState>;
}

/** Explanations that are tried for one context, where answers were lost. */
const MAX_TRIES = 20_000;

/** What cannot be explained by the requests, each made once or, where its answer was lost, not at all. */
export function judge(evidence: Evidence): string[] {
  const { sent, log, final } = evidence;
  const faults: string[] = [];
  const contexts = new Map<string, LoggedEvent[]>();
  for (const event of log) {
    const own = contexts.get(event.subject_id);
    if (own === undefined) contexts.set(event.subject_id, [event]);
    else own.push(event);
  }
  const created = sent.filter(({ change }) => change.do === 'create');
  const unclaimed = new Set(created.filter(({ outcome }) => outcome === 'maybe'));
  for (const [id, events] of contexts) {
    const known = created.filter(({ contextId }) => contextId === id);
    // Of a creation whose answer was lost nobody knows the id, so that nobody has changed it since.
    const mark = final.get(id)?.state.mark;
    const creation = known[0] ?? [...unclaimed].find((request) => request.mark === mark);
    if (known.length > 1) faults.push(`${known.length} creations were answered with context ${id}`);
    if (creation === undefined) {
      faults.push(`nobody created context ${id}`);
      continue;
    }
    unclaimed.delete(creation);
    faults.push(...judgeContext(id, events, creation, evidence).map((text) => `context ${id}: ${text}`));
  }
  for (const { outcome, contextId, mark } of created)
    if (outcome === 'acknowledged' && !contexts.has(contextId ?? ''))
      faults.push(`the creation ${mark} of context ${contextId} was acknowledged and left no event`);
  return faults;
}

function judgeContext(
  id: string,
  events: readonly LoggedEvent[],
  creation: Sent,
  { sent, seen, final, snapshots: found }: Evidence,
): string[] {
  const order = events.map(({ type, version }) => `${type.replace('context.', '')} ${version}`).join(', ');
  let version = 0;
  for (const [at, event] of events.entries()) {
    if (event.type === `context.${eventOf.snapshot}`) {
      // Changes that waited for the snapshot may come before it: one of each of the two engines, since their next ones begin later.
      if (event.version > version || event.version < version - 2) return [`versions are ${order}`];
      continue;
    }
    if (event.version !== version + 1) return [`versions are ${order}`];
    version = event.version;
    if ((at === 0) !== (event.type === `context.${eventOf.create}`)) return [`events are ${order}`];
    if (event.type === `context.${eventOf.delete}` && at < events.length - 1) return [`events are ${order}`];
  }
  const own = sent.filter(
    (request) => request.contextId === id && request !== creation && !request.isNoChange,
  );
  const due = new Set(own.filter(({ outcome }) => outcome === 'acknowledged'));
  const open = new Set(own.filter(({ outcome }) => outcome === 'maybe'));
  const snapshots = new Map<string, ContextState>();
  /** By version, of the explanation that is being tried. */
  const states: ContextState[] = [];
  const isSeen = (at: number, state: ContextState): boolean => {
    const witness = seen.get(id)?.get(at);
    return witness === undefined || isDeepStrictEqual(plain(witness), plain(state));
  };
  let tries = 0;
  let deepest = { at: 0, text: 'nothing explains it' };

  /** Whether some assignment of requests to the events from `at` on explains them. */
  const explain = (at: number, state: ContextState): boolean => {
    const event = events[at];
    const before = events[at - 1] as LoggedEvent;
    if (before.type !== `context.${eventOf.snapshot}`) states[before.version] = state;
    if (event === undefined) {
      const left = [...due].map(
        ({ mark, change, version: answered }) => `${mark} (${change.do}, ${answered})`,
      );
      if (left.length > 0) note(at, `acknowledged, and in no version: ${left.join(', ')}`);
      return left.length === 0;
    }
    for (const request of candidates(event)) {
      if (++tries > MAX_TRIES) return note(at, 'too many explanations');
      const isDue = due.delete(request);
      open.delete(request);
      const next = afterOf(event, state, request, at);
      if (next !== undefined && explain(at + 1, next)) return true;
      (isDue ? due : open).add(request);
    }
    return note(
      at,
      `nothing explains ${event.type} to version ${event.version} ${JSON.stringify(event.data)} after ${JSON.stringify(state)}`,
    );
  };
  const note = (at: number, text: string): false => {
    if (at >= deepest.at) deepest = { at, text };
    return false;
  };
  /** The request that was answered with this version first. A lost answer may be replaced by a later version. */
  const candidates = (event: LoggedEvent): Sent[] => {
    const fits = (request: Sent): boolean => `context.${eventOf[request.change.do]}` === event.type;
    const acknowledged = [...due].filter((request) => fits(request) && request.version >= event.version);
    acknowledged.sort((a, b) => a.version - b.version);
    return [...acknowledged, ...[...open].filter(fits)];
  };
  const afterOf = (
    event: LoggedEvent,
    state: ContextState,
    { change, mark, snapshotId, outcome, version }: Sent,
    at: number,
  ): ContextState | undefined => {
    const { data } = event;
    switch (change.do) {
      case 'snapshot': {
        const made = String(data['snapshot_id']);
        if (outcome === 'acknowledged' && (snapshotId !== made || version !== event.version))
          return undefined;
        const then = states[event.version] as ContextState;
        const kept = found.get(made);
        if (kept !== undefined && !isDeepStrictEqual(plain(kept), plain(then))) {
          note(at, `snapshot ${made} holds ${JSON.stringify(kept)} and not ${JSON.stringify(then)}`);
          return undefined;
        }
        snapshots.set(made, then);
        return state;
      }
      case 'delete':
        return state;
      case 'status':
        if (data['reason'] !== mark) return undefined;
        break;
      case 'set':
      case 'unset':
        if (data['key'] !== change.key) return undefined;
        break;
      case 'restore':
        if (data['snapshot_id'] !== change.snapshotId) return undefined;
    }
    const next = apply(state, change, mark, snapshots);
    return next !== undefined && isSeen(event.version, next) ? next : undefined;
  };

  const first = written(creation.change as Change & { do: 'create' }, creation.mark);
  if (!isSeen(1, first)) return [`version 1 is not what ${creation.mark} sent`];
  if (!explain(1, first)) return [deepest.text];
  const last = final.get(id);
  const isDeleted = events.at(-1)?.type === `context.${eventOf.delete}`;
  if (isDeleted ? last !== undefined : last?.version !== version)
    return [`the engines answer version ${last?.version}, and its events are ${order}`];
  return [];
}

/** Members that are `undefined` are those that are not there. */
function plain(state: ContextState): unknown {
  return JSON.parse(JSON.stringify(state));
}
