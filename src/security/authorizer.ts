import { hash, timingSafeEqual } from 'node:crypto';
import { MplpError } from '../errors/index.js';
import type { Attributes, ResolvedRoles } from '../modules/roles/index.js';
import { createDecisions, type Decisions } from './decisions.js';
import { createKeyCache } from './key-cache.js';
import { findPermission, type Permission } from './permissions.js';
import { createWatch } from './watch.js';

/** Who is asking, as the authorizer established it. */
export interface Principal {
  /** `admin`, or a subject such as `agent:3f2504e0-…`. */
  readonly subject: string;
  readonly projectId: string;
  /** Whether a further permission is given, beside the one that the route asks for. */
  may(permission: string, resourceId?: string): boolean;
}

export interface Credentials {
  /** The secret of `Authorization: Bearer`, `X-API-Key` or the WebSocket subprotocol `bearer.<token>`. */
  readonly token: string | undefined;
}

/** One authorizer for every route: `permission` is one of those in `permissions.ts`. */
export interface Authorizer {
  /**
   * At once for the admin key and for keys that are in memory, else when Postgres has been asked.
   *
   * @param resourceId the resource that the request names; `undefined` when it concerns all of them.
   * @throws MplpError …_SECURITY_UNAUTHENTICATED, …_SECURITY_FORBIDDEN; …_STORE_UNAVAILABLE when it cannot be found out;
   *   a promise fails with the same
   */
  authorize(
    credentials: Credentials,
    permission: string,
    resourceId?: string,
  ): Principal | Promise<Principal>;
  /**
   * Watches what was let in and lasts: calls back once with the reason when it would not be let in any more. Gives what ends
   * the watch.
   */
  watch(
    credentials: Credentials,
    permission: string,
    resourceId: string | undefined,
    onRefused: (reason: MplpError) => void,
  ): () => void;
  /**
   * To be told of every committed change of roles, assignments and keys.
   *
   * @param what the subject whose roles have changed, or the id of the key; all of the project when not given.
   */
  changed(projectId: string, what?: string): void;
  /** Changes may have been missed. */
  reset(): void;
  close(): void;
}

/** What Postgres knows of a key. */
export interface KeyRecord {
  readonly projectId: string;
  readonly subject: string;
  readonly secretSha256: Uint8Array;
  readonly expiresInMs: number;
}

/** What the subject of a key may do. */
export interface SubjectRecord {
  readonly roleIds: readonly string[];
  readonly resolved: ResolvedRoles;
  readonly bytes: number;
  readonly expiresInMs: number;
  readonly attributes: Attributes;
}

export interface AuthorizerOptions {
  /** May do everything, in the default project; needs no Postgres. */
  readonly adminKey: string;
  /** The id that stands in a key; `undefined` for a text that is none. */
  readonly idInKey: (key: string) => string | undefined;
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
  readonly findKey: (id: string) => Promise<KeyRecord | undefined>;
  /** @throws MplpError MPLP_ERR_STORE_UNAVAILABLE */
  readonly findSubject: (projectId: string, subject: string) => Promise<SubjectRecord>;
  /** Whether this engine hears of what others change. */
  readonly isFollowing: () => boolean;
  /** Milliseconds, monotonic; the clock of the process unless given. */
  readonly now?: () => number;
  readonly decisions?: (resolved: ResolvedRoles, attributes: Attributes) => Decisions;
}

/** Who holds a key, and what that allows. */
interface Grant {
  readonly principal: Principal;
  readonly roleIds: readonly string[];
  allows(permission: Permission, resourceId: string | undefined): boolean;
}

/**
 * Nothing is allowed on what was read longer ago. With the second below and two waits for Postgres that does not answer,
 * a right that was taken away is gone after a minute, whatever fails.
 */
export const KEY_TTL_MS = 30_000;
/** What lasts is looked at this often, also when nothing was heard. */
const WATCH_INTERVAL_MS = 5_000;
const MAX_TOKEN_LENGTH = 4096;
const DEFAULT_PROJECT = 'default';

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { now = () => performance.now(), decisions = createDecisions } = options;
  const adminDigest = digestOf(options.adminKey);
  const admin: Principal = Object.freeze({
    subject: 'admin',
    projectId: DEFAULT_PROJECT,
    may: (permission: string) => findPermission(permission) !== undefined,
  });

  async function load(key: string) {
    const id = options.idInKey(key) ?? '';
    const record = await options.findKey(id);
    if (record === undefined || !timingSafeEqual(digestOf(key), record.secretSha256)) return undefined;
    const { projectId, subject } = record;
    const { roleIds, resolved, attributes, bytes, expiresInMs } = await options.findSubject(
      projectId,
      subject,
    );
    const decided = decisions(resolved, attributes);
    const allows: Grant['allows'] = (permission, resourceId) =>
      (!permission.isEngineWide || projectId === DEFAULT_PROJECT) && decided.may(permission, resourceId);
    const may: Principal['may'] = (name, resourceId) => {
      const permission = findPermission(name);
      return permission !== undefined && allows(permission, resourceId);
    };
    const entry: Grant = { principal: Object.freeze({ subject, projectId, may }), roleIds, allows };
    return {
      entry,
      sources: [undefined, subject, id].map((what) => sourceOf(projectId, what)),
      bytes,
      expiresInMs: Math.min(record.expiresInMs, expiresInMs),
    };
  }

  const keys = createKeyCache<Grant>({
    load,
    isFollowing: options.isFollowing,
    now,
    ttlMs: KEY_TTL_MS,
  });

  function judge(grant: Grant | null, name: string, permission: Permission, resourceId?: string): Principal {
    if (grant === null) throw unknownKey();
    if (grant.allows(permission, resourceId)) return grant.principal;
    throw forbidden(grant, name, permission, resourceId);
  }

  const authorize: Authorizer['authorize'] = ({ token }, name, resourceId) => {
    const permission = findPermission(name);
    if (permission === undefined)
      throw new MplpError('MPLP_ERR_SECURITY_FORBIDDEN', 'This route names no permission.');
    if (token === undefined)
      throw new MplpError(
        'MPLP_ERR_SECURITY_UNAUTHENTICATED',
        'Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.',
      );
    if (token.length > MAX_TOKEN_LENGTH) throw unknownKey();
    // Digests have one length, and comparing them takes one time, whatever was sent.
    const digest = digestOf(token);
    if (timingSafeEqual(digest, adminDigest)) return admin;
    const text = digest.toString('base64');
    const held = keys.peek(text, token);
    if (held !== undefined) return judge(held, name, permission, resourceId);
    if (options.idInKey(token) === undefined) throw unknownKey();
    return keys.get(text, token).then((grant) => judge(grant, name, permission, resourceId));
  };

  const watch = createWatch(authorize, WATCH_INTERVAL_MS);
  return {
    authorize,
    watch(credentials, permission, resourceId, onRefused) {
      // The admin key is what it is until the engine ends.
      if (credentials.token !== undefined && timingSafeEqual(digestOf(credentials.token), adminDigest))
        return () => undefined;
      return watch.add({ credentials, permission, resourceId, onRefused });
    },
    changed(projectId, what) {
      keys.changed(sourceOf(projectId, what));
      watch.look();
    },
    reset() {
      keys.reset();
      watch.look();
    },
    close: () => watch.close(),
  };
}

/** Neither projects nor subjects nor ids hold a space. */
function sourceOf(projectId: string, what: string | undefined): string {
  return what === undefined ? projectId : `${projectId} ${what}`;
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function unknownKey(): MplpError {
  return new MplpError('MPLP_ERR_SECURITY_UNAUTHENTICATED', 'The key is not known.');
}

/** Says what is missing, and which roles were asked. */
function forbidden(
  { principal, roleIds }: Grant,
  name: string,
  { resource, action, isEngineWide }: Permission,
  resourceId: string | undefined,
): MplpError {
  const what = `${action} on ${resource}${resourceId === undefined ? '' : ` ${resourceId.slice(0, 80)}`}`;
  const because =
    isEngineWide && principal.projectId !== DEFAULT_PROJECT
      ? `it concerns the whole engine, which only keys of the project ${DEFAULT_PROJECT} may`
      : roleIds.length === 0
        ? 'it has no roles'
        : `none of its roles allows it, or one denies it: ${roleIds.slice(0, 10).join(', ')}`;
  return new MplpError(
    'MPLP_ERR_SECURITY_FORBIDDEN',
    `${principal.subject} may not ${what} (${name}): ${because}.`,
    { extensions: { permission: { resource, action }, roles: roleIds } },
  );
}
