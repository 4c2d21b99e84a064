import { Registry } from 'prom-client';
import {
  createPostgresStore,
  type Migration,
  type PostgresLimits,
  type PostgresStore,
} from '#dist/store/postgres/index.js';
import {
  ask,
  log,
  PASSWORD,
  startTestPostgres,
  type TestPostgres,
} from '../../embedded/postgres/embedded-postgres.js';
import { startPostgresProxy, type PostgresProxy } from '../../support/postgres-proxy.js';

/** Short ones, so that faults show soon. */
export const limits: Partial<PostgresLimits> = {
  lookupMs: 4_000,
  acquireTimeoutMs: 2_000,
  connectTimeoutMs: 1_000,
};

export interface TestStore {
  readonly store: PostgresStore;
  readonly registry: Registry;
  close(): Promise<void>;
}

export function openStore(
  url: string,
  more: Partial<PostgresLimits> = {},
  migrations?: Migration[],
): TestStore {
  const registry = new Registry();
  const store = createPostgresStore({ url, log, registry, limits: { ...limits, ...more } }, migrations);
  return { store, registry, close: () => store.close() };
}

export interface Form {
  readonly name: string;
  /** A migrated store of this form. */
  start(): Promise<RunningForm>;
}

export interface RunningForm {
  readonly postgres: TestPostgres;
  readonly url: string;
  /** In front of the server, for the remote form. */
  readonly proxy: PostgresProxy | undefined;
  close(): Promise<void>;
}

/** Embedded: as the engine starts it. Remote: a database and a user that others made, over the network. */
export const forms: readonly Form[] = [
  {
    name: 'the embedded Postgres',
    async start() {
      const postgres = await startTestPostgres();
      return { postgres, url: postgres.server.url, proxy: undefined, close: () => postgres.close() };
    },
  },
  {
    name: 'a Postgres of DATABASE_URL',
    async start() {
      const postgres = await startTestPostgres();
      await ask(postgres.server.url, `CREATE ROLE tenant LOGIN PASSWORD '${PASSWORD}'`);
      await ask(postgres.server.url, 'CREATE DATABASE "state of agents" OWNER tenant');
      const proxy = await startPostgresProxy(postgres.server.port);
      return {
        postgres,
        url: `postgresql://tenant:${PASSWORD}@127.0.0.1:${proxy.port}/state%20of%20agents`,
        proxy,
        async close() {
          await proxy.close();
          await postgres.close();
        },
      };
    },
  },
];

/** A document that the table of contexts takes. */
export const emptyContext = JSON.stringify({ status: 'active', lifecycle_stage: 'planning' });
