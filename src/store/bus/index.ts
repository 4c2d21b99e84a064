export type { Bus } from './contract.js';
export { createLocalBus } from './local-bus.js';
export { createRedisBus, type RedisBusOptions } from './redis-bus.js';
