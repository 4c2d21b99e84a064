import { LRUCache } from 'lru-cache';
import { MplpError } from '../../errors/index.js';
import type { Stored } from '../documents/index.js';
import { createPatch, type PatchOperation } from './json-patch.js';

export type SyncType = 'full' | 'incremental';

/** What a node is sent. It answers `full` and `incremental` with the version it then has. */
export type SyncMessage =
  | {
      readonly type: 'full';
      readonly context_id: string;
      readonly version: number;
      readonly document: unknown;
    }
  | {
      readonly type: 'incremental';
      readonly context_id: string;
      readonly from_version: number;
      readonly version: number;
      readonly patch: readonly PatchOperation[];
    }
  | { readonly type: 'current'; readonly context_id: string; readonly version: number }
  | { readonly type: 'deleted'; readonly context_id: string };

/** A node that is connected to this engine. */
export interface SyncNode {
  /** The node wants the context, and has this version of it (0: none). @throws MplpError MPLP_ERR_MODULES_NOT_FOUND, …_LIMIT */
  subscribe(contextId: string, version: number): Promise<void>;
  unsubscribe(contextId: string): void;
  /** The node has this version now. */
  acknowledge(contextId: string, version: number): void;
  close(): void;
}

export interface NodeResult {
  readonly node_id: string;
  readonly status: 'acknowledged' | 'not_connected' | 'timeout';
  /** The last version that the node acknowledged; 0 when it has acknowledged none. */
  readonly version: number;
  readonly latency_ms: number;
}

/** The nodes that are connected to this engine, and which version of which context each has. */
export interface ContextSync {
  /** @param send gives a message to the connection of the node. */
  connect(projectId: string, nodeId: string, send: (message: SyncMessage) => void): SyncNode;
  /**
   * Sends the newest version to nodes and waits for their acknowledgements.
   *
   * @param nodes all that have subscribed to the context when `undefined`.
   */
  sync(
    projectId: string,
    contextId: string,
    nodes: readonly string[] | undefined,
    type: SyncType,
    timeoutMs: number,
  ): Promise<{ version: number; results: NodeResult[] }>;
  /** A context has changed; `isDeleted` when it is gone. */
  changed(projectId: string, contextId: string, isDeleted: boolean): void;
}

/** Texts of versions that nodes may still be at, for patches; an older node gets the whole document. */
const MAX_HISTORY_BYTES = 32 * 1024 * 1024;
const MAX_SUBSCRIPTIONS = 1_000;

interface Subscription {
  /** What the node has. */
  version: number;
  /** What it was sent and has not acknowledged. */
  sent: number | undefined;
  /** It must be looked at again once it has acknowledged. */
  isBehind: boolean;
  readonly waiters: Set<(version: number) => void>;
}

interface Connection {
  readonly projectId: string;
  readonly nodeId: string;
  readonly subscriptions: Map<string, Subscription>;
  send(message: SyncMessage): void;
}

export function createContextSync(options: {
  /** The newest version, through the cache. @throws MplpError MPLP_ERR_MODULES_NOT_FOUND */
  readonly get: (projectId: string, contextId: string) => Stored | Promise<Stored>;
  readonly onError: (error: unknown) => void;
}): ContextSync {
  const connections = new Set<Connection>();
  const history = new LRUCache<string, string>({
    maxSize: MAX_HISTORY_BYTES,
    sizeCalculation: (text) => Math.max(1, text.length),
  });
  /** Ids are only unique within a project. */
  const historyKey = (projectId: string, contextId: string, version: number): string =>
    `${projectId} ${contextId} ${version}`;

  const find = (projectId: string, contextId: string): Connection[] =>
    [...connections].filter((each) => each.projectId === projectId && each.subscriptions.has(contextId));

  /** One message at a time is under way to a node for a context: what changes meanwhile comes in the next one. */
  function push(
    connection: Connection,
    contextId: string,
    stored: Stored,
    type: SyncType,
    force: boolean,
  ): void {
    const subscription = connection.subscriptions.get(contextId);
    if (subscription === undefined) return;
    if (subscription.sent !== undefined) {
      subscription.isBehind = true;
      return;
    }
    if (subscription.version === stored.version && !force) return;
    const { version, text } = stored;
    history.set(historyKey(connection.projectId, contextId, version), text);
    const document = JSON.parse(text) as unknown;
    const former =
      type === 'incremental'
        ? history.get(historyKey(connection.projectId, contextId, subscription.version))
        : undefined;
    subscription.sent = version;
    connection.send(
      former === undefined
        ? { type: 'full', context_id: contextId, version, document }
        : {
            type: 'incremental',
            context_id: contextId,
            from_version: subscription.version,
            version,
            patch: createPatch(JSON.parse(former), document),
          },
    );
  }

  const subscriptionOf = (connection: Connection, contextId: string, version: number): Subscription => {
    const known = connection.subscriptions.get(contextId);
    if (known !== undefined) return known;
    if (connection.subscriptions.size >= MAX_SUBSCRIPTIONS)
      throw new MplpError(
        'MPLP_ERR_MODULES_LIMIT',
        `A node may subscribe to at most ${MAX_SUBSCRIPTIONS} contexts.`,
      );
    const made = { version, sent: undefined, isBehind: false, waiters: new Set<(version: number) => void>() };
    connection.subscriptions.set(contextId, made);
    return made;
  };

  async function catchUp(connection: Connection, contextId: string): Promise<void> {
    push(connection, contextId, await options.get(connection.projectId, contextId), 'incremental', false);
  }

  return {
    connect(projectId, nodeId, send) {
      const connection: Connection = { projectId, nodeId, send, subscriptions: new Map() };
      connections.add(connection);
      return {
        async subscribe(contextId, version) {
          const stored = await options.get(projectId, contextId);
          const subscription = subscriptionOf(connection, contextId, version);
          subscription.version = version;
          subscription.sent = undefined;
          if (version === stored.version) send({ type: 'current', context_id: contextId, version });
          else push(connection, contextId, stored, 'incremental', false);
        },
        unsubscribe: (contextId) => void connection.subscriptions.delete(contextId),
        acknowledge(contextId, version) {
          const subscription = connection.subscriptions.get(contextId);
          if (subscription === undefined || version !== subscription.sent) return;
          subscription.version = version;
          subscription.sent = undefined;
          for (const waiter of [...subscription.waiters]) waiter(version);
          if (!subscription.isBehind) return;
          subscription.isBehind = false;
          catchUp(connection, contextId).catch(options.onError);
        },
        close: () => void connections.delete(connection),
      };
    },
    async sync(projectId, contextId, nodes, type, timeoutMs) {
      const stored = await options.get(projectId, contextId);
      const targets = nodes ?? find(projectId, contextId).map(({ nodeId }) => nodeId);
      const results = [...new Set(targets)].map((nodeId) => {
        const connection = [...connections]
          .reverse()
          .find((each) => each.projectId === projectId && each.nodeId === nodeId);
        return connection === undefined
          ? Promise.resolve<NodeResult>({
              node_id: nodeId,
              status: 'not_connected',
              version: 0,
              latency_ms: 0,
            })
          : syncOne(connection, contextId, stored, type, timeoutMs);
      });
      return { version: stored.version, results: await Promise.all(results) };
    },
    changed(projectId, contextId, isDeleted) {
      // One that is made again under the id begins at version 1 again, and is no later version of these.
      if (isDeleted)
        for (const key of [...history.keys()])
          if (key.startsWith(`${projectId} ${contextId} `)) history.delete(key);
      for (const connection of find(projectId, contextId)) {
        if (isDeleted) {
          connection.subscriptions.delete(contextId);
          connection.send({ type: 'deleted', context_id: contextId });
        } else catchUp(connection, contextId).catch(options.onError);
      }
    },
  };

  function syncOne(
    connection: Connection,
    contextId: string,
    stored: Stored,
    type: SyncType,
    timeoutMs: number,
  ): Promise<NodeResult> {
    const startMs = performance.now();
    const subscription = subscriptionOf(connection, contextId, 0);
    return new Promise((resolve) => {
      const end = (status: NodeResult['status']): void => {
        clearTimeout(timer);
        subscription.waiters.delete(look);
        resolve({
          node_id: connection.nodeId,
          status,
          version: subscription.version,
          latency_ms: Math.round((performance.now() - startMs) * 1000) / 1000,
        });
      };
      const look = (version: number): void => {
        if (version >= stored.version) end('acknowledged');
      };
      const timer = setTimeout(() => end('timeout'), timeoutMs);
      subscription.waiters.add(look);
      if (subscription.version === stored.version && type === 'incremental') return end('acknowledged');
      push(connection, contextId, stored, type, type === 'full');
    });
  }
}
