import type { ContextSync } from './modules/contexts/index.js';
import type { Authorizer } from './security/index.js';
import type { StateCache } from './store/cache/index.js';
import type { EventLog, StateEvent } from './store/events/index.js';

export interface ChangeFollower {
  /** Whether the cache has been told of all that was changed. False while Postgres is away. */
  readonly isCurrent: boolean;
  close(): void;
}

/** Tells the cache, the nodes and the authorizer of this engine what any engine changes. */
export function followChanges(
  events: EventLog,
  cache: StateCache,
  contexts: Pick<ContextSync, 'changed'>,
  authorizer: Pick<Authorizer, 'changed' | 'reset'>,
): ChangeFollower {
  let hasBegun = false;
  const subscription = events.subscribe({
    onEvents(batch) {
      for (const event of batch) {
        const { projectId, type, subjectId: id, version } = event;
        const [kind = '', what] = type.split('.');
        const isDeleted = what === 'deleted';
        cache.invalidate({ projectId, kind, id }, isDeleted ? Infinity : version);
        tellAuthorizer(authorizer, event);
        if (kind === 'context') contexts.changed(projectId, id, isDeleted);
      }
    },
    onGap() {
      cache.reset();
      authorizer.reset();
    },
  });
  return {
    get isCurrent() {
      if (!events.isFollowing) return false;
      // What the second level holds from before may have changed since.
      if (!hasBegun) cache.reset();
      hasBegun = true;
      return true;
    },
    close: () => subscription.close(),
  };
}

/** What is new was used by nobody yet, but for a role that somebody gets. */
export function tellAuthorizer(
  authorizer: Pick<Authorizer, 'changed'>,
  { projectId, type, subjectId, data }: StateEvent,
): void {
  const [kind = '', what] = type.split('.');
  const { subject } = data;
  if (kind === 'assignment') authorizer.changed(projectId, typeof subject === 'string' ? subject : undefined);
  else if (what === 'created') return;
  else if (kind === 'role') authorizer.changed(projectId);
  else if (kind === 'api_key') authorizer.changed(projectId, subjectId);
}
