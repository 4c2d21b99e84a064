import { Counter, Histogram, type Registry } from 'prom-client';

export interface LoaderMetrics {
  inserted(rows: number, bytes: number, durationMs: number): void;
  failed(verdict: string): void;
  unregister(): void;
}

/** Registers the loader's figures; without a registry nothing is counted. */
export function registerLoaderMetrics(registry: Registry | undefined): LoaderMetrics {
  if (registry === undefined) {
    return { inserted: () => undefined, failed: () => undefined, unregister: () => undefined };
  }
  const registers = [registry];
  const seconds = new Histogram({
    name: 'mplp_loader_insert_seconds',
    help: 'Duration of one successful insert into ClickHouse.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const bytes = new Counter({
    name: 'mplp_loader_bytes_total',
    help: 'Bytes sent in successful inserts.',
    registers,
  });
  const rows = new Counter({
    name: 'mplp_loader_rows_total',
    help: 'Rows sent in successful inserts.',
    registers,
  });
  const failures = new Counter({
    name: 'mplp_loader_failures_total',
    help: 'Failed inserts that are tried again, by what was judged of them.',
    labelNames: ['verdict'],
    registers,
  });
  return {
    inserted(rowCount, byteCount, durationMs) {
      rows.inc(rowCount);
      bytes.inc(byteCount);
      seconds.observe(durationMs / 1000);
    },
    failed: (verdict) => failures.inc({ verdict }),
    unregister() {
      for (const { name } of [
        { name: 'mplp_loader_insert_seconds' },
        { name: 'mplp_loader_bytes_total' },
        { name: 'mplp_loader_rows_total' },
        { name: 'mplp_loader_failures_total' },
      ]) {
        registry.removeSingleMetric(name);
      }
    },
  };
}
