import { connect, type Socket } from 'node:net';
import postgres from 'postgres';

/** What work on the database speaks: the tagged template of the `postgres` driver and its helpers. */
export type Sql = postgres.ISql<{ bigint: number }>;

export interface SessionOptions {
  /** `postgres://user:password@host:port/database?options`. */
  readonly url: string;
  /** Another database than the one of the URL. */
  readonly database?: string;
  /** The host of a list that is tried; counted up by the pool, so that a dead one is passed over. */
  readonly attempt: number;
  readonly connectTimeoutMs: number;
  /** Postgres gives up a statement after this time. */
  readonly statementTimeoutMs: number;
  /** Postgres gives up waiting for a lock after this time. */
  readonly lockTimeoutMs: number;
  /** Called once, as soon as the session can no longer be used. */
  readonly onDead: () => void;
  /** Called for each notification of a channel that the session listens to. */
  readonly onNotify?: ((channel: string, payload: string) => void) | undefined;
}

/** One connection, opened with the first statement. It is never opened again: what was begun on it cannot go on elsewhere. */
export interface Session {
  readonly sql: Sql;
  readonly isDead: boolean;
  /** The server has let us in, so that a statement may have been sent. */
  readonly isConnected: boolean;
  /** Settles as `use` does, or fails when the session dies: the driver leaves statements in its queue unanswered then. */
  run<T>(use: (sql: Sql) => Promise<T>): Promise<T>;
  /** Breaks the connection; statements under way fail at once. */
  destroy(): void;
  /** Says goodbye to Postgres and closes. */
  close(): Promise<void>;
}

/**
 * The driver reconnects by itself and sends queued statements over whichever connection is next, which would run the
 * rest of a broken transaction outside of any. So each session is a driver with one connection, whose socket it gets
 * from here, and a second one it does not get.
 */
export function openSession(options: SessionOptions): Session {
  let isDead = false;
  let isConnected = false;
  let socket: Socket | undefined;
  /** Of what runs now. A promise that all of it races against would keep every result for as long as the session lives. */
  const rejects = new Set<(error: Error) => void>();
  const closed = (): Error =>
    Object.assign(new Error('the connection was closed'), { code: 'CONNECTION_CLOSED' });
  const die = (): void => {
    if (isDead) return;
    isDead = true;
    // Rejects what the driver still has queued, and all that comes later.
    void sql.end({ timeout: 0 });
    for (const reject of rejects) reject(closed());
    options.onDead();
  };
  const shared = {
    max: 1,
    backoff: () => 0,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: options.connectTimeoutMs / 1000,
    onnotice: () => undefined,
    onclose: die,
    // The server says them when it has let us in, before it takes the first statement.
    onparameter: () => (isConnected = true),
    // The driver would ask for the types of arrays by itself, and nobody could answer for that statement when it fails.
    fetch_types: false,
    types: {
      bigint: { to: 20, from: [20], parse: parseBigint, serialize: String },
      ...Object.fromEntries(arrayTypes.map((oid) => [oid, { to: oid, from: [], serialize: arrayLiteral }])),
    },
    connection: {
      application_name: 'mplp',
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.lockTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      timezone: 'UTC',
    },
  };
  const { host, port, database } = addressOf(options.url, options.attempt);
  const sql = postgres(options.url, {
    ...shared,
    database: options.database ?? database,
    ...({ host, port, socket: () => openSocket(), onnotify: options.onNotify } as object),
  }) as unknown as postgres.Sql<{ bigint: number }>;

  async function openSocket(): Promise<Socket> {
    if (isDead || socket !== undefined)
      throw Object.assign(new Error('the session has ended'), { code: 'CONNECTION_CLOSED' });
    const opened = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket = opened;
    opened.once('close', die);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        opened.destroy();
        reject(Object.assign(new Error('no connection in time'), { code: 'CONNECT_TIMEOUT' }));
      }, options.connectTimeoutMs);
      opened.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      opened.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      opened.once('close', () => {
        clearTimeout(timer);
        reject(Object.assign(new Error('the connection was closed'), { code: 'CONNECTION_CLOSED' }));
      });
    });
    opened.setNoDelay(true);
    // The name that TLS checks the certificate against.
    return Object.assign(opened, { host });
  }

  return {
    sql,
    get isDead() {
      return isDead;
    },
    get isConnected() {
      return isConnected;
    },
    run: (use) =>
      new Promise((resolve, reject) => {
        if (isDead) return reject(closed());
        const result = use(sql);
        rejects.add(reject);
        result.then(resolve, reject).finally(() => rejects.delete(reject));
      }),
    destroy() {
      socket?.destroy();
      die();
    },
    async close() {
      await sql.end({ timeout: 1 });
      socket?.destroy();
      isDead = true;
    },
  };
}

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
}

/** One of the hosts of a URL (`postgres://a:5432,b:5433/database`), as the driver reads it. Opens no connection. */
export function addressOf(url: string, attempt = 0): PostgresAddress {
  const { host, port, database } = postgres(url, { max: 1 }).options;
  const index = attempt % host.length;
  // The driver leaves the name as the URL has it.
  return {
    host: host[index] ?? '127.0.0.1',
    port: port[index] ?? 5432,
    database: decodeURIComponent(database),
  };
}

/** `text[]`, `uuid[]`, `int4[]` and `int8[]` as parameters. As results they are strings: select `to_jsonb(…)` instead. */
const arrayTypes = [1009, 2951, 1007, 1016];

function arrayLiteral(items: readonly (string | number | null)[]): string {
  const quoted = items.map((item) =>
    item === null ? 'NULL' : `"${String(item).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${quoted.join(',')}}`;
}

/** Counters and sequences fit into a number; what does not is not silently rounded. */
function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is not a safe integer`);
  return value;
}
