export type { Config } from './config.js';
export { loadConfig, type LoadedConfig, type LoadOptions } from './load.js';
export { optionTable, type OptionName, type OptionSpec } from './options.js';
export { flagOf } from './flags.js';
export { redisAddressOf, type RedisAddress } from './redis-address.js';
