import { Registry } from 'prom-client';
import { tellAuthorizer } from '#dist/engine-follow.js';
import { createApiKeys, idInKey, type ApiKeys } from '#dist/modules/api-keys/index.js';
import { createScope, type Scope } from '#dist/modules/documents/index.js';
import { attributesOf, createRoles, type Roles } from '#dist/modules/roles/index.js';
import { createAuthorizer, type Authorizer, type AuthorizerOptions } from '#dist/security/index.js';
import { createStateCache } from '#dist/store/cache/index.js';
import type { PostgresStore } from '#dist/store/postgres/index.js';
import { openLog } from '../store/events/logs.js';
import { until } from './until.js';

export const ADMIN_KEY = 'the-admin-key-of-the-tests';

/** What one engine has of roles, keys and the authorizer, over a real Postgres. */
export interface AccessWorld {
  readonly store: PostgresStore;
  readonly roles: Roles;
  readonly apiKeys: ApiKeys;
  readonly authorizer: Authorizer;
  /** Times that a key was asked for in Postgres. */
  readonly lookups: number;
  /** Times that roles of a subject were read. */
  readonly reads: number;
  /** Milliseconds that the clock of the authorizer is ahead. */
  aheadMs: number;
  scope(projectId?: string): Scope;
  close(): Promise<void>;
}

export interface AccessWorldOptions {
  readonly decisions?: NonNullable<AuthorizerOptions['decisions']>;
  /** Plants a bug: the authorizer is not told of changes. */
  readonly isDeaf?: boolean;
}

export async function openAccess(url: string, options: AccessWorldOptions = {}): Promise<AccessWorld> {
  const { store, events, close } = await openLog(() => url);
  await until(() => events.isFollowing);
  const cache = createStateCache({ maxBytes: 1024 * 1024, registry: new Registry() });
  let lookups = 0;
  let reads = 0;
  const tell = (projectId: string, what?: string): void => {
    if (options.isDeaf !== true) authorizer.changed(projectId, what);
  };
  const documents = {
    store,
    cache,
    isCacheCurrent: () => events.isFollowing,
  };
  const roles = createRoles({
    ...documents,
    onChanged: ({ projectId }) => tell(projectId),
    onSubjectChanged: tell,
  });
  const apiKeys = createApiKeys({ ...documents, onChanged: ({ projectId, id }) => tell(projectId, id) });
  const clock = { aheadMs: 0 };
  const authorizer: Authorizer = createAuthorizer({
    adminKey: ADMIN_KEY,
    isFollowing: () => events.isFollowing,
    idInKey,
    findKey(id) {
      lookups++;
      return apiKeys.find(id);
    },
    async findSubject(projectId, subject) {
      const holdings = await roles.getHoldings(projectId, subject);
      reads++;
      return { ...holdings, attributes: attributesOf(projectId, subject) };
    },
    now: () => performance.now() + clock.aheadMs,
    ...(options.decisions === undefined ? {} : { decisions: options.decisions }),
  });
  const subscription = events.subscribe({
    onEvents(batch) {
      for (const event of batch) tellAuthorizer({ changed: tell }, event);
    },
  });
  return {
    store,
    roles,
    apiKeys,
    authorizer,
    get lookups() {
      return lookups;
    },
    get reads() {
      return reads;
    },
    get aheadMs() {
      return clock.aheadMs;
    },
    set aheadMs(ms) {
      clock.aheadMs = ms;
    },
    scope: (projectId = 'default') => createScope(store, { projectId, actor: 'tests' }),
    async close() {
      subscription.close();
      authorizer.close();
      await cache.close();
      await close();
    },
  };
}

/** The id of a stored document. */
export function idOf(stored: { readonly text: string }): string {
  return (JSON.parse(stored.text) as { id: string }).id;
}
