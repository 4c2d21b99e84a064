export { loadAdminKey, loadSecret, type AdminKey } from './admin-key.js';
export { createAuthorizer, type Authorizer, type Credentials, type Principal } from './authorizer.js';
export { tokenOf } from './token.js';
