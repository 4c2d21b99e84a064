/** A change of state, as whoever makes it reports it. */
export interface NewEvent {
  readonly projectId: string;
  /** Lower-case words with dots between: `context.updated`, `plan.task.completed`. */
  readonly type: string;
  /** UUID of what has changed. */
  readonly subjectId: string;
  /** Version of the subject after the change. */
  readonly version: number;
  /** What readers want to know at once; at most `MAX_EVENT_DATA_BYTES` as JSON. The rest they read from the resource. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Who made the change; `undefined` for the engine itself. */
  readonly actor: string | undefined;
}

export interface StateEvent extends NewEvent {
  /** Stable and opaque; also a cursor: a reader resumes after it. */
  readonly id: string;
  /** RFC 3339, by the clock of Postgres. */
  readonly time: string;
}

export interface SubscribeOptions {
  /** Cursor: events behind it come. Without one, events from now on. */
  readonly after?: string | undefined;
  /** Events of one project; of all without it. */
  readonly projectId?: string | undefined;
  /** Types, or beginnings of types: `context.updated`, `context.*`, `*`. All without it. */
  readonly types?: readonly string[] | undefined;
  readonly subjectId?: string | undefined;
  /** Most events of one call. */
  readonly batchSize?: number | undefined;
  /**
   * Called in order of the log with 1 or more events; the next call waits for the promise. When it fails, the events are
   * not repeated and `onGap` is called.
   */
  onEvents(events: readonly StateEvent[]): void | Promise<void>;
  /** Events that the subscriber asked for are no longer kept; the subscription goes on with the oldest that are. */
  onGap?(): void;
  /** Called once when the log closes, not when the subscriber does. */
  onClosed?(): void;
}

export interface Subscription {
  /** All events up to here have been handed over, or do not match; `undefined` until Postgres has been reached. */
  readonly cursor: string | undefined;
  /** Idempotent; a call of `onEvents` under way is the last one. */
  close(): void;
}

export interface EventLog {
  /**
   * Hands over every matching event once, in order. Bounded: a subscriber that is slow is fed from the table at its own
   * speed. While Postgres is away nothing comes; afterwards it goes on where it was.
   *
   * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST for a cursor or a type that cannot be one; MPLP_ERR_EVENTS_LIMIT
   */
  subscribe(options: SubscribeOptions): Subscription;
  /**
   * A cursor for now.
   *
   * @throws MplpError MPLP_ERR_STORE_UNAVAILABLE
   */
  position(): Promise<string>;
  /**
   * Whether all events behind a cursor are still kept.
   *
   * @throws MplpError MPLP_ERR_HTTP_BAD_REQUEST, MPLP_ERR_EVENTS_CURSOR_GONE, MPLP_ERR_STORE_UNAVAILABLE
   */
  checkCursor(cursor: string): Promise<void>;
  /** Events are being followed: what changes shows up in milliseconds. False while Postgres is away. */
  readonly isFollowing: boolean;
  close(): Promise<void>;
}
