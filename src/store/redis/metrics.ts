import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * Why an operation got no result. `timeout`: no answer in time. `broken`: the connection went away meanwhile. `refused`:
 * Redis said no. `overload`: too many operations are under way already.
 */
export type RedisFailure = 'timeout' | 'broken' | 'refused' | 'overload';

export interface RedisMetrics {
  up(connection: string, isUp: boolean): void;
  failed(connection: string, reason: RedisFailure): void;
}

/** One for a registry; connections tell themselves apart by their names. */
export function createRedisMetrics(registry: Registry): RedisMetrics {
  const up = new Gauge({
    name: 'mplp_redis_up',
    help: 'Whether the connection to Redis is there: 1 or 0.',
    labelNames: ['connection'],
    registers: [registry],
  });
  const errors = new Counter({
    name: 'mplp_redis_errors_total',
    help: 'Operations on Redis without a result: timeout, broken, refused, overload.',
    labelNames: ['connection', 'reason'],
    registers: [registry],
  });
  return {
    up: (connection, isUp) => up.set({ connection }, isUp ? 1 : 0),
    failed: (connection, reason) => errors.inc({ connection, reason }),
  };
}
