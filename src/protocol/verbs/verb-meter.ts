import { Counter, Histogram, type Registry } from 'prom-client';

/** What one kind of call has cost. */
export interface OperationMetrics {
  readonly count: number;
  /** Calls that threw. */
  readonly failed: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

export interface PerformanceMetrics {
  /** Mean milliseconds of a call. */
  readonly responseTime: number;
  /** Calls a second of working time: what one core does when it does nothing else. */
  readonly throughput: number;
  /** Of the whole process: CPU seconds it has used, resident memory in bytes. */
  readonly resourceUsage: { readonly cpu: number; readonly memory: number };
  readonly operations: Readonly<Record<string, OperationMetrics>>;
}

export interface VerbMeter {
  /** Runs a call and counts it. */
  measure<T>(verb: string, run: () => T): T;
  measureAsync<T>(verb: string, run: () => Promise<T>): Promise<T>;
  read(): PerformanceMetrics;
}

/** @param registry Where Prometheus finds the same figures. */
export function createVerbMeter(registry?: Registry): VerbMeter {
  const metrics = registry === undefined ? undefined : createMetrics(registry);
  const operations = new Map<string, { count: number; failed: number; totalMs: number; maxMs: number }>();
  const record = (verb: string, tookMs: number, failed: boolean): void => {
    let cost = operations.get(verb);
    if (cost === undefined) operations.set(verb, (cost = { count: 0, failed: 0, totalMs: 0, maxMs: 0 }));
    cost.count += 1;
    cost.totalMs += tookMs;
    if (failed) cost.failed += 1;
    if (tookMs > cost.maxMs) cost.maxMs = tookMs;
    metrics?.calls.inc({ verb, result: failed ? 'failed' : 'ok' });
    metrics?.durations.observe({ verb }, tookMs / 1000);
  };
  return {
    measure(verb, run) {
      const start = performance.now();
      let failed = true;
      try {
        const result = run();
        failed = false;
        return result;
      } finally {
        record(verb, performance.now() - start, failed);
      }
    },
    async measureAsync(verb, run) {
      const start = performance.now();
      let failed = true;
      try {
        const result = await run();
        failed = false;
        return result;
      } finally {
        record(verb, performance.now() - start, failed);
      }
    },
    read() {
      let count = 0;
      let totalMs = 0;
      for (const cost of operations.values()) {
        count += cost.count;
        totalMs += cost.totalMs;
      }
      const { user, system } = process.cpuUsage();
      return {
        responseTime: count === 0 ? 0 : totalMs / count,
        throughput: totalMs === 0 ? 0 : (count * 1000) / totalMs,
        resourceUsage: { cpu: (user + system) / 1e6, memory: process.memoryUsage.rss() },
        operations: Object.fromEntries([...operations].map(([verb, cost]) => [verb, { ...cost }])),
      };
    },
  };
}

function createMetrics(registry: Registry) {
  const registers = [registry];
  return {
    calls: new Counter({
      name: 'mplp_protocol_operations_total',
      help: 'Calls of protocol verbs: ok, or failed because what was given cannot be worked on.',
      labelNames: ['verb', 'result'],
      registers,
    }),
    durations: new Histogram({
      name: 'mplp_protocol_operation_duration_seconds',
      help: 'Time that calls of protocol verbs took, waiting for a thread included.',
      labelNames: ['verb'],
      buckets: [0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
  };
}
