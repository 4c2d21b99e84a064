export { createClickHouseStore, type ClickHouseStore, type ClickHouseStoreOptions } from './store.js';
export { classifyClickHouseError, clickHouseCode, type ErrorClass } from './error-class.js';
export { readModelPrices, storeModelPrices, type ModelPrice } from './model-prices.js';
export { readMigrations, splitStatements } from './migrations.js';
export { requiredTableSettings } from './settings.js';
