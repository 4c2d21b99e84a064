import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import {
  appendEvent,
  createEventLog,
  type EventLog,
  type EventLogLimits,
  type NewEvent,
  type StateEvent,
  type SubscribeOptions,
  type Subscription,
} from '#dist/store/events/index.js';
import { createPostgresStore, type PostgresStore, type Sql } from '#dist/store/postgres/index.js';
import { log } from '../../embedded/postgres/embedded-postgres.js';
import { limits } from '../postgres/stores.js';

export interface TestLog {
  readonly store: PostgresStore;
  readonly events: EventLog;
  readonly registry: Registry;
  /** Commits one event and gives its id. */
  append(event?: Partial<NewEvent>): Promise<string>;
  close(): Promise<void>;
}

/** A store of its own with its event log: what an engine has. `url` is read whenever a connection is opened. */
export async function openLog(
  url: () => string,
  eventLimits: Partial<EventLogLimits> = {},
): Promise<TestLog> {
  const registry = new Registry();
  const store = createPostgresStore({
    get url() {
      return url();
    },
    log,
    registry,
    limits: { ...limits, acquireTimeoutMs: 20_000 },
  });
  await store.migrate();
  const events = createEventLog({ store, log, registry, limits: { pollMs: 500, ...eventLimits } });
  return {
    store,
    events,
    registry,
    append: (event = {}) => store.transaction((sql) => appendTo(sql, event)),
    async close() {
      await events.close();
      await store.close();
    },
  };
}

/** Appends an event in a transaction; gives its id, read from the table. */
export async function appendTo(sql: Sql, event: Partial<NewEvent> = {}): Promise<string> {
  await appendEvent(sql, newEvent(event));
  const [row] = await sql<{ id: string }[]>`
    SELECT transaction_id::text || '-' || sequence::text AS id FROM outbox
    WHERE sequence = (SELECT currval(pg_get_serial_sequence('outbox', 'sequence')))`;
  return (row as { id: string }).id;
}

export function newEvent(event: Partial<NewEvent> = {}): NewEvent {
  return {
    projectId: 'default',
    type: 'context.updated',
    subjectId: randomUUID(),
    version: 1,
    data: {},
    actor: 'tests',
    ...event,
  };
}

export interface Collected {
  readonly events: StateEvent[];
  readonly ids: readonly string[];
  readonly gaps: number;
  readonly subscription: Subscription;
}

/** A subscriber that keeps all it gets. */
export function collect(events: EventLog, options: Partial<SubscribeOptions> = {}): Collected {
  const got: StateEvent[] = [];
  let gaps = 0;
  const subscription = events.subscribe({
    onEvents: (batch) => void got.push(...batch),
    onGap: () => void gaps++,
    ...options,
  });
  return {
    events: got,
    get ids() {
      return got.map(({ id }) => id);
    },
    get gaps() {
      return gaps;
    },
    subscription,
  };
}

/** Ids of all events in the table, in the order of the log. */
export async function storedIds(store: PostgresStore): Promise<string[]> {
  const rows = await store.query(
    (sql) => sql<{ id: string }[]>`
      SELECT transaction_id::text || '-' || sequence::text AS id FROM outbox
      ORDER BY outbox.transaction_id, outbox.sequence`,
  );
  return rows.map(({ id }) => id);
}

/** Somebody else's transaction, that stays open until it is told. */
export function openTransaction(
  store: PostgresStore,
  before: (sql: Sql) => Promise<unknown>,
): { readonly begun: Promise<void>; commit(): Promise<void>; rollBack(): Promise<void> } {
  let end = (_: 'commit' | 'rollBack'): void => {};
  const told = new Promise<'commit' | 'rollBack'>((resolve) => (end = resolve));
  let onBegun = (): void => {};
  const begun = new Promise<void>((resolve) => (onBegun = resolve));
  const done = store.transaction(async (sql) => {
    await before(sql);
    onBegun();
    if ((await told) === 'rollBack') throw new Error('rolled back');
  });
  return {
    begun,
    async commit() {
      end('commit');
      await done;
    },
    async rollBack() {
      end('rollBack');
      await done.catch(() => undefined);
    },
  };
}
