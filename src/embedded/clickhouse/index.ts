export { startEmbeddedClickHouse } from './supervisor.js';
export type { EmbeddedClickHouse, EmbeddedClickHouseOptions, EmbeddedState } from './supervisor.js';
