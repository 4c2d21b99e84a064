import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../observability/log.js';
import { createPause, type EventLog } from '../../store/events/index.js';
import type { PostgresStore, Session } from '../../store/postgres/index.js';
import type { DeliverableWebhook, DeliveryLimits, SendResult } from './contract.js';
import { startDeliveryLane, type DeliveryLane } from './delivery-lane.js';
import { readDeliverable } from './delivery-table.js';
import type { WebhookSender } from './sender.js';

export interface DispatcherOptions {
  readonly store: PostgresStore;
  readonly events: EventLog;
  readonly sender: WebhookSender;
  readonly limits: DeliveryLimits;
  readonly log: Logger;
  readonly registry: Registry;
}

export interface Dispatcher {
  /** This engine is the one that delivers. */
  readonly isDelivering: boolean;
  close(): Promise<void>;
}

/** `mplp` as bytes, and the number of this lock among those of the engine. */
const LOCK = '1835822192, 1';
/** Told by the engine that stops delivering, so that another one need not wait for its turn. */
const CHANNEL = 'mplp_webhooks';
const RETRY_MS = 1_000;
/** How often the event log is looked at that does not follow yet. Postgres is not asked. */
const NOT_FOLLOWING_MS = 100;
const DEADLINE_MS = 10_000;

/**
 * Delivers to every active webhook, on one engine of those that share a Postgres: the one whose connection holds a lock
 * of the database. When it dies, its lock goes with the connection, and another engine goes on at the cursors. Both may
 * then have sent the same event, which at-least-once allows; cursors do not go back.
 *
 * Without webhooks there is no lock and no connection. That there are some is told by the events of their changes.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { store, events, limits, log } = options;
  const lanes = new Map<string, DeliveryLane>();
  const pause = createPause();
  let session: Session | undefined;
  let isDelivering = false;
  let isStale = true;
  let isClosed = false;
  let webhooks: readonly DeliverableWebhook[] = [];

  const reload = (): void => {
    isStale = true;
    pause.wake();
  };
  const subscription = events.subscribe({ types: ['webhook.*'], onEvents: reload, onGap: reload });
  const metrics = createDeliveryMetrics(
    options.registry,
    () => lanes.size,
    () => isDelivering,
  );
  const noting = setInterval(() => {
    for (const lane of lanes.values()) void lane.note();
  }, limits.noteMs);
  noting.unref();

  /** One turn: what has changed is looked at, and done. Gives the time until the next look, if nothing happens. */
  const turn = async (): Promise<number> => {
    if (isStale) {
      isStale = false;
      try {
        webhooks = await readDeliverable(store);
      } catch (error) {
        isStale = true;
        throw error;
      }
    }
    if (webhooks.length === 0) {
      await resign();
      return Infinity;
    }
    if (!isDelivering) {
      if (!(await tryLock())) return limits.standbyMs;
      isDelivering = true;
      // Another engine has delivered since the cursors were read.
      isStale = true;
      log.info('this engine delivers webhooks');
      return 0;
    }
    await reconcile();
    return Infinity;
  };

  const tryLock = async (): Promise<boolean> => {
    if (session === undefined) {
      session = store.openSession({ onDead: () => pause.wake(), onNotify: () => pause.wake() });
      await bounded(session, `LISTEN ${CHANNEL}`);
      // A network that went away in silence must not hold the lock for hours; not every server lets itself be told.
      await bounded(
        session,
        'SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4',
      ).catch(() => undefined);
    }
    const [row] = await bounded<{ is_locked: boolean }>(
      session,
      `SELECT pg_try_advisory_lock(${LOCK}) AS is_locked`,
    );
    return row?.is_locked === true;
  };

  /** Starts, restarts and stops lanes until they are those of the webhooks. */
  const reconcile = async (): Promise<void> => {
    const wanted = new Map(webhooks.map((webhook) => [`${webhook.projectId}/${webhook.id}`, webhook]));
    const leaving = [...lanes].filter(([key, { webhook }]) => wanted.get(key)?.version !== webhook.version);
    if (leaving.length > 0) {
      await Promise.all(leaving.map(([, lane]) => lane.stop()));
      for (const [key] of leaving) lanes.delete(key);
      // What they have done since the list was read is not in it.
      reload();
      return;
    }
    for (const [key, webhook] of wanted) if (!lanes.has(key)) startLane(key, webhook);
  };

  const startLane = (key: string, webhook: DeliverableWebhook): void => {
    try {
      const { sender } = options;
      lanes.set(
        key,
        startDeliveryLane({ webhook, store, events, sender, limits, log, onAttempt: metrics.attempted }),
      );
    } catch (error) {
      log.error({ err: error, webhook: webhook.id }, 'a webhook cannot be delivered to');
    }
  };

  /** Stops delivering, and lets another engine do it. */
  const resign = async (): Promise<void> => {
    const held = session;
    session = undefined;
    isDelivering = false;
    const leaving = [...lanes.values()];
    await Promise.all(leaving.map((lane) => lane.stop()));
    lanes.clear();
    if (held === undefined || held.isDead) return;
    try {
      await bounded(held, `SELECT pg_advisory_unlock_all(), pg_notify('${CHANNEL}', '')`);
    } catch {
      // The lock goes with the connection.
    }
    await held.close();
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!isClosed) {
      let waitMs: number;
      try {
        // Whoever has lost the lock stops at once: another engine may have it.
        if (session?.isDead === true) await resign();
        if (!events.isFollowing) waitMs = NOT_FOLLOWING_MS;
        else waitMs = await turn();
        failures = 0;
      } catch (error) {
        if (failures++ === 0) log.warn({ err: error }, 'webhooks wait for Postgres');
        await resign();
        waitMs = RETRY_MS;
      }
      if (!isClosed) await pause.wait(waitMs);
    }
    await resign();
  };

  const running = run();
  return {
    get isDelivering() {
      return isDelivering && session?.isDead === false;
    },
    async close() {
      isClosed = true;
      clearInterval(noting);
      subscription.close();
      pause.wake();
      await running;
    },
  };
}

async function bounded<Row>(session: Session, statement: string): Promise<Row[]> {
  const timer = setTimeout(() => session.destroy(), DEADLINE_MS);
  try {
    return (await session.run((sql) => sql.unsafe(statement))) as unknown as Row[];
  } finally {
    clearTimeout(timer);
  }
}

function createDeliveryMetrics(registry: Registry, lanes: () => number, isDelivering: () => boolean) {
  const registers = [registry];
  new Gauge({
    name: 'mplp_webhooks_delivering',
    help: 'Webhooks that this engine delivers to; 0 on all engines but one.',
    registers,
    collect() {
      this.set(isDelivering() ? lanes() : 0);
    },
  });
  const attempts = new Counter({
    name: 'mplp_webhook_attempts_total',
    help: 'Attempts to deliver an event to a webhook, by outcome: delivered, failed.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['delivered', 'failed']) attempts.inc({ outcome }, 0);
  return {
    attempted: ({ isDelivered }: SendResult): void =>
      attempts.inc({ outcome: isDelivered ? 'delivered' : 'failed' }),
  };
}
