import { setTimeout as delay } from 'node:timers/promises';
import type { ContextSync } from './modules/contexts/index.js';
import type { StateCache } from './store/cache/index.js';
import type { EventLog } from './store/events/index.js';

const LOOK_MS = 100;

/** Tells the cache and the nodes of this engine what any engine changes. Gives the function that ends it. */
export function followChanges(events: EventLog, cache: StateCache, contexts: ContextSync): () => void {
  let isClosed = false;
  const subscription = events.subscribe({
    onEvents(batch) {
      for (const { projectId, type, subjectId: id, version } of batch) {
        const [kind = '', what] = type.split('.');
        const isDeleted = what === 'deleted';
        cache.invalidate({ projectId, kind, id }, isDeleted ? Infinity : version);
        if (kind === 'context') contexts.changed(projectId, id, isDeleted);
      }
    },
    onGap: () => cache.reset(),
  });
  /** What was read before the log was followed may have changed since. */
  void (async () => {
    while (!isClosed && subscription.cursor === undefined) await delay(LOOK_MS, undefined, { ref: false });
    if (!isClosed) cache.reset();
  })();
  return () => {
    isClosed = true;
    subscription.close();
  };
}
