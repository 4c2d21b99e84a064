import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import * as http from '#dist/http/index.js';
import type { IngestRoute, Route, WebSocketRoute } from '#dist/http/index.js';
import { predefinedRoles } from '#dist/modules/roles/index.js';
import { findPermission } from '#dist/security/index.js';
import { startEngineWithState, type EngineProcess } from '../support/engine-process.js';

/** The routes are only listed here, so nothing behind them is asked. */
const nothing = {} as never;
const contextSync = http.createContextSyncRoutes(nothing, nothing);
const eventStreams = http.createEventRoutes({ events: nothing });
const ingest = http.createIngestRoutes(nothing);
const stream = http.createStreamRoutes({ hub: nothing });
const routes: Route[] = [
  ...http.createOperationsRoutes({ registry: nothing, version: '', parts: () => Promise.resolve([]) }),
  ...ingest.routes,
  ...stream.routes,
  ...http.createTraceQueryRoutes(nothing),
  ...http.createQueryRoutes(nothing),
  ...http.createJaegerRoutes(nothing),
  ...http.createProtocolRoutes(nothing),
  ...http.createSchemaRoutes(nothing),
  ...http.createDeadLetterRoutes(nothing),
  ...http.createContextRoutes(nothing),
  ...contextSync.routes,
  ...eventStreams.routes,
  ...http.createWebhookRoutes(nothing),
  ...http.createRoleRoutes({ roles: nothing, store: nothing }),
  ...http.createApiKeyRoutes({ apiKeys: nothing, roles: nothing, store: nothing }),
];
const ingestRoutes: IngestRoute[] = [...ingest.ingest, http.createOtlpRoute(nothing)];
const webSockets: WebSocketRoute[] = [
  http.createTraceSocketRoute(nothing, 1, nothing),
  ...stream.webSockets,
  ...contextSync.webSockets,
  ...eventStreams.webSockets,
];

const asks = [
  ...routes.map(({ method, path, permission }) => ({ method, path, permission })),
  ...ingestRoutes.map(({ path, permission }) => ({ method: 'POST', path, permission })),
];
const guarded = asks.filter(
  (one): one is { method: string; path: string; permission: string } => one.permission !== undefined,
);

describe('permissions', () => {
  let engine: EngineProcess;
  const keys: Record<string, string> = {};
  beforeAll(async () => {
    engine = await startEngineWithState();
    for (const [name, roles] of Object.entries({
      none: [],
      VIEWER: [predefinedRoles.VIEWER.id],
      DEVELOPER: [predefinedRoles.DEVELOPER.id],
      ADMIN: [predefinedRoles.ADMIN.id],
    })) {
      const response = await fetch(`${engine.url}/v1.0/api-keys`, {
        method: 'POST',
        headers: { authorization: `Bearer ${engine.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ subject: `agent:${name}`, name, roles }),
      });
      keys[name] = ((await response.json()) as { key: string }).key;
    }
  });
  afterAll(() => engine.close());

  const statusOf = async (name: string, method: string, path: string): Promise<number> => {
    const stop = new AbortController();
    const response = await fetch(`${engine.url}${path.replaceAll(/\{[a-z_]+\}/g, () => randomUUID())}`, {
      method,
      headers: { authorization: `Bearer ${keys[name]}`, 'content-type': 'application/json' },
      signal: stop.signal,
      ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }),
    });
    stop.abort();
    return response.status;
  };

  it('are those of every route that the engine serves', () => {
    const engineText = ['engine.ts', 'engine-access.ts']
      .map((file) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8'))
      .join();
    const served = new Set([...engineText.matchAll(/\b(create\w+Routes?)\(/g)].map(([, name]) => name));
    const listed = new Set(
      [...readFileSync(new URL(import.meta.url), 'utf8').matchAll(/http\.(create\w+Routes?)\(/g)].map(
        ([, name]) => name,
      ),
    );
    expect([...served].sort()).toEqual([...listed].sort());
  });

  it('are named by every route but health and readiness, and are in the table', () => {
    expect(asks.filter(({ permission }) => permission === undefined).map(({ path }) => path)).toEqual([
      '/health',
      '/ready',
    ]);
    for (const { permission } of [...guarded, ...webSockets])
      expect([permission, findPermission(permission)]).not.toEqual([permission, undefined]);
  });

  it('are not had by a key without a role', async () => {
    for (const { method, path } of guarded)
      expect([method, path, await statusOf('none', method, path)]).toEqual([method, path, 403]);
  });

  /** What the design document says of the predefined roles. */
  const rights: Record<string, readonly string[]> = {
    VIEWER: ['context read', 'trace read'],
    DEVELOPER: ['context read', 'context write', 'trace read'],
  };
  for (const [name, allowed] of Object.entries(rights))
    it(`of ${name} are those that the role names, and no others`, async () => {
      for (const { method, path, permission } of guarded) {
        const { resource, action } = findPermission(permission) as { resource: string; action: string };
        const isRefused = (await statusOf(name, method, path)) === 403;
        expect([method, path, isRefused]).toEqual([method, path, !allowed.includes(`${resource} ${action}`)]);
      }
    });

  it('of a viewer never include writing', async () => {
    for (const { method, path, permission } of guarded.filter(
      ({ permission: one }) => !/:(read|run)$/.test(one),
    ))
      expect([permission, await statusOf('VIEWER', method, path)]).toEqual([permission, 403]);
  });

  it('of ADMIN are all', async () => {
    for (const { method, path } of guarded)
      expect([method, path, [401, 403].includes(await statusOf('ADMIN', method, path))]).toEqual([
        method,
        path,
        false,
      ]);
  });

  it('are asked of WebSockets too', async () => {
    const outcome = (name: string, path: string): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${engine.url.replace('http', 'ws')}${path}?node_id=n`, {
          headers: { authorization: `Bearer ${keys[name]}` },
        });
        socket.once('unexpected-response', (_, response) => {
          resolve(response.statusCode ?? 0);
          socket.terminate();
        });
        socket.on('error', () => undefined);
        socket.once('open', () => {
          resolve(101);
          socket.terminate();
        });
      });
    for (const { path, permission } of webSockets) {
      expect([path, await outcome('none', path)]).toEqual([path, 403]);
      const { resource, action } = findPermission(permission) as { resource: string; action: string };
      const isAllowed = rights['VIEWER']?.includes(`${resource} ${action}`) === true;
      // Some refuse the parameter of others, once it is known who asks.
      expect([path, (await outcome('VIEWER', path)) === 403]).toEqual([path, !isAllowed]);
    }
  });
});
