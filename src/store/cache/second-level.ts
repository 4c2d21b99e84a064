/** A level behind the memory of this process, which other processes share. It may be away, lie or forget. */
export interface SecondLevel {
  /** Never rejects, and takes a bounded time. */
  read(key: string): Promise<SecondLevelRead>;
  /**
   * Stores what a load gave, in the background and if it can. `mark` is that of the `read` before the load: without it the
   * age of the value is not known, and it is not stored.
   */
  fill(key: string, version: number, json: string, mark: LoadMark | undefined, ttlMs: number): void;
  /**
   * Values of lower versions are not given out by `read` any more; other processes are kept from them where that is
   * possible. Infinity: the row came or went, so that nothing loaded before is right.
   *
   * @returns false when this was known already
   */
  invalidate(key: string, version: number): boolean;
  /** As `invalidate`, after another process has told: it has done the rest. */
  heardOf(key: string, version: number): void;
  /** Nothing that was loaded before now is given out any more. */
  reset(): void;
  close(): Promise<void>;
}

/** The moment before a load, as the second level tells time. */
export interface LoadMark {
  readonly epoch: string;
  readonly tick: number;
  /** The connection it came over. */
  readonly connection: unknown;
}

export interface SecondLevelRead {
  readonly found?: { readonly version: number; readonly value: unknown; readonly bytes: number };
  readonly mark?: LoadMark;
}
