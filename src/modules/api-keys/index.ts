export { createApiKeys, idInKey, type ApiKeys, type FoundKey } from './api-keys.js';
