import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SpoolPressure } from './contract.js';

export interface SpoolMetrics {
  /** One group commit: its records, bytes and duration. */
  committed(records: number, bytes: number, durationMs: number): void;
  unregister(): void;
}

/** Registers the spool's figures; without a registry nothing is counted. */
export function registerSpoolMetrics(
  registry: Registry | undefined,
  pressure: () => SpoolPressure,
  failed: () => boolean,
  quarantinedRecords: () => number,
): SpoolMetrics {
  if (registry === undefined) return { committed: () => undefined, unregister: () => undefined };
  const registers = [registry];
  const names: string[] = [];
  const named = (name: string, help: string) => {
    names.push(name);
    return { name, help, registers };
  };
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...named(name, help),
      collect() {
        this.set(read());
      },
    });
  };
  gauge(
    'mplp_spool_unstored_bytes',
    'Bytes of spans on disk that ClickHouse does not have yet.',
    () => pressure().unstoredBytes,
  );
  gauge(
    'mplp_spool_unstored_spans',
    'Spans on disk that ClickHouse does not have yet.',
    () => pressure().unstoredRows,
  );
  gauge(
    'mplp_spool_oldest_unstored_seconds',
    'Age of the oldest of them.',
    () => pressure().oldestUnstoredAgeMs / 1000,
  );
  gauge('mplp_spool_accepts', '1 when the spool takes appends.', () => (pressure().accepts ? 1 : 0));
  gauge('mplp_spool_failed', '1 when a disk fault stopped the spool (restart needed).', () =>
    failed() ? 1 : 0,
  );
  gauge('mplp_spool_quarantined_records', 'Damaged records found since the start.', quarantinedRecords);
  const records = new Counter(named('mplp_spool_records_total', 'Records made durable.'));
  const bytes = new Counter(named('mplp_spool_bytes_total', 'Bytes made durable.'));
  const commit = new Histogram({
    ...named('mplp_spool_commit_seconds', 'Duration of one group commit: write and sync.'),
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
  });
  return {
    committed(count, size, durationMs) {
      records.inc(count);
      bytes.inc(size);
      commit.observe(durationMs / 1000);
    },
    unregister() {
      for (const name of names) registry.removeSingleMetric(name);
    },
  };
}
