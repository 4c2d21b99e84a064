import type { Logger } from '../../observability/log.js';
import {
  backoffMs,
  createPause,
  parseTypeFilter,
  type EventLog,
  type StateEvent,
} from '../../store/events/index.js';
import type { PostgresStore } from '../../store/postgres/index.js';
import type { DeliverableWebhook, DeliveryLimits, DeliveryRecord, SendResult } from './contract.js';
import { noteFailure, noteProgress } from './delivery-table.js';
import { messageBody } from './message.js';
import { createRetryGate } from './retry-gate.js';
import type { WebhookSender } from './sender.js';
import { disableWebhook } from './webhook-table.js';

export interface DeliveryLaneOptions {
  readonly webhook: DeliverableWebhook;
  readonly store: PostgresStore;
  readonly events: EventLog;
  readonly sender: WebhookSender;
  readonly limits: DeliveryLimits;
  readonly log: Logger;
  readonly onAttempt: (result: SendResult) => void;
}

/** Delivers to one webhook. */
export interface DeliveryLane {
  readonly webhook: DeliverableWebhook;
  /** Notes how far it is when nothing had to be sent: a cursor that stands still would become too old. */
  note(): Promise<void>;
  /** Resolves when nothing is sent any more and what was delivered is noted. */
  stop(): Promise<void>;
}

/** Events that are under way together; all but the first of each subject wait for the one before. */
const BATCH_EVENTS = 50;
const CONCURRENCY = 4;
const GONE = 410;
const STORE_RETRY_MS = 200;
const MAX_STORE_RETRY_MS = 5_000;

/**
 * Sends the events behind the webhook's cursor, at least once, those of one subject in order. It ends at the event of a
 * change of the webhook, so that nothing that happened afterwards goes where the webhook led before. An event that fails is
 * repeated until it succeeds or the webhook is switched off; it is never passed over. What it keeps waiting is this
 * webhook alone.
 */
export function startDeliveryLane(options: DeliveryLaneOptions): DeliveryLane {
  const { webhook, store, sender, limits, log } = options;
  const stopping = new AbortController();
  const storePause = createPause();
  const gate = createRetryGate({
    failureCount: webhook.failureCount,
    retryInMs: webhook.retryInMs,
    retryMs: limits.retryMs,
    maxRetryMs: limits.maxRetryMs,
  });
  const types = parseTypeFilter(webhook.types);
  let noted = webhook.cursor;
  let records: DeliveryRecord[] = [];
  let working: Promise<void> = Promise.resolve();

  /** Writes to Postgres, however long that is away. Gives up when the lane stops meanwhile, after one attempt. */
  const write = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    for (let failures = 0; ; failures++) {
      try {
        return await work();
      } catch (error) {
        if (failures === 0) log.warn({ err: error, webhook: webhook.id }, 'a delivery was not noted');
        if (stopping.signal.aborted) return undefined;
        await storePause.wait(backoffMs(failures, STORE_RETRY_MS, MAX_STORE_RETRY_MS));
      }
    }
  };

  const takeRecords = (): DeliveryRecord[] => {
    const taken = records;
    records = [];
    return taken;
  };

  const noteUpTo = async (cursor: string): Promise<void> => {
    const taken = takeRecords();
    await write(() => noteProgress(store, webhook, cursor, taken));
    noted = cursor;
  };

  const stopNow = (): void => {
    stopping.abort();
    gate.close();
    storePause.wake();
    subscription.close();
  };

  const disable = async (reason: 'gone' | 'failing'): Promise<void> => {
    log.warn({ webhook: webhook.id, reason }, 'a webhook is switched off');
    await write(() => disableWebhook(store, webhook, reason));
    stopNow();
  };

  /** True when the event has been delivered, false when the lane stops. */
  const deliver = async (event: StateEvent): Promise<boolean> => {
    const body = messageBody(event);
    for (;;) {
      const attempt = await gate.enter();
      if (attempt === undefined) return false;
      const message = { url: webhook.url, secret: webhook.secret, id: event.id, body };
      const result = await sender.send(message, stopping.signal);
      if (stopping.signal.aborted && !result.isDelivered) return false;
      options.onAttempt(result);
      records.push(recordOf(event, result));
      if (result.isDelivered) {
        gate.succeeded();
        return true;
      }
      const waitMs = gate.failed(attempt, result.retryAfterMs);
      const count = gate.failureCount;
      const taken = takeRecords();
      const failingMs = await write(() => noteFailure(store, webhook, count, waitMs, taken));
      if (result.statusCode === GONE) await disable('gone');
      else if (failingMs !== undefined && failingMs >= limits.disableAfterMs) await disable('failing');
    }
  };

  /** Gives the number of events, from the first on, that were delivered without a gap. */
  const deliverAll = async (events: readonly StateEvent[]): Promise<number> => {
    const isDone = events.map(() => false);
    const bySubject = new Map<string, number[]>();
    events.forEach(({ subjectId }, index) => {
      const of = bySubject.get(subjectId);
      if (of === undefined) bySubject.set(subjectId, [index]);
      else of.push(index);
    });
    const waiting = [...bySubject.values()];
    const work = async (): Promise<void> => {
      for (let of = waiting.shift(); of !== undefined; of = waiting.shift())
        for (const index of of) {
          if (!(await deliver(events[index] as StateEvent))) return;
          isDone[index] = true;
        }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    const firstOpen = isDone.indexOf(false);
    return firstOpen < 0 ? events.length : firstOpen;
  };

  const take = async (events: readonly StateEvent[]): Promise<void> => {
    if (stopping.signal.aborted) return;
    // What is behind a change of the webhook is for the lane that goes by the change.
    const change = events.findIndex(isChange);
    const wanted = (change < 0 ? events : events.slice(0, change)).filter(({ type }) => types.matches(type));
    const done = await deliverAll(wanted);
    const last = wanted[done - 1];
    if (last !== undefined) await noteUpTo(last.id);
    if (change >= 0) stopNow();
  };
  const isChange = ({ type, subjectId, version }: StateEvent): boolean =>
    type.startsWith('webhook.') && subjectId === webhook.id && version > webhook.version;

  const subscription = options.events.subscribe({
    after: webhook.cursor,
    projectId: webhook.projectId,
    types: [...webhook.types, 'webhook.*'],
    batchSize: BATCH_EVENTS,
    onEvents: (events) => (working = take(events)),
    onGap() {
      log.warn({ webhook: webhook.id }, 'events for a webhook were removed before they could be sent');
      records.push({
        eventId: noted,
        eventType: '*',
        outcome: 'missed',
        statusCode: undefined,
        error: 'events after this one were removed from the log before they could be sent',
        durationMs: undefined,
      });
    },
  });

  const note = async (): Promise<void> => {
    const { cursor } = subscription;
    if (cursor !== undefined && (cursor !== noted || records.length > 0)) await noteUpTo(cursor);
  };

  return {
    webhook,
    note,
    async stop() {
      stopNow();
      await working.catch(() => undefined);
      if (records.length > 0) await noteUpTo(noted);
    },
  };
}

function recordOf(event: StateEvent, result: SendResult): DeliveryRecord {
  return {
    eventId: event.id,
    eventType: event.type,
    outcome: result.isDelivered ? 'delivered' : 'failed',
    statusCode: result.statusCode,
    error: result.error,
    durationMs: result.durationMs,
  };
}
