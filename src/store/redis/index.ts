export {
  createRedisLink,
  defaultRedisLimits,
  type RedisLimits,
  type RedisLink,
  type RedisLinkOptions,
} from './link.js';
export { createRedisMetrics, type RedisFailure, type RedisMetrics } from './metrics.js';
