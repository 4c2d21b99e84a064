import type { Logger } from '../../observability/log.js';
import type { StateEvent, SubscribeOptions, Subscription } from './contract.js';
import type { EventFilter, LogEdges, Page, StoredEvent } from './outbox-table.js';
import { backoffMs, createPause } from './pause.js';
import { comparePositions, parseCursor, toCursor, type Position } from './position.js';
import { parseTypeFilter } from './type-filter.js';

/** What a subscriber sees of the log. */
export interface LogView {
  /** Where the reader of the process stands. */
  readonly head: () => Position | undefined;
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
  readPage(range: { after: Position; until: Position; filter: EventFilter; limit: number }): Promise<Page>;
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
  readEdges(): Promise<LogEdges>;
  readonly log: Logger;
  readonly onClose: () => void;
}

export interface Subscriber extends Subscription {
  readonly projectId: string | undefined;
  /** New events of the log, from where the reader stood before them. */
  offer(events: readonly StoredEvent[], from: Position): void;
  /** The reader has got a first position. */
  start(): void;
  /** The reader has missed events. */
  gap(): void;
}

const DEFAULT_BATCH_EVENTS = 100;
const MAX_BATCH_EVENTS = 500;
/** What waits in memory for one subscriber; beyond that the table is its queue. */
const MAX_QUEUED_EVENTS = 256;
const MAX_QUEUED_BYTES = 1024 * 1024;
const RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;

/**
 * Feeds one subscriber, from memory while it keeps up, else from the table.
 *
 * To change over without gap or double, the queue is opened first: what the reader finds from then on goes there, and
 * the table is read exactly to where the reader stood. A queue that overflows is thrown away and the game begins again.
 *
 * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST
 */
export function createSubscriber(options: SubscribeOptions, view: LogView): Subscriber {
  const types = parseTypeFilter(options.types);
  const filter: EventFilter = { projectId: options.projectId, subjectId: options.subjectId, types };
  const batchSize = Math.min(MAX_BATCH_EVENTS, Math.max(1, options.batchSize ?? DEFAULT_BATCH_EVENTS));
  const pause = createPause();
  /** Between attempts on the table; only `close` cuts it short. */
  const retryPause = createPause();
  /** Behind the last event that was handed over. */
  let position = options.after === undefined ? undefined : parseCursor(options.after);
  let queue: StoredEvent[] = [];
  let queuedBytes = 0;
  let isQueueOpen = false;
  let isBusy = false;
  let isClosed = false;

  const isIdle = (): boolean => isQueueOpen && queue.length === 0 && !isBusy;

  const closeQueue = (): void => {
    isQueueOpen = false;
    queue = [];
    queuedBytes = 0;
  };

  const tellGap = (): void => {
    if (isClosed) return;
    try {
      if (options.onGap === undefined)
        view.log.error({ types: options.types }, 'a subscriber has missed events');
      else options.onGap();
    } catch (error) {
      view.log.error({ err: error }, 'a subscriber failed on a gap');
    }
  };

  const deliver = async (events: readonly StateEvent[]): Promise<void> => {
    if (events.length === 0) return;
    try {
      await options.onEvents(events);
    } catch (error) {
      view.log.error({ err: error }, 'a subscriber failed on events');
      tellGap();
    }
  };

  /** Hands over what the table has up to `until`. */
  const catchUp = async (until: Position): Promise<void> => {
    let failures = 0;
    if (position !== undefined && comparePositions(position, until) > 0) await checkFuture(until);
    while (!isClosed && position !== undefined && comparePositions(position, until) < 0) {
      const after: Position = position;
      try {
        const page = await view.readPage({ after, until, filter, limit: batchSize });
        failures = 0;
        if (comparePositions(after, page.horizon) < 0) {
          position = page.horizon;
          tellGap();
          continue;
        }
        if (isClosed) return;
        await deliver(page.events.map(({ event }) => event));
        position = page.end;
      } catch {
        // Postgres is away, which the reader has logged.
        await retryPause.wait(backoffMs(failures++, RETRY_MS, MAX_RETRY_MS));
      }
    }
  };

  /** A cursor may be of an engine that is ahead of this one; one of no transaction that ever was is of another database. */
  const checkFuture = async (until: Position): Promise<void> => {
    for (let failures = 0; !isClosed; failures++) {
      try {
        const { future } = await view.readEdges();
        if (comparePositions(position as Position, future) <= 0) return;
        position = until;
        return tellGap();
      } catch {
        await retryPause.wait(backoffMs(failures, RETRY_MS, MAX_RETRY_MS));
      }
    }
  };

  const takeBatch = (): StoredEvent[] => {
    const batch = queue.splice(0, batchSize);
    for (const { bytes } of batch) queuedBytes -= bytes;
    return batch;
  };

  const run = async (): Promise<void> => {
    while (!isClosed) {
      const head = view.head();
      if (isQueueOpen) {
        const batch = takeBatch();
        const last = batch.at(-1);
        if (last === undefined) await pause.wait(Infinity);
        else {
          isBusy = true;
          await deliver(batch.map(({ event }) => event));
          isBusy = false;
          position = last.position;
        }
      } else if (head === undefined) await pause.wait(Infinity);
      else {
        position ??= head;
        isQueueOpen = true;
        isBusy = true;
        await catchUp(head);
        isBusy = false;
      }
    }
  };

  const subscriber: Subscriber = {
    projectId: options.projectId,
    get cursor() {
      const head = view.head();
      const reached = isIdle() && head !== undefined && isBefore(position, head) ? head : position;
      return reached === undefined ? undefined : toCursor(reached);
    },
    offer(events, from) {
      if (!isQueueOpen || isClosed) return;
      if (isIdle() && isBefore(position, from)) position = from;
      for (const stored of events) {
        const { event } = stored;
        if (options.subjectId !== undefined && event.subjectId !== options.subjectId) continue;
        if (!types.matches(event.type) || !isBefore(position, stored.position)) continue;
        if (queue.length >= MAX_QUEUED_EVENTS || queuedBytes > MAX_QUEUED_BYTES) {
          closeQueue();
          break;
        }
        queue.push(stored);
        queuedBytes += stored.bytes;
      }
      pause.wake();
    },
    start: () => pause.wake(),
    gap() {
      // One that reads the table finds the gap there.
      if (isQueueOpen) tellGap();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      closeQueue();
      pause.wake();
      retryPause.wake();
      view.onClose();
    },
  };
  void run();
  return subscriber;
}

function isBefore(position: Position | undefined, other: Position): boolean {
  return position === undefined || comparePositions(position, other) < 0;
}
