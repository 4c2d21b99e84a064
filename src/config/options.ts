/**
 * Every option of the engine, in one table: name, environment variable, flag, type, default and meaning.
 * `docs/reference/configuration.md` is generated from it. Precedence: flag, environment, file, default.
 */
export interface OptionSpec {
  /** Environment variable. The flag is derived: `MPLP_DATA_DIR` is `--data-dir`, `CLICKHOUSE_URL` is `--clickhouse-url`. */
  readonly env: string;
  /**
   * A `listener` is a port that may be left closed: `undefined` is closed, 0 any free port. `networks` are blocks of
   * addresses, with commas between them.
   */
  readonly type:
    'string' | 'secret' | 'integer' | 'bytes' | 'url' | 'enum' | 'boolean' | 'listener' | 'networks';
  readonly default: string | number | boolean | undefined;
  readonly min?: number;
  readonly max?: number;
  readonly values?: readonly string[];
  /** Schemes of a `url`; http and https when not given. */
  readonly schemes?: readonly string[];
  readonly doc: string;
}

const MiB = 1024 * 1024;

export const optionTable = {
  host: { env: 'MPLP_HOST', type: 'string', default: '127.0.0.1', doc: 'Address to listen on.' },
  port: {
    env: 'MPLP_PORT',
    type: 'integer',
    default: 3000,
    min: 0,
    max: 65535,
    doc: 'Port to listen on; 0 picks a free one.',
  },
  otlpHttpPort: {
    env: 'MPLP_OTLP_HTTP_PORT',
    type: 'listener',
    default: 4318,
    doc: 'Further port for OTLP/HTTP (`/v1/traces`, which the main port has too); `off` or 0 leaves it closed, `auto` picks a free one. When another process has it, the engine says so and goes on without.',
  },
  otlpGrpcPort: {
    env: 'MPLP_OTLP_GRPC_PORT',
    type: 'listener',
    default: 4317,
    doc: 'Port for OTLP/gRPC; as `otlpHttpPort`.',
  },
  dataDir: {
    env: 'MPLP_DATA_DIR',
    type: 'string',
    default: './data',
    doc: 'Folder for the spool, the embedded databases and the admin key.',
  },
  adminKey: {
    env: 'MPLP_ADMIN_KEY',
    type: 'secret',
    default: undefined,
    doc: 'Admin key; made at first start and kept in the data folder when not given.',
  },
  logLevel: {
    env: 'MPLP_LOG_LEVEL',
    type: 'enum',
    default: 'info',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    doc: 'Least level that is logged.',
  },
  logFormat: {
    env: 'MPLP_LOG_FORMAT',
    type: 'enum',
    default: 'auto',
    values: ['auto', 'json', 'pretty'],
    doc: '`auto` is `pretty` on a terminal and `json` elsewhere.',
  },
  workers: {
    env: 'MPLP_WORKERS',
    type: 'integer',
    default: 0,
    min: 0,
    max: 256,
    doc: 'Decoder threads; 0 means one less than the processors, at least 1.',
  },
  nodeId: {
    env: 'MPLP_NODE_ID',
    type: 'integer',
    default: -1,
    min: -1,
    max: 1023,
    doc: 'Number of this node among those that share a ClickHouse; -1 derives one from the spool.',
  },
  clickhouseUrl: {
    env: 'CLICKHOUSE_URL',
    type: 'url',
    default: undefined,
    doc: 'A ClickHouse server (`http://user:password@host:8123/database`); the embedded one when not given.',
  },
  clickhouseCluster: {
    env: 'CLICKHOUSE_CLUSTER',
    type: 'string',
    default: undefined,
    doc: 'Name of the ClickHouse cluster; switches to replicated and distributed tables.',
  },
  clickhousePort: {
    env: 'MPLP_CLICKHOUSE_PORT',
    type: 'integer',
    default: 0,
    min: 0,
    max: 65535,
    doc: 'Port of the embedded ClickHouse on loopback; 0 picks a free one.',
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    type: 'url',
    default: undefined,
    schemes: ['postgres', 'postgresql'],
    doc: 'A PostgreSQL server, 14 or later (`postgres://user:password@host:5432/database`, TLS with `?sslmode=verify-full`); the embedded one when not given.',
  },
  postgresPort: {
    env: 'MPLP_POSTGRES_PORT',
    type: 'integer',
    default: 0,
    min: 0,
    max: 65535,
    doc: 'Port of the embedded PostgreSQL on loopback; 0 picks a free one.',
  },
  redisUrl: {
    env: 'REDIS_URL',
    type: 'url',
    default: undefined,
    schemes: ['redis', 'rediss'],
    doc: 'A Redis server, 6 or later (`redis://user:password@host:6379/0`, TLS with `rediss://`): second level of the cache, and hints between engines that share a Postgres. Without it, each engine has its memory only.',
  },
  cacheBytes: {
    env: 'MPLP_CACHE_BYTES',
    type: 'bytes',
    default: 64 * MiB,
    min: MiB,
    max: 64 * 1024 * MiB,
    doc: 'Memory for contexts, plans and other state that was read, counted as JSON.',
  },
  eventRetentionHours: {
    env: 'MPLP_EVENT_RETENTION_HOURS',
    type: 'integer',
    default: 168,
    min: 1,
    max: 24 * 365,
    doc: 'How long events of the state modules are kept for readers that resume.',
  },
  webhookAllowNetworks: {
    env: 'MPLP_WEBHOOK_ALLOW_NETWORKS',
    type: 'networks',
    default: undefined,
    doc: 'Networks that webhooks may be sent to although they are not public (`10.1.0.0/16,fd00:1::/32`); none when not given.',
  },
  maxBodyBytes: {
    env: 'MPLP_MAX_BODY_BYTES',
    type: 'bytes',
    default: 32 * MiB,
    min: 1024,
    max: 1024 * MiB,
    doc: 'Largest request body after decompression.',
  },
  maxSpanBytes: {
    env: 'MPLP_MAX_SPAN_BYTES',
    type: 'bytes',
    default: 4 * MiB,
    min: 1024,
    max: 1024 * MiB,
    doc: 'Largest single span.',
  },
  maxInflightBytes: {
    env: 'MPLP_MAX_INFLIGHT_BYTES',
    type: 'bytes',
    default: 128 * MiB,
    min: MiB,
    max: 64 * 1024 * MiB,
    doc: 'Body bytes held in memory before requests are answered 429.',
  },
  spoolMaxBytes: {
    env: 'MPLP_SPOOL_MAX_BYTES',
    type: 'bytes',
    default: 8 * 1024 * MiB,
    min: MiB,
    doc: 'Bytes of unstored spans on disk before requests are answered 429.',
  },
  spoolReserveBytes: {
    env: 'MPLP_SPOOL_RESERVE_BYTES',
    type: 'bytes',
    default: 256 * MiB,
    min: 0,
    doc: 'Free disk space that the spool leaves alone.',
  },
  spoolSegmentBytes: {
    env: 'MPLP_SPOOL_SEGMENT_BYTES',
    type: 'bytes',
    default: 128 * MiB,
    min: 4096,
    max: 1024 * MiB,
    doc: 'A segment is sealed when it reaches this size.',
  },
  spoolSegmentAgeMs: {
    env: 'MPLP_SPOOL_SEGMENT_AGE_MS',
    type: 'integer',
    default: 300,
    min: 1,
    max: 60_000,
    doc: 'A segment with spans is sealed at this age, so that they become queryable.',
  },
  durability: {
    env: 'MPLP_DURABILITY',
    type: 'enum',
    default: 'spooled',
    values: ['spooled', 'memory'],
    doc: '`spooled`: acknowledged means synced to disk. `memory` is for labs: acknowledged spans can be lost.',
  },
  receiptRetentionHours: {
    env: 'MPLP_RECEIPT_RETENTION_HOURS',
    type: 'integer',
    default: 24,
    min: 1,
    max: 24 * 30,
    doc: 'How long receipts and batch hashes are remembered.',
  },
  retentionDays: {
    env: 'MPLP_RETENTION_DAYS',
    type: 'integer',
    default: 90,
    min: 0,
    max: 36_500,
    doc: 'Days after which stored spans are deleted; 0 keeps them for ever.',
  },
  modelPrices: {
    env: 'MPLP_MODEL_PRICES',
    type: 'string',
    default: undefined,
    doc: 'JSON file with what tokens of each model cost; the list that comes with the engine when not given.',
  },
  maxSpanAgeDays: {
    env: 'MPLP_MAX_SPAN_AGE_DAYS',
    type: 'integer',
    default: 3650,
    min: 1,
    max: 18_000,
    doc: 'Spans that start or end earlier are refused.',
  },
  maxSpanFutureDays: {
    env: 'MPLP_MAX_SPAN_FUTURE_DAYS',
    type: 'integer',
    default: 7,
    min: 0,
    max: 3650,
    doc: 'Spans that start or end later than this many days from now are refused.',
  },
  queryTimeoutMs: {
    env: 'MPLP_QUERY_TIMEOUT_MS',
    type: 'integer',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    doc: 'Longest run of one query.',
  },
  queryMaxConcurrent: {
    env: 'MPLP_QUERY_MAX_CONCURRENT',
    type: 'integer',
    default: 8,
    min: 1,
    max: 1000,
    doc: 'Most queries of users that run at a time; further ones are answered 429.',
  },
  queryMaxRows: {
    env: 'MPLP_QUERY_MAX_ROWS',
    type: 'integer',
    default: 1_000_000,
    min: 1,
    doc: 'Most rows one query may return.',
  },
  queryMaxMemoryBytes: {
    env: 'MPLP_QUERY_MAX_MEMORY_BYTES',
    type: 'bytes',
    default: 2 * 1024 * MiB,
    min: MiB,
    doc: 'Most memory one query may use in ClickHouse.',
  },
  queryMaxResultBytes: {
    env: 'MPLP_QUERY_MAX_RESULT_BYTES',
    type: 'bytes',
    default: 256 * MiB,
    min: 1024,
    doc: 'Most bytes one query may return.',
  },
  tailBufferBytes: {
    env: 'MPLP_TAIL_BUFFER_BYTES',
    type: 'bytes',
    default: MiB,
    min: 1024,
    max: 1024 * MiB,
    doc: 'Bytes held for one live-tail subscriber before spans are counted as missed.',
  },
  drainTimeoutMs: {
    env: 'MPLP_DRAIN_TIMEOUT_MS',
    type: 'integer',
    default: 25_000,
    min: 0,
    max: 600_000,
    doc: 'Longest graceful stop.',
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof optionTable;
