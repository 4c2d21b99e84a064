/** How long a value may stay, in milliseconds, when nobody says that it has changed. */
export interface CacheTtl {
  /** In memory. */
  readonly l1Ms: number;
  /** In Redis. */
  readonly l2Ms: number;
}

/** The design document's cache strategy: five minutes in memory, an hour in Redis. */
const standard: CacheTtl = { l1Ms: 300_000, l2Ms: 3_600_000 };

/**
 * Times by kind. Kinds that are not named have those of `standard`. What roles allow is asked for the whole day, and a right
 * that was taken away must not come back, should an event ever be missed: so they stay for a short time.
 */
export const defaultCacheTtls: Readonly<Record<string, CacheTtl>> & { readonly standard: CacheTtl } = {
  standard,
  context: standard,
  plan: standard,
  execution: standard,
  role: { l1Ms: 60_000, l2Ms: 300_000 },
};
