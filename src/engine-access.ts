import { createApiKeyRoutes, createRoleRoutes, type Route } from './http/index.js';
import { createApiKeys, idInKey } from './modules/api-keys/index.js';
import { attributesOf, createRoles, type Roles } from './modules/roles/index.js';
import { createAuthorizer, type Authorizer } from './security/index.js';
import type { StateCache } from './store/cache/index.js';
import type { PostgresStore } from './store/postgres/index.js';

export interface EngineAccessOptions {
  readonly adminKey: string;
  readonly store: PostgresStore;
  readonly cache: StateCache;
  /** Whether this engine hears of what others change. */
  readonly isFollowing: () => boolean;
}

export interface EngineAccess {
  readonly roles: Roles;
  readonly authorizer: Authorizer;
  readonly routes: Route[];
}

/** Roles, keys, and the authorizer that decides by them. */
export function createEngineAccess({
  adminKey,
  store,
  cache,
  isFollowing,
}: EngineAccessOptions): EngineAccess {
  // The authorizer hears of changes before whoever made them is answered. What is new was used by nobody yet.
  const documents = { store, cache, isCacheCurrent: isFollowing };
  const roles = createRoles({
    ...documents,
    onChanged: ({ projectId, version }) => version > 1 && authorizer.changed(projectId),
    onSubjectChanged: (projectId, subject) => authorizer.changed(projectId, subject),
  });
  const apiKeys = createApiKeys({
    ...documents,
    onChanged: ({ projectId, id, version }) => version > 1 && authorizer.changed(projectId, id),
  });
  const authorizer = createAuthorizer({
    adminKey,
    isFollowing,
    idInKey,
    findKey: (id) => apiKeys.find(id),
    async findSubject(projectId, subject) {
      return {
        ...(await roles.getHoldings(projectId, subject)),
        attributes: attributesOf(projectId, subject),
      };
    },
  });
  return {
    roles,
    authorizer,
    routes: [...createRoleRoutes({ roles, store }), ...createApiKeyRoutes({ apiKeys, roles, store })],
  };
}
