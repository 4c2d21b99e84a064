/** Where a Redis is and who asks, as `REDIS_URL` says. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database. */
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/** Reads `redis://user:password@host:6379/0`; `rediss://` is TLS. What stands behind `?` is not looked at. */
export function redisAddressOf(text: string): RedisAddress {
  const url = new URL(text);
  const database = Number(url.pathname.replace(/^\/+|\/+$/g, ''));
  return {
    // IPv6 addresses stand in brackets in a URL, and nowhere else.
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === 'rediss:',
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    database: Number.isInteger(database) ? database : 0,
  };
}
