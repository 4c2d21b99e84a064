/** The library's public exports. */
export { createEngine, type Engine } from './engine.js';
export { loadConfig, type Config } from './config/index.js';
export { MplpError, errorTable, type ErrorCode, type FieldError } from './errors/index.js';
export { createLogger, type Logger } from './observability/log.js';
