export { loadAdminKey, loadSecret, type AdminKey } from './admin-key.js';
export {
  createAuthorizer,
  KEY_TTL_MS,
  type Authorizer,
  type AuthorizerOptions,
  type Credentials,
  type KeyRecord,
  type Principal,
  type SubjectRecord,
} from './authorizer.js';
export { createDecisions, type Decisions } from './decisions.js';
export { findPermission, type Permission } from './permissions.js';
export { tokenOf } from './token.js';
