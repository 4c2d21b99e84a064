import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config/index.js';
import { prepareDataFolder } from './data-folder.js';
import { createEngineAccess } from './engine-access.js';
import { createEngineCache } from './engine-cache.js';
import { createEngineFaces, type EngineFaces } from './engine-faces.js';
import { followChanges } from './engine-follow.js';
import { startEnginePostgres } from './engine-postgres.js';
import { startEmbeddedClickHouse, type EmbeddedClickHouse } from './embedded/clickhouse/index.js';
import { MplpError } from './errors/index.js';
import { createGrpcServer } from './grpc/index.js';
import {
  createContextRoutes,
  createContextSyncRoutes,
  createDeadLetterRoutes,
  createEventRoutes,
  createHttpServer,
  createIngestRoutes,
  createJaegerRoutes,
  createOperationsRoutes,
  createOtlpRoute,
  createProtocolRoutes,
  createQueryRoutes,
  createSchemaRoutes,
  createStreamRoutes,
  createTraceQueryRoutes,
  createTraceSocketRoute,
  createWebhookRoutes,
  type PartState,
} from './http/index.js';
import { createContexts, createContextSync } from './modules/contexts/index.js';
import { createPostgresSchemaStore } from './modules/schemas/index.js';
import { createWebhooks } from './modules/webhooks/index.js';
import { loadNative } from './native/index.js';
import type { Logger } from './observability/log.js';
import { createMetrics } from './observability/metrics.js';
import { createProtocolServices } from './protocol/index.js';
import { loadAdminKey, loadSecret } from './security/index.js';
import {
  createClickHouseStore,
  type ClickHouseStore,
  readModelPrices,
  storeModelPrices,
  type ModelPrice,
} from './store/clickhouse/index.js';
import { createEventLog } from './store/events/index.js';
import { createIntake } from './traces/intake/index.js';
import { createJaegerQueries } from './traces/jaeger/index.js';
import { createTailHub } from './traces/live/index.js';
import { createClickHouseDeadLetters, createClickHouseSink, createLoader } from './traces/loader/index.js';
import { createSpool } from './traces/spool/index.js';
import { createSqlQueries, createTraceQueries } from './traces/query/index.js';

const STORE_RETRY_MS = 1_000;
/** How long a start waits for Postgres beyond ClickHouse, so that the first requests for state find it. */
const POSTGRES_START_MS = 5_000;
const HOUR_MS = 3_600_000;
const MAX_SOCKET_BUFFER_BYTES = 8 * 1024 * 1024;
const LARGEST_NODE = 1024;

export interface Engine extends EngineFaces {
  readonly url: string;
  readonly port: number;
  /** Where OTLP is taken beside the main port; `undefined` when switched off or when the port is taken. */
  readonly otlp: { readonly http: string | undefined; readonly grpc: string | undefined };
  /** Set when the admin key was made at this start: show it once. */
  readonly createdAdminKey: string | undefined;
  readonly adminKeyPath: string;
  /** Where ClickHouse can be asked directly. */
  readonly clickhouse: ClickHouseAccess;
  /** The embedded PostgreSQL: its process; `undefined` while it does not run, or when another one is configured. */
  readonly postgres: { readonly pid: number | undefined };
  /** Stops taking requests, finishes those under way, hands the spool to ClickHouse, and ends. */
  close(): Promise<void>;
}

export interface ClickHouseAccess {
  readonly url: string;
  readonly username: string;
  readonly database: string;
  /** File with the password of the embedded server; `undefined` for a configured one. */
  readonly passwordFile: string | undefined;
  /** Process of the embedded server. */
  readonly pid: number | undefined;
}

/** Puts the parts together and starts them in order; the one file that knows them all. */
export async function createEngine(config: Config, log: Logger): Promise<Engine> {
  await prepareDataFolder(config.dataDir);
  const native = loadNative();
  const metrics = createMetrics();
  const adminKey = await loadAdminKey(config.dataDir, config.adminKey);
  const closers: (() => Promise<unknown> | void)[] = [() => metrics.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const prices = await readModelPrices(config.modelPrices);
    // The spool first: its lock keeps a second engine off the folder.
    const spool = await createSpool({
      ...config,
      crc32c: (bytes, seed) => native.crc32c(bytes, seed),
      log,
      registry: metrics.registry,
      ledger: metrics.ledger,
    });
    closers.push(() => spool.close());
    metrics.ledger.recovered(spool.pressure().unstoredRows);

    // Beside ClickHouse, which takes as long.
    const postgres = await startEnginePostgres(config, log, metrics.registry);
    closers.push(() => postgres.close());
    const cache = createEngineCache(config, log, metrics.registry);
    closers.push(() => cache.close());
    const state = { store: postgres.store, log, registry: metrics.registry };
    const events = createEventLog({
      ...state,
      limits: { retentionMs: config.eventRetentionHours * HOUR_MS },
    });
    closers.push(() => events.close());
    const webhooks = createWebhooks({ ...state, events, allowNetworks: config.webhookAllowNetworks ?? [] });
    closers.push(() => webhooks.close());

    const passwordFile = join(config.dataDir, 'clickhouse-password');
    const embedded =
      config.clickhouseUrl === undefined
        ? await startEmbeddedClickHouse({
            dataDir: config.dataDir,
            port: config.clickhousePort,
            password: (await loadSecret(passwordFile)).key,
            log,
          })
        : undefined;
    if (embedded !== undefined) closers.push(() => embedded.close());
    const address = clickHouseAddress(config, embedded);
    const store = createClickHouseStore({
      ...address,
      cluster: config.clickhouseCluster,
      isOurs: embedded !== undefined,
      log,
    });
    closers.push(() => store.close());

    const loader = createLoader({
      source: spool,
      sink: createClickHouseSink(store),
      deadLetters: createClickHouseDeadLetters(store),
      dataDir: config.dataDir,
      log,
      registry: metrics.registry,
      ledger: metrics.ledger,
    });
    closers.push(() => loader.close());

    const tail = createTailHub({
      maxBufferedBytesPerSubscriber: config.tailBufferBytes,
      registry: metrics.registry,
    });
    closers.push(() => tail.close());
    const intake = createIntake({
      ...config,
      native,
      spool,
      receipts: spool.receipts,
      highestSequence: spool.highestSequence,
      tail,
      ledger: metrics.ledger,
      log,
      limits: config,
      nodeId: config.nodeId >= 0 ? config.nodeId : nodeIdOf(spool.spoolId),
    });
    closers.push(() => intake.close());

    const storeReady = prepareStore(store, config, prices, log, () => loader.start());
    closers.push(() => storeReady.stop());

    const ingest = createIngestRoutes(intake);
    const stream = createStreamRoutes({ hub: tail });
    const eventStreams = createEventRoutes({ events });
    const queries = createTraceQueries({ store, config });
    const sqlQueries = createSqlQueries({ store, config });
    closers.push(() => sqlQueries.close());
    const protocol = createProtocolServices({
      schemaStore: createPostgresSchemaStore({ store: postgres.store }),
      metrics: metrics.registry,
    });
    closers.push(() => protocol.close());
    const contexts = createContexts({
      store: postgres.store,
      cache: cache.cache,
      isCacheCurrent: () => follower.isCurrent,
      onChanged: ({ projectId, id, version }) => contextSync.changed(projectId, id, version === Infinity),
    });
    const contextSync = createContextSync({
      get: (projectId, id) => contexts.get(projectId, id),
      onError: (error) => log.error({ err: error }, 'a node was not brought up to date'),
    });
    const access = createEngineAccess({
      adminKey: adminKey.key,
      store: postgres.store,
      cache: cache.cache,
      isFollowing: () => follower.isCurrent,
    });
    const { authorizer } = access;
    closers.push(() => authorizer.close());
    const follower = followChanges(events, cache.cache, contextSync, authorizer);
    closers.push(() => follower.close());
    const contextSyncRoutes = createContextSyncRoutes(contextSync, log);
    const version = await packageVersion();
    const otlp = createOtlpRoute(intake);
    const webSocketLimits = {
      maxMessageBytes: config.maxBodyBytes,
      maxBufferedBytes: MAX_SOCKET_BUFFER_BYTES,
    };
    const server = await createHttpServer({
      host: config.host,
      port: config.port,
      portOption: 'MPLP_PORT',
      routes: [
        ...createOperationsRoutes({
          registry: metrics.registry,
          version,
          parts: async () => [
            partOf(
              'spool',
              spool.health().status !== 'failed' && spool.pressure().accepts,
              spool.health().reason,
            ),
            partOf(
              'clickhouse',
              storeReady.ready && (await store.ping()),
              storeReady.ready ? '' : storeReady.detail,
            ),
            partOf('loader', loader.health().status !== 'operator', loader.health().detail),
            await postgres.part(),
            ...cache.parts(),
          ],
        }),
        ...ingest.routes,
        ...stream.routes,
        ...createTraceQueryRoutes(queries),
        ...createQueryRoutes(sqlQueries),
        ...createJaegerRoutes(createJaegerQueries({ store, config })),
        ...createProtocolRoutes(protocol),
        ...createSchemaRoutes(protocol),
        ...createDeadLetterRoutes(loader),
        ...createContextRoutes({ contexts, store: postgres.store }),
        ...contextSyncRoutes.routes,
        ...access.routes,
        ...eventStreams.routes,
        ...createWebhookRoutes(webhooks),
      ],
      ingestRoutes: [...ingest.ingest, otlp],
      webSocketRoutes: [
        createTraceSocketRoute(intake, config.maxInflightBytes, log),
        ...stream.webSockets,
        ...contextSyncRoutes.webSockets,
        ...eventStreams.webSockets,
      ],
      webSocketLimits,
      authorizer,
      metrics: metrics.http,
      log,
    });
    closers.push(() => server.close());
    const otlpHttp = await listenIfFree(config.otlpHttpPort, log, (port) =>
      createHttpServer({
        host: config.host,
        port,
        portOption: 'MPLP_OTLP_HTTP_PORT',
        routes: [],
        ingestRoutes: [otlp],
        webSocketRoutes: [],
        webSocketLimits,
        authorizer,
        metrics: metrics.http,
        log,
      }),
    );
    closers.push(() => otlpHttp?.close());
    const otlpGrpc = await listenIfFree(config.otlpGrpcPort, log, (port) =>
      createGrpcServer({
        host: config.host,
        port,
        maxMessageBytes: config.maxBodyBytes,
        intake,
        authorizer,
        metrics: metrics.grpc,
        log,
      }),
    );
    closers.push(() => otlpGrpc?.close());
    if (embedded !== undefined) await storeReady.first;
    await postgres.waitForStart(POSTGRES_START_MS);
    log.info(
      {
        url: server.url,
        otlp_http: otlpHttp?.url,
        otlp_grpc: otlpGrpc?.address,
        workers: config.workers,
        instructions: native.instructionSet,
      },
      'the engine takes requests',
    );

    let closing: Promise<void> | undefined;
    return {
      ...createEngineFaces({
        protocol,
        contexts,
        sync: contextSync,
        store: postgres.store,
        intake,
        queries,
        hub: tail,
      }),
      url: server.url,
      port: server.port,
      otlp: { http: otlpHttp?.url, grpc: otlpGrpc?.address },
      createdAdminKey: adminKey.created ? adminKey.key : undefined,
      adminKeyPath: adminKey.path,
      clickhouse: {
        url: address.url,
        username: address.username,
        database: address.database,
        passwordFile: embedded === undefined ? undefined : passwordFile,
        get pid() {
          return embedded?.pid;
        },
      },
      postgres: {
        get pid() {
          return postgres.pid;
        },
      },
      close() {
        closing ??= (async () => {
          const until = performance.now() + config.drainTimeoutMs;
          await tail.close();
          eventStreams.close();
          await Promise.all([
            intake.drain(),
            ...[server, otlpHttp, otlpGrpc].map((listener) => listener?.drain(config.drainTimeoutMs)),
          ]);
          await spool.seal();
          if (storeReady.ready) await loader.drain(Math.max(0, until - performance.now()));
          await closeAll();
          log.info('the engine has stopped');
        })();
        return closing;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** A further port that is taken is no reason not to start: the main port takes the same spans. */
async function listenIfFree<Listener>(
  port: number | undefined,
  log: Logger,
  listen: (port: number) => Promise<Listener>,
): Promise<Listener | undefined> {
  if (port === undefined) return undefined;
  try {
    return await listen(port);
  } catch (error) {
    if (!(error instanceof MplpError) || error.code !== 'MPLP_ERR_CONFIG_INVALID') throw error;
    log.warn({ port }, `${error.message} The engine goes on without this port.`);
    return undefined;
  }
}

function partOf(name: string, ok: boolean, detail: string): PartState {
  return { name, ok, detail };
}

interface StoreReadiness {
  readonly ready: boolean;
  readonly detail: string;
  /** Resolves at the first success, or with the first failure for good. */
  readonly first: Promise<void>;
  stop(): Promise<void>;
}

/** Migrates and checks ClickHouse as soon as it answers; spans are taken in meanwhile. */
function prepareStore(
  store: ClickHouseStore,
  config: Config,
  prices: readonly ModelPrice[],
  log: Logger,
  onReady: () => void,
): StoreReadiness {
  let ready = false;
  let detail = 'ClickHouse is being prepared';
  let stopped = false;
  let wake = (): void => {};
  const first = (async () => {
    while (!stopped) {
      try {
        await store.migrate();
        await storeModelPrices(store.client, prices);
        await store.verifySettings();
        await store.applyRetention(config.retentionDays);
        if (stopped) return;
        ready = true;
        detail = '';
        onReady();
        return;
      } catch (error) {
        detail = error instanceof MplpError ? error.message : 'ClickHouse does not answer';
        log.error({ err: error }, 'ClickHouse is not ready; spans wait in the spool');
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, STORE_RETRY_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  })();
  return {
    get ready() {
      return ready;
    },
    get detail() {
      return detail;
    },
    first,
    async stop() {
      stopped = true;
      wake();
      await first;
    },
  };
}

function clickHouseAddress(
  config: Config,
  embedded: EmbeddedClickHouse | undefined,
): { url: string; username: string; password: string; database: string } {
  if (embedded !== undefined)
    return { url: embedded.url, username: embedded.username, password: embedded.password, database: 'mplp' };
  const url = new URL(config.clickhouseUrl as string);
  return {
    url: `${url.protocol}//${url.host}`,
    username: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
    database: url.pathname.replace(/^\/+|\/+$/g, '') || 'mplp',
  };
}

/** A node number from the spool's random id; set MPLP_NODE_ID where many engines share a ClickHouse. */
function nodeIdOf(spoolId: string): number {
  return parseInt(spoolId.replaceAll('-', '').slice(0, 8), 16) % LARGEST_NODE;
}

async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
