import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectClickHouse } from './clickhouse.mjs';

// Ends by `exit`, so that what it started is ended too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

export const repositoryRoot = fileURLToPath(new URL('..', import.meta.url));

/** @param {{ url: string, username: string, database: string, passwordFile: string, pid: number }} access */
async function clickHouseAddress(access) {
  return { ...access, password: (await readFile(access.passwordFile, 'utf8')).trim() };
}

/**
 * Starts a program and waits for its line `{"ready":true,…}` on standard output.
 *
 * @param {string} file Path below the repository.
 * @param {Record<string, string>} env Added to this process's environment.
 * @param {number} [timeoutMs]
 */
export async function startProcess(file, env, timeoutMs = 60_000) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [path.join(repositoryRoot, file)], {
    cwd: repositoryRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-4000)));
  // A benchmark that fails half-way leaves nothing running.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  /** @type {Promise<number | string>} */
  const exited = new Promise((resolve) =>
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      resolve(code ?? signal ?? -1);
    }),
  );
  const lines = createInterface({ input: child.stdout });
  let timer;
  try {
    const ready = await Promise.race([
      new Promise((resolve) =>
        lines.on('line', (line) => {
          if (line.startsWith('{"ready":true')) resolve(JSON.parse(line));
        }),
      ),
      exited.then((code) =>
        Promise.reject(new Error(`${file} ended with ${code} before it was ready\n${errors}`)),
      ),
      new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`${file} was not ready after ${timeoutMs} ms\n${errors}`)),
          timeoutMs,
        );
      }),
    ]);
    return {
      pid: /** @type {number} */ (child.pid),
      ready,
      startToReadyMs: performance.now() - startedAt,
      exited,
      /** Last 4,000 characters of standard error. */
      errors: () => errors,
      /** Ends it with SIGTERM and waits; SIGKILL after `graceMs`. Resolves to the exit code. */
      async stop(graceMs = 60_000) {
        child.kill('SIGTERM');
        const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
        const code = await exited;
        clearTimeout(killer);
        return code;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** @typedef {Awaited<ReturnType<typeof startProcess>>} RunningProcess */

/** Key that the benchmarks give the engines they start. */
export const benchAdminKey = 'bench-only-admin-key-0123456789abcdef';

/** A folder for one engine; below `MPLP_BENCH_DIR` when given, to measure another disk. */
export const makeDataDir = () =>
  mkdtemp(path.join(process.env['MPLP_BENCH_DIR'] ?? os.tmpdir(), 'mplp-bench-'));

/**
 * The engine as users start it, with everything at its default but the log.
 * @param {{ dataDir?: string, env?: Record<string, string> }} [options] Without `dataDir` a new one is made, and removed on `stop`.
 */
export async function startEngine({ dataDir: givenDir, env = {} } = {}) {
  const dataDir = givenDir ?? (await makeDataDir());
  const discard = async () => {
    if (givenDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  let serve;
  try {
    serve = await startProcess('dist/main.js', {
      MPLP_PORT: '0',
      MPLP_OTLP_HTTP_PORT: 'off',
      MPLP_OTLP_GRPC_PORT: 'off',
      MPLP_DATA_DIR: dataDir,
      MPLP_ADMIN_KEY: benchAdminKey,
      MPLP_LOG_LEVEL: 'warn',
      ...env,
    });
  } catch (error) {
    await discard();
    throw error;
  }
  const store = connectClickHouse(await clickHouseAddress(serve.ready.clickhouse));
  return {
    url: /** @type {string} */ (serve.ready.url),
    dataDir,
    serve,
    store,
    token: benchAdminKey,
    async stop() {
      store.close();
      const code = await serve.stop();
      await discard();
      if (code !== 0) throw new Error(`the engine ended with ${code}\n${serve.errors()}`);
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startEngine>>} Engine */

/**
 * Runs `work` with a fresh engine and stops it; an error tells what the engine said last.
 * @template T
 * @param {(engine: Engine) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withEngine(work) {
  const engine = await startEngine();
  try {
    return await work(engine);
  } catch (error) {
    const said = engine.serve.errors();
    throw said === '' ? error : new Error(`a round failed; the engine wrote:\n${said}`, { cause: error });
  } finally {
    await engine.stop();
  }
}
