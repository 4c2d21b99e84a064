import { createServer } from 'node:net';
import { ClientError, type Client } from '../../client/index.js';
import type { Config } from '../../config/index.js';
import type { Session } from '../session.js';
import { formatDuration } from '../terminal-text.js';
import { fail, ok, warn, type Finding } from './check.js';

const TIMEOUT_MS = 5_000;
const CLOCK_TOLERANCE_MS = 60_000;
const OLDEST_CLICKHOUSE = [25, 8] as const;

/** Whether the engine answers, and if not, whether its port is free for it. */
export async function checkEngine(session: Session, config: Config): Promise<Finding[]> {
  const name = 'engine';
  try {
    const { ready, parts } = await session.client.getReadiness(anySignal(session.signal));
    const detail = `answers at ${session.url}`;
    if (ready)
      return [
        ok(name, `${detail} and is ready`),
        ...Object.entries(parts)
          .filter(([, part]) => !part.ok)
          .map(([part, { detail: reason }]) =>
            warn(part, reason, 'spans are taken in all the same; see the log of the engine'),
          ),
        await checkKey(session.client, session.signal),
        await checkClock(session),
      ];
    const missing = Object.entries(parts).filter(([, part]) => !part.ok);
    return [
      fail(
        name,
        `${detail}, but is not ready`,
        'it goes on by itself when what is named below is back; its log has more',
      ),
      ...missing.map(([part, { detail: reason }]) => fail(part, reason, 'see the log of the engine')),
    ];
  } catch (error) {
    session.signal.throwIfAborted();
    if (!(error instanceof ClientError)) throw error;
    if (error.code !== 'UNREACHABLE') {
      return [
        fail(
          name,
          `something else answers at ${session.url}: ${error.message}`,
          'choose another --url or MPLP_PORT',
        ),
      ];
    }
    return [
      warn(name, `does not run at ${session.url}`, 'start it with `npm start`'),
      await checkPort('port', config.host, config.port, 'MPLP_PORT'),
      ...(await checkOtlpPorts(config)),
    ];
  }
}

/** The engine starts without an OTLP port that another process has, so that is a warning. */
async function checkOtlpPorts(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, port, option] of [
    ['OTLP/HTTP port', config.otlpHttpPort, 'MPLP_OTLP_HTTP_PORT'],
    ['OTLP/gRPC port', config.otlpGrpcPort, 'MPLP_OTLP_GRPC_PORT'],
  ] as const) {
    if (typeof port !== 'number') continue;
    const finding = await checkPort(name, config.host, port, option);
    findings.push(finding.level === 'fail' ? { ...finding, level: 'warn' } : finding);
  }
  return findings;
}

function checkPort(name: string, host: string, port: number, option: string): Promise<Finding> {
  const address = `${host}:${port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice =
        error.code === 'EADDRINUSE'
          ? `end the program that holds it, or set ${option}`
          : `set MPLP_HOST or ${option}`;
      resolve(fail(name, `${address} cannot be used (${error.code ?? error.message})`, advice));
    });
    server.listen(port, host, () => server.close(() => resolve(ok(name, `${address} is free`))));
  });
}

async function checkKey(client: Client, signal: AbortSignal): Promise<Finding> {
  try {
    await client.listTraces({ limit: 1 }, anySignal(signal));
    return ok('key', 'accepted');
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return fail(
      'key',
      message,
      'pass --key or MPLP_ADMIN_KEY, or --data-dir where the engine keeps its admin-key',
    );
  }
}

/** Compares this machine's clock with that of ClickHouse: times far apart put spans outside the accepted window. */
async function checkClock(session: Session): Promise<Finding> {
  const name = 'clock';
  try {
    const before = Date.now();
    const response = await session.client.query('SELECT toUnixTimestamp64Milli(now64(3)) AS ms', {
      format: 'JSONEachRow',
      signal: anySignal(session.signal),
    });
    const { ms } = JSON.parse(await response.text()) as { ms: number | string };
    const apartMs = Math.abs(Number(ms) - (before + Date.now()) / 2);
    const detail = `${formatDuration(apartMs)} apart from ClickHouse`;
    return apartMs > CLOCK_TOLERANCE_MS
      ? fail(name, detail, 'set the clocks by NTP on both machines')
      : ok(name, detail);
  } catch (error) {
    session.signal.throwIfAborted();
    return warn(
      name,
      `could not be compared: ${error instanceof Error ? error.message : String(error)}`,
      'see `mplp query "SELECT now()"`',
    );
  }
}

/** The server that `CLICKHOUSE_URL` names; the embedded one is looked after by the engine. */
export async function checkClickHouse(config: Config, signal: AbortSignal): Promise<Finding[]> {
  const name = 'ClickHouse';
  if (config.clickhouseUrl === undefined) return [];
  const url = new URL(config.clickhouseUrl);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username) || 'default'}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  const ask = async (sql: string): Promise<string[][]> => {
    const response = await fetch(url.origin, {
      method: 'POST',
      body: sql,
      headers: { authorization },
      signal: anySignal(signal),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(text.split('\n')[0]?.slice(0, 200));
    return text
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
  };
  try {
    const [[version = '', readonly = ''] = []] = await ask(
      "SELECT version(), getSetting('readonly') FORMAT TSV",
    );
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const isOld =
      major < OLDEST_CLICKHOUSE[0] || (major === OLDEST_CLICKHOUSE[0] && minor < OLDEST_CLICKHOUSE[1]);
    const detail = `version ${version} at ${url.origin}`;
    if (isOld) return [fail(name, detail, `use ${OLDEST_CLICKHOUSE.join('.')} or later`)];
    if (readonly !== '0')
      return [
        fail(
          name,
          `${detail}, but the user may only read`,
          'give the user readonly = 0: the engine sets its settings with each insert',
        ),
      ];
    return [ok(name, detail), await checkDeduplication(ask)];
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return [
      fail(
        name,
        `${url.origin}: ${message}`,
        'check that the server runs and that CLICKHOUSE_URL has the right user, password and database',
      ),
    ];
  }
}

/** Without a deduplication window, a segment that is sent again after a lost answer would be stored twice. */
async function checkDeduplication(ask: (sql: string) => Promise<string[][]>): Promise<Finding> {
  const name = 'ClickHouse tables';
  const rows = await ask(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' " +
      "AND engine NOT LIKE 'Replicated%' AND engine_full NOT LIKE '%non_replicated_deduplication_window%' FORMAT TSV",
  );
  const names = rows.flat().filter((table) => table !== '');
  return names.length === 0
    ? ok(name, 'all with a deduplication window')
    : warn(
        name,
        `without a deduplication window: ${names.join(', ')}`,
        "if they are the engine's, restart it and read its log",
      );
}

function anySignal(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
}
