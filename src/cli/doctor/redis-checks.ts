import { Redis } from 'ioredis';
import { redisAddressOf, type Config } from '../../config/index.js';
import { fail, ok, warn, type Finding } from './check.js';

const TIMEOUT_MS = 5_000;
const OLDEST_MAJOR = 6;

/** The server that `REDIS_URL` names. */
export async function checkRedis({ redisUrl }: Pick<Config, 'redisUrl'>): Promise<Finding[]> {
  if (redisUrl === undefined) return [];
  const name = 'Redis';
  const { host, port, isTls, username, password, database } = redisAddressOf(redisUrl);
  const address = `${host}:${port}`;
  const redis = new Redis({
    host,
    port,
    ...(isTls ? { tls: { servername: host } } : {}),
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  let reason: Error | undefined;
  redis.on('error', (error: Error) => (reason = error));
  try {
    await redis.connect();
    if (password !== undefined)
      await (username === undefined ? redis.auth(password) : redis.auth(username, password));
    if (database !== 0) await redis.select(database);
    const info = parseInfo(await redis.info());
    const version = info.get('redis_version') ?? '';
    const detail = `version ${version} at ${address}`;
    if (parseInt(version, 10) < OLDEST_MAJOR) return [fail(name, detail, `use ${OLDEST_MAJOR} or later`)];
    if (info.get('role') === 'slave')
      return [fail(name, `${detail}, but it is a replica`, 'let REDIS_URL name the primary')];
    await redis.eval("return redis.call('GET', KEYS[1])", 1, 'mplp:clock');
    const policy = info.get('maxmemory_policy') ?? '';
    if (policy === 'noeviction')
      return [
        warn(
          name,
          `${detail}, which takes nothing new when its memory is full`,
          'set maxmemory, and maxmemory-policy to allkeys-lru',
        ),
      ];
    return [ok(name, detail)];
  } catch (error) {
    return [
      fail(
        name,
        `${address}: ${describe(error as Error, reason)}`,
        'check that the server runs and that REDIS_URL has the right user, password and database',
      ),
    ];
  } finally {
    redis.disconnect();
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':');
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** Of what Redis says, the first word: the rest can repeat what was sent, a password for one. */
function describe(error: Error, reason: Error | undefined): string {
  if (error.name === 'ReplyError') return `it says ${/^[A-Z]{2,20}/.exec(error.message)?.[0] ?? 'ERR'}`;
  const { code, message } = (reason ?? error) as Error & { code?: string };
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}
