/** What is cached: one row of state. */
export interface CacheKey {
  readonly projectId: string;
  /** `context`, `plan`, `role`, … */
  readonly kind: string;
  readonly id: string;
}

export interface VersionedValue<T> {
  /** The counter of the row: 1 at first, raised by every change. */
  readonly version: number;
  readonly value: T;
}

export interface StateCache {
  /**
   * Reads a row from memory, at once, then from Redis, then by `load`; one load at a time for a key, whoever asks. What is
   * not there (`undefined`) is not cached. A value is JSON and frozen, also the one that `load` gave.
   *
   * @throws only what `load` throws; a promise fails with the same
   */
  read<T>(
    key: CacheKey,
    load: () => Promise<VersionedValue<T> | undefined>,
  ): VersionedValue<T> | Promise<VersionedValue<T> | undefined>;
  /**
   * To be called after a change was committed, by the engine that made it and by all others that hear of it. From then on,
   * this process serves no value of a lower version, also when a load that began before ends later.
   *
   * @param version the version after the change: 1 when the row was created, Infinity when it was deleted. Either throws out
   * every version, since the id may have been used before.
   */
  invalidate(key: CacheKey, version: number): void;
  /**
   * Keeps in memory what this process has just written, unless a later change has been told of already: the answer of the
   * database and what others tell come over different connections. To be called after `invalidate`.
   */
  keep(key: CacheKey, written: VersionedValue<unknown>): void;
  /**
   * Forgets everything: no value that was read from the database before now is served again. To be called when changes
   * may have been missed: as soon as this engine follows the events, and after a gap in them.
   */
  reset(): void;
  close(): Promise<void>;
}
