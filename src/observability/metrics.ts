import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Requests as the HTTP server sees them. */
export interface HttpMetrics {
  observe(route: string, method: string, status: number, durationMs: number): void;
}

/** Calls as the gRPC server sees them; `code` is the name of the gRPC status. */
export interface GrpcMetrics {
  observe(method: string, code: string, durationMs: number): void;
}

/**
 * The ledger of spans. What reaches the intake is in exactly one of accepted, rejected, duplicate and shed;
 * what was accepted is in exactly one of spooled (a gauge), stored, dead_lettered and quarantined. Restarts
 * carry the spooled ones over: they were accepted by an earlier process and are counted as `recovered`.
 */
export interface SpanLedgerMetrics {
  accepted(spans: number): void;
  rejected(spans: number): void;
  duplicates(spans: number): void;
  shed(spans: number): void;
  shedBody(bytes: number): void;
  disagreements(spans: number): void;
  recovered(spans: number): void;
  stored(spans: number): void;
  deadLettered(spans: number): void;
  quarantined(spans: number): void;
}

export interface Metrics {
  readonly registry: Registry;
  readonly http: HttpMetrics;
  readonly grpc: GrpcMetrics;
  readonly ledger: SpanLedgerMetrics;
  close(): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'mplp_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['route', 'method', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'mplp_http_request_duration_seconds',
    help: 'Time from the request head to the reply.',
    labelNames: ['route', 'method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const calls = new Counter({
    name: 'mplp_grpc_calls_total',
    help: 'gRPC calls answered.',
    labelNames: ['method', 'code'],
    registers: [registry],
  });
  const callDurations = new Histogram({
    name: 'mplp_grpc_call_duration_seconds',
    help: 'Time from the metadata to the status.',
    labelNames: ['method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const spans = new Counter({
    name: 'mplp_spans_total',
    help: 'Spans by outcome at the intake: accepted, rejected, duplicate, shed.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const settled = new Counter({
    name: 'mplp_spans_settled_total',
    help: 'Accepted spans by what became of them: stored, dead_lettered, quarantined.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const recovered = new Counter({
    name: 'mplp_spans_recovered_total',
    help: 'Spans accepted by an earlier process and found in the spool at start.',
    registers: [registry],
  });
  const spooled = new Gauge({
    name: 'mplp_spans_spooled',
    help: 'Accepted spans that ClickHouse does not have yet: accepted + recovered - settled.',
    registers: [registry],
  });
  const shedBytes = new Counter({
    name: 'mplp_shed_body_bytes_total',
    help: 'Bytes of bodies refused for now before they were read.',
    registers: [registry],
  });
  const disagreements = new Counter({
    name: 'mplp_verdict_disagreements_total',
    help: 'Spans that the native check refused and the judge found valid; anything but 0 is a bug.',
    registers: [registry],
  });
  for (const outcome of ['accepted', 'rejected', 'duplicate', 'shed']) spans.inc({ outcome }, 0);
  for (const outcome of ['stored', 'dead_lettered', 'quarantined']) settled.inc({ outcome }, 0);
  const settle = (outcome: string, count: number): void => {
    settled.inc({ outcome }, count);
    spooled.dec(count);
  };
  // Looked up once: finding a series by its labels costs more than counting. Few, since routes and methods are.
  const seriesOfRequests = new Map<
    string,
    { readonly requests: Counter.Internal; readonly durations: Histogram.Internal<string> }
  >();
  return {
    registry,
    http: {
      observe(route, method, status, durationMs) {
        const key = `${method} ${status} ${route}`;
        let series = seriesOfRequests.get(key);
        if (series === undefined) {
          series = {
            requests: requests.labels({ route, method, status: String(status) }),
            durations: durations.labels({ route, method }),
          };
          seriesOfRequests.set(key, series);
        }
        series.requests.inc();
        series.durations.observe(durationMs / 1000);
      },
    },
    grpc: {
      observe(method, code, durationMs) {
        calls.inc({ method, code });
        callDurations.observe({ method }, durationMs / 1000);
      },
    },
    ledger: {
      accepted(count) {
        spans.inc({ outcome: 'accepted' }, count);
        spooled.inc(count);
      },
      rejected: (count) => spans.inc({ outcome: 'rejected' }, count),
      duplicates: (count) => spans.inc({ outcome: 'duplicate' }, count),
      shed: (count) => spans.inc({ outcome: 'shed' }, count),
      shedBody: (bytes) => shedBytes.inc(bytes),
      disagreements: (count) => disagreements.inc(count),
      recovered(count) {
        recovered.inc(count);
        spooled.inc(count);
      },
      stored: (count) => settle('stored', count),
      deadLettered: (count) => settle('dead_lettered', count),
      quarantined: (count) => settle('quarantined', count),
    },
    close() {
      registry.clear();
    },
  };
}
