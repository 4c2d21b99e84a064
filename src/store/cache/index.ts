export type { CacheKey, StateCache, VersionedValue } from './contract.js';
export { createStateCache, type StateCacheOptions } from './state-cache.js';
export { createRedisLevel, type RedisLevelLimits, type RedisLevelOptions } from './redis-level.js';
export type { SecondLevel } from './second-level.js';
export { defaultCacheTtls, type CacheTtl } from './ttls.js';
