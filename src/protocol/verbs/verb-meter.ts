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
  /** Counts a call that was measured by the caller. */
  record(verb: string, tookMs: number, failed: boolean): void;
  read(): PerformanceMetrics;
}

export function createVerbMeter(): VerbMeter {
  const operations = new Map<string, { count: number; failed: number; totalMs: number; maxMs: number }>();
  const record = (verb: string, tookMs: number, failed: boolean): void => {
    let metrics = operations.get(verb);
    if (metrics === undefined)
      operations.set(verb, (metrics = { count: 0, failed: 0, totalMs: 0, maxMs: 0 }));
    metrics.count += 1;
    metrics.totalMs += tookMs;
    if (failed) metrics.failed += 1;
    if (tookMs > metrics.maxMs) metrics.maxMs = tookMs;
  };
  return {
    record,
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
    read() {
      let count = 0;
      let totalMs = 0;
      for (const metrics of operations.values()) {
        count += metrics.count;
        totalMs += metrics.totalMs;
      }
      const { user, system } = process.cpuUsage();
      return {
        responseTime: count === 0 ? 0 : totalMs / count,
        throughput: totalMs === 0 ? 0 : (count * 1000) / totalMs,
        resourceUsage: { cpu: (user + system) / 1e6, memory: process.memoryUsage.rss() },
        operations: Object.fromEntries([...operations].map(([verb, metrics]) => [verb, { ...metrics }])),
      };
    },
  };
}
