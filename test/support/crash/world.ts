import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLoadClient, type LoadClient } from './client.js';
import { judge, type ClickHouseAddress, type OracleOptions, type Verdict } from './oracle.js';
import { addTally, emptyTally, type Tally } from './tally.js';

const entry = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
export const ADMIN_KEY = 'the-admin-key-of-the-crash-suite';
const DRAIN_TIMEOUT_MS = 240_000;

export interface RunningEngine {
  readonly url: string;
  readonly clickhouse: ClickHouseAddress & { readonly pid: number | undefined };
  /** Resolves with the signal or exit code that ended it. */
  readonly ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Kills the embedded ClickHouse. */
  killClickHouse(): void;
}

export interface World {
  readonly dataDir: string;
  readonly seed: number;
  readonly client: LoadClient;
  /** Starts the engine; `undefined` when it was killed before it was ready. */
  start(env?: Readonly<Record<string, string>>): Promise<RunningEngine | undefined>;
  /** Waits until all is loaded and asks the oracle. */
  verdict(engine: RunningEngine, options?: Partial<OracleOptions>): Promise<Verdict>;
  /** Removes everything, unless the case failed: then the folder stays and is named. */
  close(failed: boolean): Promise<void>;
}

export interface WorldOptions {
  readonly tally: Tally;
  /** Base address of a ClickHouse to share; the engine's embedded one when not given. A database of its own is used. */
  readonly clickhouse?:
    { readonly url: string; readonly username: string; readonly password: string } | undefined;
  /** Where the engine reaches that ClickHouse, when a proxy is in between. */
  readonly through?: string;
  readonly seed?: number;
  readonly spansPerBatch?: number;
  readonly mark?: (batch: number) => string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { tally, clickhouse } = options;
  const seed = options.seed ?? Number(process.env['MPLP_CRASH_SEED'] ?? randomInt(2 ** 31));
  const folder = await mkdtemp(join(tmpdir(), 'mplp-crash-'));
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  const plan = {
    seed,
    spansPerBatch: options.spansPerBatch ?? 20,
    baseMs: Math.floor(Date.now() / 1000) * 1000 - 86_400_000,
    ...(options.mark === undefined ? {} : { mark: options.mark }),
  };
  const client = createLoadClient(plan, join(folder, 'journal.ndjson'), ADMIN_KEY);
  const database = `crash_${seed}_${randomInt(2 ** 31)}`;
  const children = new Set<ChildProcess>();
  const own = emptyTally();
  let judged: Verdict | undefined;

  function address(): Record<string, string> {
    if (clickhouse === undefined) return {};
    const url = new URL(options.through ?? clickhouse.url);
    url.username = encodeURIComponent(clickhouse.username);
    url.password = encodeURIComponent(clickhouse.password);
    url.pathname = `/${database}`;
    return { CLICKHOUSE_URL: url.href };
  }

  return {
    dataDir,
    seed,
    client,
    async start(env = {}) {
      const child = spawn(process.execPath, [entry], {
        env: {
          PATH: process.env['PATH'] ?? '',
          NODE_ENV: 'test',
          MPLP_PORT: '0',
          MPLP_OTLP_HTTP_PORT: 'off',
          MPLP_OTLP_GRPC_PORT: 'off',
          DATABASE_URL: 'postgres://127.0.0.1:9/mplp',
          MPLP_DATA_DIR: dataDir,
          MPLP_ADMIN_KEY: ADMIN_KEY,
          MPLP_LOG_LEVEL: process.env['MPLP_CRASH_LOG'] ?? 'fatal',
          MPLP_LOG_FORMAT: 'json',
          MPLP_SPOOL_SEGMENT_BYTES: '65536',
          MPLP_SPOOL_SEGMENT_AGE_MS: '50',
          MPLP_SPOOL_RESERVE_BYTES: '0',
          ...address(),
          ...options.env,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.add(child);
      const ended = new Promise<string>((resolve) => {
        child.once('exit', (code, signal) => {
          children.delete(child);
          if (signal === 'SIGKILL') own.kills++;
          resolve(signal ?? String(code));
        });
      });
      let stdout = '';
      const ready = new Promise<string>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          stdout += chunk.toString();
          if (stdout.includes('\n')) resolve('ready');
        });
      });
      const first = await Promise.race([ready, ended]);
      if (first === 'SIGKILL') return undefined;
      if (first !== 'ready') throw new Error(`the engine did not start: ${first}`);
      const said = JSON.parse(stdout.split('\n')[0]!) as ReadyLine;
      const asked =
        clickhouse === undefined ? withPassword(said) : { ...clickhouse, database, pid: undefined };
      return {
        url: said.url,
        clickhouse: asked,
        ended,
        kill: (signal) => void child.kill(signal),
        killClickHouse() {
          process.kill(said.clickhouse.pid!, 'SIGKILL');
          own.clickhouseKills++;
        },
      };
    },
    async verdict(engine, oracle = {}) {
      const metrics = await drained(engine.url, dataDir);
      judged = await judge({ client, dataDir, clickhouse: engine.clickhouse, metrics, ...oracle });
      return judged;
    },
    async close(failed) {
      // The verdict is on all of the client's spans, so the last one speaks for the case.
      if (judged === undefined) tally.unjudged += client.sent.size > 0 ? 1 : 0;
      else {
        const { sent, acknowledged, lost, doubled } = judged;
        addTally(tally, { ...own, cases: 1, sent, acknowledged, lost, doubled });
      }
      for (const child of children) child.kill('SIGKILL');
      client.close();
      if (failed) process.stderr.write(`seed ${seed}: journal and data are kept in ${folder}\n`);
      else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface ReadyLine {
  readonly url: string;
  readonly clickhouse: Omit<ClickHouseAddress, 'password'> & {
    readonly passwordFile: string;
    readonly pid: number | undefined;
  };
}

function withPassword({ clickhouse }: ReadyLine): RunningEngine['clickhouse'] {
  return { ...clickhouse, password: readFileSync(clickhouse.passwordFile, 'utf8').trim() };
}

/** The engine's figures once it has nothing left to load. */
async function drained(url: string, dataDir: string): Promise<string> {
  const until = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const reply = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    const metrics = await reply.text();
    const isEmpty = /^mplp_spool_unstored_spans 0$/m.test(metrics);
    // The last deletion comes after the last insert.
    const isDeleted = !readdirSync(`${dataDir}/spool`).some((name) => /\.(done|split)$/.test(name));
    if ((isEmpty && isDeleted) || performance.now() > until) return metrics;
    await delay(25);
  }
}
