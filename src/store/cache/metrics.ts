import { Counter, Gauge, type Registry } from 'prom-client';

/** Plain numbers, since they are raised with every read; Prometheus gets them when it asks. */
export interface CacheCounts {
  l1Hits: number;
  l2Hits: number;
  /** Loads that were begun. */
  misses: number;
  /** Readers that waited for a load of somebody else. */
  joined: number;
  /** Loads that were repeated, since the row changed meanwhile. */
  repeated: number;
  evictions: number;
  invalidations: number;
}

export function createCacheMetrics(
  registry: Registry,
  size: () => { readonly bytes: number; readonly entries: number },
): CacheCounts {
  const registers = [registry];
  const counts: CacheCounts = {
    l1Hits: 0,
    l2Hits: 0,
    misses: 0,
    joined: 0,
    repeated: 0,
    evictions: 0,
    invalidations: 0,
  };
  new Counter({
    name: 'mplp_cache_hits_total',
    help: 'Reads of state that were served by the cache, by level: l1 is memory, l2 is Redis.',
    labelNames: ['level'],
    registers,
    collect() {
      this.reset();
      this.inc({ level: 'l1' }, counts.l1Hits);
      this.inc({ level: 'l2' }, counts.l2Hits);
    },
  });
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  counter('mplp_cache_misses_total', 'Reads of state that went to Postgres.', () => counts.misses);
  counter('mplp_cache_joined_total', 'Reads that waited for a read of the same row.', () => counts.joined);
  counter(
    'mplp_cache_repeated_loads_total',
    'Reads of Postgres that were repeated, since the row changed meanwhile.',
    () => counts.repeated,
  );
  counter(
    'mplp_cache_evictions_total',
    'Values that left memory to make room for others.',
    () => counts.evictions,
  );
  counter(
    'mplp_cache_invalidations_total',
    'Changes that the cache was told of.',
    () => counts.invalidations,
  );
  new Gauge({
    name: 'mplp_cache_bytes',
    help: 'Values in memory, as JSON.',
    registers,
    collect() {
      this.set(size().bytes);
    },
  });
  new Gauge({
    name: 'mplp_cache_entries',
    help: 'Values in memory.',
    registers,
    collect() {
      this.set(size().entries);
    },
  });
  return counts;
}
